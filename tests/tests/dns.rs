//! `trace_dns` on the real kernel: name servers on the loopback interface, over UDP and TCP, IPv4 and IPv6; queries must be
//! found with their answers, the process and the container that asked, and nothing for a process out of scope.

use std::io::{IoSlice, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Child;
use std::time::Duration;

use gadgetry_tests::container;
use gadgetry_tests::host::Host;
use gadgetry_tests::rows::{self, rows, with};
use serde_json::{Value, json};

/// Our own process id, as rows have it.
fn own() -> u32 {
    std::process::id()
}

/// A process that is not ours, and asks for no names.
fn other() -> String {
    "1".to_owned()
}

/// A DNS question: `name` and a record type.
fn question(id: u8, name: &str, kind: u8) -> Vec<u8> {
    let mut bytes = vec![0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).expect("a label"));
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&[0, 0, kind, 0, 1]);
    bytes
}

/// The answer to a question: with an address if `code` (the last byte of the flags) says that there is one.
fn answer(question: &[u8], code: u8) -> Vec<u8> {
    let mut answer = question.to_vec();
    (answer[2], answer[3]) = (0x81, code);
    if code == 0x80 {
        answer[7] = 1;
        answer.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x01\x02\x03");
    }
    answer
}

/// As a message goes over TCP: behind its length.
fn framed(message: &[u8]) -> Vec<u8> {
    let len = u16::try_from(message.len()).expect("a message");
    [&len.to_be_bytes()[..], message].concat()
}

/// The next message that comes over TCP.
fn message(stream: &mut TcpStream) -> Vec<u8> {
    let mut len = [0; 2];
    stream.read_exact(&mut len).expect("a length");
    let mut message = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut message).expect("a message");
    message
}

#[test]
fn trace_dns_pairs_queries_with_their_answers() {
    let host = Host::new();
    for address in ["127.0.0.1", "::1"] {
        let server = UdpSocket::bind((address, 0)).expect("a port");
        let port = server.local_addr().expect("an address").port();
        let number = port.to_string();
        let elsewhere =
            rows::start(&host, "trace_dns", &["--duration", "10", "--port", &number, "--pid", &other()]);
        let run = rows::start(&host, "trace_dns", &["--duration", "10", "--port", &number]);
        let client = UdpSocket::bind((address, 0)).expect("a port");
        client.connect((address, port)).expect("a name server");
        for (id, name, code) in
            [(1, "found.example", 0x80), (2, "missing.example", 0x83), (3, "lost.example", 0)]
        {
            client.send(&question(id, name, 1)).expect("sent");
            let mut message = [0; 512];
            let (len, from) = server.recv_from(&mut message).expect("a question");
            if code != 0 {
                server.send_to(&answer(&message[..len], code), from).expect("sent");
                client.recv(&mut message).expect("an answer");
            }
        }
        let found = run.answer();
        assert_eq!((rows(&found).len(), &found["loss"]["total"]), (3, &json!(0)), "{found}");
        let of = |name: &str| with(&found, "name", name)[0];
        let (one, missing, lost) = (of("found.example"), of("missing.example"), of("lost.example"));
        assert_eq!((&one["rcode"], &one["addresses"]), (&json!("NOERROR"), &json!(["10.1.2.3"])), "{one}");
        assert_eq!((&one["nameserver"], &one["pid"]), (&json!(address), &json!(own())), "{one}");
        assert!(one["latency_ns"].as_u64() > Some(500), "{one}");
        assert_eq!((&missing["rcode"], &missing["addresses"]), (&json!("NXDOMAIN"), &json!([])), "{missing}");
        assert_eq!((&lost["unanswered"], lost.get("rcode")), (&json!(true), None), "{lost}");
        assert!(rows(&elsewhere.answer()).is_empty());
    }
}

/// How long the name server of the next test thinks.
const THINKS: Duration = Duration::from_millis(30);

/// Asks for five names over one connection, as messages are cut and joined in all ways: the length and the message by
/// themselves; two messages in one call; the second half of one with the next. The answers come in another order, the
/// first and the last of them cut; the fifth does not come.
fn talk(client: &mut TcpStream, server: &mut TcpStream) {
    let ask = |id: u8, name: &str| framed(&question(id, name, 28));
    let (one, two, three) = (ask(1, "one.example"), ask(2, "two.example"), ask(3, "three.example"));
    let (four, lost) = (ask(4, "four.example"), ask(5, "lost.example"));
    client.write_all(&one[..2]).expect("sent");
    client.write_all(&one[2..]).expect("sent");
    let both = [IoSlice::new(&two), IoSlice::new(&three)];
    assert_eq!(client.write_vectored(&both).expect("sent"), two.len() + three.len());
    client.write_all(&four[..9]).expect("sent");
    client.write_all(&[&four[9..], &lost[..]].concat()).expect("sent");
    let asked: Vec<_> = (0..5).map(|_| message(server)).collect();
    std::thread::sleep(THINKS);
    let reply = |n: usize, code| framed(&answer(&asked[n], code));
    let answers = [reply(3, 0x82), reply(1, 0x83), reply(0, 0x80), reply(2, 0x80)].concat();
    let cuts = [0, 1, 20, answers.len() - 5, answers.len()];
    let mut got = Vec::new();
    for cut in cuts.windows(2) {
        let part = &answers[cut[0]..cut[1]];
        server.write_all(part).expect("sent");
        let mut bytes = vec![0; part.len()];
        client.peek(&mut bytes).expect("what is looked at is not taken");
        client.read_exact(&mut bytes).expect("received");
        got.extend(bytes);
    }
    assert_eq!(got, answers);
}

