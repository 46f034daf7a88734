//! The gadgets that add up in the kernel: what a process did is counted exactly, told once in the result, and nothing of
//! a process out of scope is counted.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gadgetry_tests::container;
use gadgetry_tests::host::Host;
use gadgetry_tests::rows::{self, rows, with};
use gadgetry_tests::shell::Busy;
use serde_json::Value;

/// Runs `dd`; its process id.
fn dd(arguments: &[&str]) -> u32 {
    let mut child = Command::new("dd").args(arguments).stderr(Stdio::null()).spawn().expect("dd starts");
    assert!(child.wait().expect("dd ends").success(), "dd {arguments:?}");
    child.id()
}

/// A folder on a disk: a temporary one may be in memory.
fn on_disk() -> tempfile::TempDir {
    tempfile::tempdir_in(gadgetry_tests::target()).expect("a folder")
}

fn of(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// The only row of a process.
#[track_caller]
fn only(answer: &Value, pid: u32) -> &Value {
    let found = with(answer, "pid", pid);
    assert_eq!(found.len(), 1, "{pid}: {answer}");
    found[0]
}

#[test]
fn top_file_counts_every_call_and_byte() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    let run = rows::start(&host, "top_file", &["--duration", "4"]);
    let writer = dd(&["if=/dev/zero", &of("of", &file), "bs=1000", "count=50"]);
    let reader = dd(&[&of("if", &file), "of=/dev/null", "bs=100", "count=20"]);
    let answer = run.answer();
    let path = file.display().to_string();
    let of_file = |pid| {
        with(&answer, "pid", pid).into_iter().filter(|row| row["path"] == path.as_str()).collect::<Vec<_>>()
    };
    let written = of_file(writer);
    assert_eq!(written.len(), 1, "{answer}");
    assert_eq!((&written[0]["writes"], &written[0]["write_bytes"]), (&50.into(), &50_000.into()));
    assert_eq!((&written[0]["reads"], &written[0]["comm"]), (&0.into(), &"dd".into()));
    let read = of_file(reader);
    assert_eq!(read.len(), 1, "{answer}");
    assert_eq!(
        (&read[0]["reads"], &read[0]["read_bytes"], &read[0]["writes"]),
        (&20.into(), &2_000.into(), &0.into())
    );
    assert_eq!(answer["loss"]["total"], 0);
    // Devices only when they are asked for.
    assert!(with(&answer, "path", "/dev/zero").is_empty(), "{answer}");
    let largest_first = rows(&answer)
        .iter()
        .map(|row| row["read_bytes"].as_u64().unwrap() + row["write_bytes"].as_u64().unwrap());
    assert!(largest_first.is_sorted_by(|a, b| a >= b), "{answer}");

    let run = rows::start(&host, "top_file", &["--duration", "3", "--all"]);
    let pid = dd(&["if=/dev/zero", "of=/dev/null", "bs=100", "count=3"]);
    let answer = run.answer();
    let zero: Vec<_> =
        with(&answer, "pid", pid).into_iter().filter(|row| row["path"] == "/dev/zero").collect();
    assert_eq!((&zero[0]["reads"], &zero[0]["kind"]), (&3.into(), &"char_device".into()));
}

#[test]
fn top_process_agrees_with_the_kernels_own_count() {
    let host = Host::new();
    let run = rows::start(&host, "top_process", &["--duration", "4"]);
    let busy = Busy::start(Command::new("sh").args(["-c", "while :; do :; done"]));
    std::thread::sleep(Duration::from_millis(1500));
    // It must not go on between the look at its count and its end.
    busy.pause();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", busy.pid())).expect("stat");
    let pid = busy.pid();
    drop(busy);
    let ticks: Vec<u64> = stat.split(' ').skip(13).take(2).map(|it| it.parse().expect("a number")).collect();
    let own_ms = ticks.iter().sum::<u64>() * 10;
    let answer = run.answer();
    let row = only(&answer, pid);
    let counted_ms = row["cpu_ns"].as_u64().expect("a count") / 1_000_000;
    assert!(
        own_ms > 100 && counted_ms.abs_diff(own_ms) < 60 + own_ms / 5,
        "{counted_ms} ms, the kernel says {own_ms}"
    );
    assert_eq!(
        (&row["comm"], &row["ppid"], &row["threads"]),
        (&"sh".into(), &std::process::id().into(), &1.into())
    );
    assert!(row["resident_bytes"].as_u64() > Some(100_000), "{row}");
}

