//! The network gadgets on the real kernel, on the loopback interface: connections, packets and sockets are made and
//! must be found in the rows with the right process and values, and nothing for a process out of scope.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use gadgetry_tests::host::Host;
use gadgetry_tests::rows::{self, rows, with};
use serde_json::{Value, json};

/// Our own process id, as rows have it.
fn own() -> u32 {
    std::process::id()
}

/// A process that is not ours, and does nothing on the network.
fn other() -> String {
    "1".to_owned()
}

#[test]
fn trace_bind_tells_ports_options_and_errors() {
    let host = Host::new();
    let elsewhere = rows::start(&host, "trace_bind", &["--duration", "10", "--pid", &other()]);
    let run = rows::start(&host, "trace_bind", &["--duration", "10"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    TcpListener::bind(("127.0.0.1", port)).expect_err("the port is taken");
    let udp = UdpSocket::bind("[::1]:0").expect("a port");
    let udp_port = udp.local_addr().expect("an address").port();
    let answer = run.answer();

    let tcp = with(&answer, "src_port", port);
    assert_eq!(tcp.len(), 2, "{answer}");
    for row in &tcp {
        assert_eq!((row["pid"].as_u64(), &row["protocol"]), (Some(own().into()), &json!("TCP")), "{row}");
        assert_eq!(
            (&row["src_addr"], &row["options"]),
            (&json!("127.0.0.1"), &json!(["reuse_addr"])),
            "{row}"
        );
    }
    assert_eq!((&tcp[0]["asked_port"], tcp[0].get("error")), (&json!(0), None));
    assert_eq!(tcp[1]["error"], "EADDRINUSE");
    let udp = with(&answer, "src_port", udp_port);
    assert_eq!((udp.len(), &udp[0]["protocol"], &udp[0]["src_addr"]), (1, &json!("UDP"), &json!("::1")));
    assert_eq!(answer["loss"]["total"], 0);
    assert!(with(&elsewhere.answer(), "pid", own()).is_empty());
}

/// The rows of one connection's end on this machine, in order.
fn of_port(answer: &Value, port: u16) -> Vec<&Value> {
    with(answer, "src_port", port)
}

/// Connects, sends 5 bytes, gets 7 back, and closes the client's end first. The ports of client and server.
fn talk(listener: &TcpListener) -> (u16, u16) {
    let server = listener.local_addr().expect("an address");
    let mut client = TcpStream::connect(server).expect("a connection");
    let (mut accepted, _) = listener.accept().expect("a connection");
    client.write_all(b"hello").expect("sent");
    let mut bytes = [0; 7];
    accepted.read_exact(&mut bytes[..5]).expect("received");
    accepted.write_all(b"goodbye").expect("sent");
    client.read_exact(&mut bytes).expect("received");
    let port = client.local_addr().expect("an address").port();
    drop(client);
    assert_eq!(accepted.read(&mut bytes).expect("the end"), 0);
    drop(accepted);
    (port, server.port())
}

#[test]
fn trace_tcp_tells_both_ends_of_a_connection() {
    let host = Host::new();
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("a port");
    let elsewhere = rows::start(&host, "trace_tcp", &["--duration", "10", "--pid", &other()]);
    let run = rows::start(&host, "trace_tcp", &["--duration", "10"]);
    let ports = [talk(&v4), talk(&v6)];
    let answer = run.answer();
    assert!(with(&elsewhere.answer(), "pid", own()).is_empty());
    assert_eq!(answer["loss"]["total"], 0);
    for ((client, server), address) in ports.into_iter().zip(["127.0.0.1", "::1"]) {
        // Other tests of this process connect at the same time.
        let ours = |row: &&Value| row["dst_port"] == server || row["dst_port"] == client;
        let all: Vec<_> = with(&answer, "src_addr", address).into_iter().filter(ours).collect();
        assert!(all.iter().all(|row| row["pid"] == own()), "{all:?}");
        let of = |event: &str, role: &str| {
            let found: Vec<_> =
                all.iter().filter(|row| row["event"] == event && row["role"] == role).collect();
            assert_eq!(found.len(), 1, "{event} {role}: {all:?}");
            *found[0]
        };
        let (connect, accept) = (of("connect", "client"), of("accept", "server"));
        assert_eq!(
            (&connect["src_port"], &connect["dst_port"]),
            (&json!(client), &json!(server)),
            "{connect}"
        );
        assert_eq!((&connect["src_port"], &connect["dst_port"]), (&accept["dst_port"], &accept["src_port"]));
        assert_eq!((&connect["dst_addr"], &accept["dst_addr"]), (&json!(address), &json!(address)));
        assert!(connect["latency_ns"].as_u64() > Some(1000) && connect.get("error").is_none(), "{connect}");
        assert!(accept["fd"].as_i64() > Some(2), "{accept}");
        for (role, sent, received) in [("client", 5, 7), ("server", 7, 5)] {
            let close = of("close", role);
            assert_eq!(
                (&close["bytes_sent"], &close["bytes_received"]),
                (&json!(sent), &json!(received)),
                "{close}"
            );
            assert!(close["duration_ns"].as_u64() > Some(1000) && close.get("error").is_none(), "{close}");
        }
    }
}

#[test]
fn trace_tcp_tells_why_connections_fail() {
    let host = Host::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // Older than the run; ends while it lasts.
    let existing = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let existing_port = existing.local_addr().expect("an address").port();
    let everything = rows::start(&host, "trace_tcp", &["--duration", "10", "--pid", &own().to_string()]);
    let run = rows::start(&host, "trace_tcp", &["--duration", "10", "--failure-only"]);
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    TcpStream::connect(("127.0.0.1", closed)).expect_err("nobody listens");
    // Closed with unread bytes: the other end gets a reset.
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let client_port = client.local_addr().expect("an address").port();
    let _ = listener.accept().expect("the older connection");
    let (accepted, _) = listener.accept().expect("a connection");
    client.write_all(b"unread").expect("sent");
    std::thread::sleep(Duration::from_millis(50));
    drop(accepted);
    std::thread::sleep(Duration::from_millis(50));
    drop(client);
    drop(existing);
    let answer = run.answer();

    let refused = with(&answer, "dst_port", closed);
    assert_eq!(refused.len(), 1, "{answer}");
    assert_eq!((&refused[0]["event"], &refused[0]["error"]), (&json!("connect"), &json!("ECONNREFUSED")));
    assert_eq!(refused[0]["pid"], own());
    let reset = of_port(&answer, client_port);
    assert_eq!(reset.len(), 1, "{answer}");
    assert_eq!(
        (&reset[0]["event"], &reset[0]["error"]),
        (&json!("close"), &json!("ECONNRESET")),
        "{}",
        reset[0]
    );
    assert!(rows(&answer).iter().all(|row| row["error"].is_string() || row["notes"].is_array()), "{answer}");

    let answer = everything.answer();
    let older: Vec<_> = of_port(&answer, existing_port);
    assert_eq!(older.len(), 1, "{answer}");
    assert_eq!((&older[0]["event"], older[0].get("duration_ns")), (&json!("close"), None));
}

#[test]
fn trace_tcpretrans_tells_a_connect_that_nobody_answers() {
    let host = Host::new();
    // A server that takes nobody: its queue is full, so what comes then is dropped and sent again after a second.
    let (listener, port) = full_server();
    let elsewhere = rows::start(&host, "trace_tcpretrans", &["--duration", "10", "--pid", &other()]);
    let run = rows::start(&host, "trace_tcpretrans", &["--duration", "10"]);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(1500)).expect_err("the queue is full");
    let answer = run.answer();
    drop(listener);
    let own_rows: Vec<_> =
        with(&answer, "dst_port", port).into_iter().filter(|row| row["pid"] == own()).collect();
    assert!(!own_rows.is_empty(), "{answer}");
    assert_eq!((&own_rows[0]["reason"], &own_rows[0]["state"]), (&json!("syn"), &json!("SYN_SENT")));
    assert_eq!(own_rows[0]["flags"], json!(["SYN"]));
    assert!(with(&elsewhere.answer(), "dst_port", port).is_empty());
}

/// A server whose queue of connections is full, and the port it listens on. What is returned keeps it so.
fn full_server() -> ((TcpListener, Vec<TcpStream>), u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut waiting = Vec::new();
    // The standard library asks for a queue of 128, and the kernel takes one more.
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
        assert!(waiting.len() < 5000, "the queue does not fill up");
    }
    ((listener, waiting), address.port())
}