#[test]
fn trace_dns_follows_connections() {
    let host = Host::new();
    for address in ["127.0.0.1", "::1"] {
        let server = TcpListener::bind((address, 0)).expect("a port");
        let port = server.local_addr().expect("an address").port();
        let number = port.to_string();
        // Older than the run.
        let mut client = TcpStream::connect((address, port)).expect("a connection");
        client.set_nodelay(true).expect("an option");
        let client_port = client.local_addr().expect("an address").port();
        let (mut accepted, _) = server.accept().expect("a connection");
        accepted.set_nodelay(true).expect("an option");
        let elsewhere =
            rows::start(&host, "trace_dns", &["--duration", "10", "--port", &number, "--pid", &other()]);
        let run = rows::start(&host, "trace_dns", &["--duration", "10", "--port", &number, "--timeout", "2"]);
        talk(&mut client, &mut accepted);
        let found = run.answer();
        assert_eq!((rows(&found).len(), &found["loss"]["total"]), (5, &json!(0)), "{found}");
        for row in rows(&found) {
            let ends = (&row["nameserver"], &row["dst_port"], &row["src_port"], &row["protocol"]);
            assert_eq!(ends, (&json!(address), &json!(port), &json!(client_port), &json!("TCP")), "{row}");
            assert_eq!((&row["pid"], &row["query_type"]), (&json!(own()), &json!("AAAA")), "{row}");
        }
        let of = |name: &str| with(&found, "name", name)[0];
        let codes =
            ["one", "two", "three", "four"].map(|name| of(&format!("{name}.example"))["rcode"].clone());
        assert_eq!(codes, ["NOERROR", "NXDOMAIN", "NOERROR", "SERVFAIL"], "{found}");
        let one = of("one.example");
        assert_eq!(one["addresses"], json!(["10.1.2.3"]), "{one}");
        let latency = Duration::from_nanos(one["latency_ns"].as_u64().expect("a latency"));
        assert!(latency >= THINKS && latency < THINKS * 20, "{latency:?}");
        let lost = of("lost.example");
        assert_eq!(
            (&lost["unanswered"], lost.get("rcode"), lost.get("notes")),
            (&json!(true), None, None),
            "{lost}"
        );
        assert!(rows(&elsewhere.answer()).is_empty());
    }
}

/// The connection that a container makes; a test that waits for one from a container that has ended would wait for ever.
fn accepted(server: &TcpListener, container: &mut Child) -> TcpStream {
    server.set_nonblocking(true).expect("an option");
    loop {
        if let Ok((stream, _)) = server.accept() {
            stream.set_nonblocking(false).expect("an option");
            stream.set_read_timeout(Some(Duration::from_secs(10))).expect("an option");
            return stream;
        }
        assert!(container.try_wait().expect("a state").is_none(), "the container ended and did not connect");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A program in a container: busybox' `nc`, which reads and writes as most programs do.
#[test]
fn trace_dns_tells_the_container_that_asks_over_tcp() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port().to_string();
    let runs = [("crun", "inside.example"), ("runc", "within.example")].map(|(runtime, name)| {
        let id = container::name(&format!("dns-{runtime}"));
        let run = rows::start(&host, "trace_dns", &["--duration", "8", "--port", &port]);
        let octal: String =
            framed(&question(9, name, 1)).iter().map(|byte| format!("\\{byte:03o}")).collect();
        let script = format!("printf '{octal}' | nc -w 5 127.0.0.1 {port} >/tmp/{name}");
        let mut running = container::start(runtime, folder.path(), &id, &["sh", "-c", &script]);
        let mut stream = accepted(&server, &mut running);
        let asked = message(&mut stream);
        stream.write_all(&framed(&answer(&asked, 0x80))).expect("sent");
        drop(stream);
        assert!(running.wait().expect("the container ends").success());
        (runtime, name, id, run)
    });
    for (runtime, name, id, run) in runs {
        let found = run.answer();
        let asked: Vec<&Value> = with(&found, "name", name);
        assert_eq!(asked.len(), 1, "{found}");
        let row = asked[0];
        assert_eq!(
            (&row["container"]["id"], &row["container"]["runtime"]),
            (&json!(id), &json!(runtime)),
            "{row}"
        );
        assert_eq!(
            (&row["comm"], &row["rcode"], &row["protocol"]),
            (&json!("nc"), &json!("NOERROR"), &json!("TCP"))
        );
        assert_eq!(row["addresses"], json!(["10.1.2.3"]), "{row}");
    }
}