#[test]
fn disks_are_measured_and_their_users_named() {
    let host = Host::new();
    let folder = on_disk();
    let file = folder.path().join("file");
    let latency = rows::start(&host, "profile_blockio", &["--duration", "5"]);
    let usage = rows::start(&host, "top_blockio", &["--duration", "3"]);
    let pid = dd(&["if=/dev/zero", &of("of", &file), "bs=64k", "count=32", "oflag=direct"]);
    let (latency, usage) = (latency.answer(), usage.answer());

    let own = with(&usage, "pid", pid);
    let written: u64 =
        own.iter().filter(|row| row["operation"] == "write").map(|row| row["bytes"].as_u64().unwrap()).sum();
    assert!(written >= 32 * 65_536, "{usage}");
    let disk = own.iter().find(|row| row["operation"] == "write").expect("a row")["disk"].clone();

    let of_disk: Vec<_> =
        with(&latency, "disk", disk).into_iter().filter(|row| row["operation"] == "write").collect();
    assert_eq!(of_disk.len(), 1, "{latency}");
    assert!(of_disk[0]["requests"].as_u64() >= Some(32), "{latency}");
    let buckets = of_disk[0]["buckets"].as_array().expect("buckets");
    let counted: u64 = buckets.iter().map(|bucket| bucket["count"].as_u64().expect("a count")).sum();
    assert_eq!(of_disk[0]["requests"], counted);
    assert_eq!(of_disk[0]["picture"].as_str().expect("a picture").lines().count(), buckets.len());
}

/// Sends from the client's end, and reads it all at the server's.
fn send(client: &mut TcpStream, server: &mut TcpStream, bytes: usize) {
    client.write_all(&vec![7; bytes]).expect("sent");
    server.read_exact(&mut vec![0; bytes]).expect("received");
}

/// A connection over `address`: the client's end and the server's.
fn connection(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    (client, listener.accept().expect("a connection").0)
}

