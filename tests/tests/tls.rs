//! `trace_ssl` on the real kernel: programs that use OpenSSL, GnuTLS and Go's crypto/tls, in the ways that they are found,
//! talk to a server on the loopback interface; what they say must be found with the right process, direction and peer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gadgetry_tests::host::Host;
use gadgetry_tests::rows::{self, rows, with};
use serde_json::{Value, json};

/// How long runs last: clients wait before they talk, and the machine may be busy.
const DURATION: &str = "15";
const PEER: &str = "tests/tools/tls/peer.py";

fn tool(path: &str) -> PathBuf {
    gadgetry_tests::root().join(path)
}

/// Debian's own Python, whose `ssl` is the system's OpenSSL.
fn python(arguments: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(tool(PEER)).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A command of the machine that must succeed.
#[track_caller]
fn succeeds(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A server that answers, ended when it is dropped.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        openssl
            .args(["-days", "2", "-subj", "/CN=localhost", "-out"])
            .arg(&certificate)
            .arg("-keyout")
            .arg(&key);
        succeeds(&mut openssl);
        let mut command = python(&["server"]);
        let mut process =
            command.arg(certificate).arg(key).stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("its port");
        Self { process, port: line.trim().parse().expect("a port") }
    }

    fn port(&self) -> String {
        self.port.to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a client to its end; its process id.
#[track_caller]
fn run(command: &mut Command) -> u32 {
    let mut client = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the client starts");
    let status = client.wait().expect("the client ends");
    assert!(status.success(), "{command:?}: {status}");
    client.id()
}

/// What a client said and heard, by one library; all in one row each.
#[track_caller]
fn assert_talk(answer: &Value, pid: u32, library: &str, server: &Server, message: &str) {
    let all = with(answer, "pid", pid);
    for (direction, payload) in [("write", message.to_owned()), ("read", format!("reply to {message}"))] {
        let found: Vec<_> =
            all.iter().filter(|row| row["direction"] == direction && row["payload"] == payload).collect();
        assert_eq!(found.len(), 1, "{direction} of {payload}: {all:?} {}", answer["summary"]);
        let row = found[0];
        assert_eq!((&row["library"], &row["bytes"]), (&json!(library), &json!(payload.len())), "{row}");
        assert_eq!((&row["dst_addr"], &row["dst_port"]), (&json!("127.0.0.1"), &json!(server.port)), "{row}");
        assert_eq!((&row["src_addr"], &row["cut"]), (&json!("127.0.0.1"), &json!(false)), "{row}");
        assert!(row["latency_ns"].as_u64() > Some(500) && row.get("error").is_none(), "{row}");
    }
}

#[test]
fn openssl_is_found_however_it_is_called() {
    let host = Host::new();
    let server = Server::start(host.folder());
    let client = host.folder().join("client");
    let mut gcc = Command::new("gcc");
    gcc.arg(tool("tests/tools/tls/client.c")).arg("-o").arg(&client);
    succeeds(gcc.args(["-l:libssl.a", "-l:libcrypto.a", "-ldl", "-lpthread"]));
    let elsewhere = rows::start(&host, "trace_ssl", &["--duration", DURATION, "--pid", "1"]);
    // With all rights, and with those of an agent in a cluster, for which the kernel has another way to attach.
    let limited = Host::limited();
    let all = [&host, &limited].map(|it| rows::start(it, "trace_ssl", &["--duration", DURATION]));
    // The library under another name, in a place where no library is.
    let library = host.folder().join("data.bin");
    let arch = std::env::consts::ARCH;
    std::fs::copy(format!("/usr/lib/{arch}-linux-gnu/libssl.so.3"), &library).expect("the system's library");

    let port = server.port();
    let pids = std::thread::scope(|scope| {
        let dynamic = scope.spawn(|| run(&mut python(&["client", &port, "a dynamic one"])));
        let linked = scope.spawn(|| run(Command::new(&client).args([port.as_str(), "a static one"])));
        let renamed = scope.spawn(|| run(python(&["renamed", &port, "a renamed one"]).arg(&library)));
        [dynamic, linked, renamed].map(|client| client.join().expect("a client"))
    });
    for answer in all.map(rows::Running::answer) {
        for (pid, message) in pids.into_iter().zip(["a dynamic one", "a static one", "a renamed one"]) {
            assert_talk(&answer, pid, "openssl", &server, message);
            // The server runs since before the run; its peer is the client.
            let heard = with(&answer, "payload", message);
            let heard: Vec<_> = heard.into_iter().filter(|row| row["pid"] == server.process.id()).collect();
            assert_eq!((heard.len(), &heard[0]["direction"]), (1, &json!("read")), "{heard:?}");
            assert_eq!(heard[0]["src_port"], server.port, "{}", heard[0]);
        }
        assert_eq!(answer["loss"]["total"], 0);
        let looked_at = &answer["summary"]["looked_at"];
        let files: Vec<_> =
            looked_at["files"].as_array().expect("files").iter().filter_map(Value::as_str).collect();
        for file in [&client, &library] {
            assert!(files.contains(&file.to_str().expect("UTF-8")), "{looked_at}");
        }
    }
    // Nothing of a process out of scope; and what was not asked for is not probed in others.
    let answer = elsewhere.answer();
    assert!(rows(&answer).is_empty(), "{answer}");
}

#[test]
fn gnutls_is_found() {
    let host = Host::new();
    let server = Server::start(host.folder());
    let all = rows::start(&host, "trace_ssl", &["--duration", DURATION]);
    let mut client = Command::new("gnutls-cli")
        .args(["--insecure", "--port", &server.port(), "127.0.0.1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("gnutls-cli is in gnutls-bin");
    std::thread::sleep(Duration::from_millis(2500));
    let mut input = client.stdin.take().expect("its input");
    input.write_all(b"by GnuTLS\n").expect("written");
    std::thread::sleep(Duration::from_secs(1));
    drop(input);
    client.wait().expect("it ends");
    let answer = all.answer();
    assert_talk(&answer, client.id(), "gnutls", &server, "by GnuTLS\n");
    assert_eq!(answer["loss"]["total"], 0);
}

#[test]
fn go_is_found_with_and_without_symbols() {
    let host = Host::new();
    let server = Server::start(host.folder());
    let build = |name: &str, flags: &str| {
        let program = host.folder().join(name);
        let mut go = Command::new("go");
        go.args(["build", "-ldflags", flags, "-o"]).arg(&program).arg(tool("tests/tools/tls/client.go"));
        succeeds(go.env("GO111MODULE", "off").env("GOCACHE", host.folder().join("go")));
        program
    };
    let programs = [build("whole", ""), build("stripped", "-s -w")];
    let limited = Host::limited();
    let go = ["--duration", DURATION, "--library", "go"];
    let all = [&host, &limited].map(|it| rows::start(it, "trace_ssl", &go));
    let port = server.port();
    let pids = std::thread::scope(|scope| {
        let clients = programs.each_ref().map(|program| {
            let port = &port;
            scope.spawn(move || {
                let name = program.file_name().and_then(|name| name.to_str()).expect("a name");
                run(Command::new(program).args([port.as_str(), name]))
            })
        });
        clients.map(|client| client.join().expect("a client"))
    });
    for answer in all.map(rows::Running::answer) {
        for (pid, message) in pids.into_iter().zip(["whole", "stripped"]) {
            assert_talk(&answer, pid, "go", &server, message);
        }
        // The server's OpenSSL was not asked for.
        assert!(with(&answer, "pid", server.process.id()).is_empty(), "{answer}");
        assert_eq!(answer["loss"]["total"], 0);
    }
}

#[test]
fn parameters_choose_what_is_shown() {
    let host = Host::new();
    let server = Server::start(host.folder());
    let pid = server.process.id().to_string();
    let start = |more: &[&str]| {
        rows::start(&host, "trace_ssl", &[&["--duration", DURATION, "--pid", &pid], more].concat())
    };
    let writes = start(&["--direction", "write", "--payload", "8"]);
    let none = start(&["--payload", "0", "--all-calls"]);
    run(&mut python(&["client", &server.port(), "secret"]));
    let answer = writes.answer();
    assert_eq!(rows(&answer).len(), 1, "{answer}");
    let row = &rows(&answer)[0];
    assert_eq!((&row["payload"], &row["cut"]), (&json!("reply to"), &json!(true)), "{row}");
    assert_eq!((&row["direction"], &row["bytes"]), (&json!("write"), &json!(15)), "{row}");
    let answer = none.answer();
    assert!(!answer["rows"].to_string().contains("secret"), "{answer}");
    // One read, one write, and the read that finds the connection at its end.
    let moved: Vec<_> = rows(&answer).iter().map(|row| row["bytes"].as_u64()).collect();
    assert_eq!(moved, [Some(6), Some(15), Some(0)], "{answer}");
    assert_eq!(rows(&answer)[2]["error"], "closed_or_failed", "{answer}");
}