#[test]
fn trace_tcpdrop_tells_the_reason_by_name() {
    let host = Host::new();
    let elsewhere = rows::start(&host, "trace_tcpdrop", &["--duration", "10", "--pid", &other()]);
    let run = rows::start(&host, "trace_tcpdrop", &["--duration", "10"]);
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    TcpStream::connect(("127.0.0.1", closed)).expect_err("nobody listens");
    let answer = run.answer();
    let dropped: Vec<_> =
        of_port(&answer, closed).into_iter().filter(|row| row["reason"] == "NO_SOCKET").collect();
    assert_eq!(dropped.len(), 1, "{answer}");
    let row = dropped[0];
    assert_eq!((&row["direction"], &row["flags"]), (&json!("in"), &json!(["SYN"])), "{row}");
    assert_eq!((&row["src_addr"], &row["dst_addr"]), (&json!("127.0.0.1"), &json!("127.0.0.1")));
    assert_eq!((&row["pid"], &row["interface"]), (&json!(0), &json!(1)), "{row}");
    assert!(of_port(&elsewhere.answer(), closed).is_empty());
}

#[test]
fn snapshot_socket_tells_sockets_with_their_owners() {
    let host = Host::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let client = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let client_port = client.local_addr().expect("an address").port();
    let udp = UdpSocket::bind("[::1]:0").expect("a port");
    let udp_port = udp.local_addr().expect("an address").port();
    let answer = rows::start(&host, "snapshot_socket", &[]).answer();

    let listening: Vec<_> =
        of_port(&answer, port).into_iter().filter(|row| row["state"] == "LISTEN").collect();
    assert_eq!(listening.len(), 1, "{answer}");
    let row = listening[0];
    assert_eq!(
        (&row["pid"], &row["protocol"], &row["accept_queue"]),
        (&json!(own()), &json!("TCP"), &json!(1)),
        "{row}"
    );
    // Nobody has accepted it: it has no process.
    let waiting: Vec<_> =
        of_port(&answer, port).into_iter().filter(|row| row["dst_port"] == client_port).collect();
    assert_eq!(
        (waiting.len(), &waiting[0]["pid"], &waiting[0]["state"]),
        (1, &json!(0), &json!("ESTABLISHED"))
    );
    let own_end = of_port(&answer, client_port);
    assert_eq!(
        (own_end.len(), &own_end[0]["pid"], &own_end[0]["dst_port"]),
        (1, &json!(own()), &json!(port))
    );
    let udp_rows = of_port(&answer, udp_port);
    assert_eq!((udp_rows.len(), &udp_rows[0]["src_addr"]), (1, &json!("::1")), "{udp_rows:?}");

    let answer =
        rows::start(&host, "snapshot_socket", &["--listening", "--pid", &own().to_string()]).answer();
    assert!(!of_port(&answer, port).is_empty() && of_port(&answer, client_port).is_empty(), "{answer}");
    assert!(rows(&answer).iter().all(|row| row["pid"] == own()), "{answer}");
    let answer = rows::start(&host, "snapshot_socket", &["--pid", &other()]).answer();
    assert!(of_port(&answer, port).is_empty(), "{answer}");
}