#[test]
fn top_tcp_counts_every_byte_of_old_and_short_connections() {
    let host = Host::new();
    let own = std::process::id();
    for address in ["127.0.0.1", "::1"] {
        let listener = TcpListener::bind((address, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        // Older than the run.
        let (mut client, mut server) = connection(&listener);
        let client_port = client.local_addr().expect("an address").port();
        send(&mut client, &mut server, 1000);
        let idle = Busy::start(Command::new("sleep").arg("60"));
        let elsewhere = rows::start(&host, "top_tcp", &["--duration", "6", "--pid", &idle.pid().to_string()]);
        let run = rows::start(&host, "top_tcp", &["--duration", "4"]);
        send(&mut client, &mut server, 200_000);
        client.write_all(b"looked at").expect("sent");
        server.peek(&mut [0; 9]).expect("what is looked at is not received");
        // Another process, over the same connection.
        let shared = OwnedFd::from(client.try_clone().expect("a descriptor"));
        let mut child = Command::new("echo").arg("hello").stdout(shared).spawn().expect("echo starts");
        assert!(child.wait().expect("echo ends").success());
        for _ in 0..40 {
            let (mut client, mut server) = connection(&listener);
            send(&mut client, &mut server, 300);
            send(&mut server, &mut client, 500);
        }
        let answer = run.answer();
        assert_eq!(answer["loss"]["total"], 0, "{answer}");
        let of = |field: &'static str, port: u16, pid: u32| {
            let found = with(&answer, field, port).into_iter().filter(move |row| row["pid"] == pid);
            found.collect::<Vec<_>>()
        };
        let old = of("src_port", client_port, own);
        assert_eq!(old.len(), 1, "{answer}");
        assert_eq!(
            (&old[0]["bytes_sent"], &old[0]["bytes_received"]),
            (&200_009.into(), &0.into()),
            "{}",
            old[0]
        );
        assert_eq!((&old[0]["src_addr"], &old[0]["dst_port"]), (&address.into(), &port.into()), "{}", old[0]);
        let other_end = of("dst_port", client_port, own);
        assert_eq!((other_end.len(), &other_end[0]["bytes_received"]), (1, &200_000.into()), "{answer}");
        let echo = of("src_port", client_port, child.id());
        assert_eq!(
            (echo.len(), &echo[0]["bytes_sent"], &echo[0]["comm"]),
            (1, &6.into(), &"echo".into()),
            "{answer}"
        );
        // Each of the short ones has a row of its own at both ends.
        for (field, sent, received) in [("dst_port", 300, 500), ("src_port", 500, 300)] {
            let short: Vec<_> =
                of(field, port, own).into_iter().filter(|row| row["bytes_received"] == received).collect();
            assert_eq!(short.len(), 40, "{field}: {answer}");
            assert!(short.iter().all(|row| row["bytes_sent"] == sent), "{field}: {answer}");
        }
        let both =
            |row: &Value| row["bytes_sent"].as_u64().unwrap() + row["bytes_received"].as_u64().unwrap();
        assert!(rows(&answer).iter().map(both).is_sorted_by(|a, b| a >= b), "{answer}");
        assert!(rows(&elsewhere.answer()).is_empty());
    }
}

#[test]
fn top_tcp_tells_the_container() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let id = container::name("top-tcp");
    let run = rows::start(&host, "top_tcp", &["--duration", "5"]);
    let script = format!("echo from inside | nc -w 1 127.0.0.1 {port}");
    // The client ends when its server does.
    let server = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("a connection");
        connection.read_exact(&mut [0; 12]).expect("what was sent");
    });
    let mut running = container::start("crun", folder.path(), &id, &["sh", "-c", &script]);
    let _ = running.wait().expect("the container ends");
    server.join().expect("the server");
    let answer = run.answer();
    let inside: Vec<_> = with(&answer, "dst_port", port)
        .into_iter()
        .filter(|row| row["container"]["id"] == id.as_str())
        .collect();
    assert_eq!(inside.len(), 1, "{answer}");
    assert_eq!((&inside[0]["comm"], &inside[0]["bytes_sent"]), (&"nc".into(), &12.into()), "{answer}");
}

/// The smoothed round-trip time of the connection from `port`, in microseconds, as the kernel says itself.
fn own_rtt(port: u16) -> f64 {
    let output = Command::new("ss").args(["-tinH", "sport", "=", &format!(":{port}")]).output().expect("ss");
    let text = String::from_utf8(output.stdout).expect("text");
    let value = text.split_whitespace().find_map(|word| word.strip_prefix("rtt:")).expect("a time");
    value.split('/').next().expect("a number").parse::<f64>().expect("milliseconds") * 1000.0
}

#[test]
fn profile_tcprtt_agrees_with_the_kernels_own_time() {
    let host = Host::new();
    let idle = Busy::start(Command::new("sleep").arg("60"));
    for address in ["127.0.0.1", "::1"] {
        let listener = TcpListener::bind((address, 0)).expect("a port");
        // One is older than the run.
        let mut old = connection(&listener);
        let own = std::process::id().to_string();
        let elsewhere =
            rows::start(&host, "profile_tcprtt", &["--duration", "8", "--pid", &idle.pid().to_string()]);
        let all = rows::start(&host, "profile_tcprtt", &["--duration", "6", "--pid", &own, "--last"]);
        let run = rows::start(&host, "profile_tcprtt", &["--duration", "4", "--by-address", "--by-process"]);
        let mut new = connection(&listener);
        for (client, server) in [&mut old, &mut new] {
            for _ in 0..100 {
                send(client, server, 100);
                send(server, client, 100);
            }
        }
        let told = own_rtt(new.0.local_addr().expect("an address").port());
        let answer = run.answer();
        assert_eq!(answer["loss"]["total"], 0, "{answer}");
        let found: Vec<_> = with(&answer, "pid", std::process::id())
            .into_iter()
            .filter(|row| row["dst_addr"] == address)
            .collect();
        assert_eq!(found.len(), 1, "{answer}");
        let row = found[0];
        // Each end of two connections gets a hundred segments at least.
        assert!(row["segments"].as_u64() >= Some(400), "{row}");
        let buckets = row["buckets"].as_array().expect("buckets");
        let count = |bucket: &Value| bucket["count"].as_u64().expect("a count");
        assert_eq!(row["segments"], buckets.iter().map(count).sum::<u64>());
        assert_eq!(row["picture"].as_str().expect("a picture").lines().count(), buckets.len());
        let bound = |at: usize, name: &str| buckets[at][name].as_f64().expect("a bound");
        let (least, most) = (bound(0, "from_us"), bound(buckets.len() - 1, "below_us"));
        assert!(told >= least / 2.0 && told <= most * 2.0, "{told} us, but {row}");

        let answer = all.answer();
        assert_eq!(rows(&answer).len(), 1, "{answer}");
        let row = &rows(&answer)[0];
        assert!(row["segments"].as_u64() >= Some(400), "{row}");
        assert_eq!((row.get("pid"), row.get("dst_addr"), row.get("comm")), (None, None, None), "{row}");
        let nothing = elsewhere.answer();
        assert!(rows(&nothing).is_empty(), "{nothing}");
    }
}

#[test]
fn nothing_is_counted_of_a_process_out_of_scope() {
    let host = Host::new();
    let folder = on_disk();
    let file = folder.path().join("file");
    let own = std::process::id().to_string();
    let runs: Vec<_> = ["top_file", "top_process", "top_blockio", "profile_blockio"]
        .map(|gadget| (gadget, rows::start(&host, gadget, &["--duration", "6", "--pid", &own])))
        .into();
    let pid = dd(&["if=/dev/zero", &of("of", &file), "bs=64k", "count=4", "oflag=direct"]);
    for (gadget, run) in runs {
        let answer = run.answer();
        if gadget == "profile_blockio" {
            let written = with(&answer, "operation", "write")
                .iter()
                .map(|row| row["bytes"].as_u64().unwrap())
                .sum::<u64>();
            assert!(written < 4 * 65_536, "{answer}");
            continue;
        }
        assert!(with(&answer, "pid", pid).is_empty(), "{gadget}: {answer}");
        assert!(rows(&answer).iter().all(|row| row["pid"] == std::process::id()), "{gadget}: {answer}");
    }
}

/// On a terminal the view is drawn anew each second; elsewhere there is the result alone.
#[test]
fn a_terminal_shows_a_live_view() {
    let host = Host::new();
    let busy = Busy::start(Command::new("sh").args(["-c", "while :; do :; done"]));
    let command =
        format!("stty rows 8 cols 100; '{}' run top_process --duration 4 -q", Host::binary().display());
    let terminal = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .envs(host.environment())
        .stdin(Stdio::null())
        .output()
        .expect("script starts");
    let text = String::from_utf8_lossy(&terminal.stdout);
    let views: Vec<_> = text.split("\u{1b}[2J").collect();
    assert!(views.len() >= 3, "{text:?}");
    // What lies between two clearings: headings and rows in eight lines, the last of them free.
    assert!(views[1].contains("CPU %") && views[1].lines().count() <= 8, "{text:?}");

    let plain = host.ok(&["run", "top_process", "--duration", "3", "-q"]);
    assert!(!plain.contains('\u{1b}') && plain.matches("CPU %").count() == 1, "{plain}");
    assert!(plain.contains(&busy.pid().to_string()), "{plain}");
}
