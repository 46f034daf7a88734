//! What the host lends, from the command line to the server that is asked: granted, bound, kept, and no secret told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use gadgetry_tests::host::Host;
use serde_json::{Value, json};

/// The repository of the gadget, to which things are granted.
const OWNER: &str = "localhost:1/test/borrows";
const SECRET: &str = "sk-\"quoted\"-0123456789abcdef";

fn build(host: &Host) -> String {
    let root = gadgetry_tests::root();
    let (sdk, folder) =
        (root.display().to_string(), root.join("tests/gadgets/borrows").display().to_string());
    let image = format!("{OWNER}:v1");
    host.ok(&["gadget", "build", &folder, "--sdk", &sdk, "--tag", &image]);
    image
}

/// Answers each request with the request, or, below `/hang`, never.
fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://127.0.0.1:{}", listener.local_addr().expect("an address").port());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = seen.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let all = all.clone();
            thread::spawn(move || echo(stream, &all));
        }
    });
    (url, seen)
}

fn echo(stream: TcpStream, seen: &Mutex<Vec<String>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    seen.lock().expect("no panic").push(head.clone());
    if head.starts_with("GET /hang") {
        // Until the other side goes away.
        let _ = stream.read(&mut [0]);
        seen.lock().expect("no panic").push("gone".to_owned());
        return None;
    }
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{head}", head.len());
    stream.get_mut().write_all(answer.as_bytes()).ok()
}

struct Case {
    host: Host,
    image: String,
    flags: Vec<String>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Case {
    fn new() -> Self {
        let host = Host::new();
        let image = build(&host);
        let (url, seen) = server();
        std::fs::write(host.folder().join("key"), format!("{SECRET}\n")).expect("the secret");
        let flags = vec![
            "--allow-unsigned".to_owned(),
            format!("--grant={OWNER}=http-private:config:BORROWS_URL"),
            format!("--grant={OWNER}=http:localhost:9"),
            format!("--bind={OWNER}.BORROWS_URL=value:{url}"),
            format!("--bind={OWNER}.BORROWS_KEY=file:{}", host.folder().join("key").display()),
            "--log-level=trace".to_owned(),
        ];
        Self { host, image, flags, seen }
    }

    fn arguments<'a>(&'a self, tool: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let flags = self.flags.iter().map(String::as_str);
        std::iter::once("run")
            .chain(flags)
            .chain([self.image.as_str(), "--tool", tool])
            .chain(more.iter().copied())
            .collect()
    }

    /// Whether it went well, and all that was written, standard output apart.
    #[track_caller]
    fn run(&self, tool: &str, more: &[&str]) -> (bool, String, String) {
        let output = self.host.output(&self.arguments(tool, more));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn ok(&self, tool: &str, more: &[&str]) -> Value {
        let (ok, out, error) = self.run(tool, more);
        assert!(ok, "{tool} {more:?}: {error}");
        serde_json::from_str(&out).expect("an answer is JSON")
    }
}

#[test]
fn what_is_missing_is_listed_whole_with_the_remedy() {
    let host = Host::new();
    let image = build(&host);
    let error = host.fails(&["run", "--allow-unsigned", &image, "--tool", "ask"]);
    for part in [
        "the host `https://localhost:9`, which the policy does not grant it",
        "the setting `BORROWS_URL`, to which nothing is bound",
        &format!("--grant {OWNER}=http:https://localhost:9"),
        &format!("--bind {OWNER}.BORROWS_URL=env:BORROWS_URL"),
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    // An image of the same name from elsewhere gets nothing of it.
    let other = [
        "--grant=localhost:1/other/borrows=http:localhost:9",
        "--bind=localhost:1/other/borrows.BORROWS_URL=value:https://a.example",
    ];
    let error = host.fails(&["run", "--allow-unsigned", other[0], other[1], &image, "--tool", "ask"]);
    assert!(error.contains("BORROWS_URL") && error.contains("localhost:9"), "{error}");
    // A host that a setting names must be granted too; one that nothing names is not in the way.
    let granted = [
        format!("--grant={OWNER}=http:localhost:9"),
        format!("--bind={OWNER}.BORROWS_URL=value:https://a.example"),
    ];
    let error = host.fails(&["run", "--allow-unsigned", &granted[0], &granted[1], &image, "--tool", "ask"]);
    assert!(error.contains(&format!("--grant {OWNER}=http:config:BORROWS_URL")), "{error}");
    let error = host.fails(&["run", "--allow-unsigned", "--lend", OWNER, &image, "--tool", "ask"]);
    assert!(error.contains("for built-in gadgets only"), "{error}");
    let error = host.fails(&["run", "--grant", "trace_opn=http:a.example", "trace_open"]);
    assert!(error.contains("did you mean `trace_open`"), "{error}");
    let error = host.fails(&["run", "--bind", "trace_open.KEY=env:PATH", "trace_open"]);
    assert!(error.contains("`KEY`, which is no setting of the gadget"), "{error}");
    let shown = host.ok(&["gadget", "inspect", &image]);
    for part in ["BORROWS_KEY", "secret: true", "config:BORROWS_URL", "65536", "the setting `BORROWS_URL`"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn a_policy_file_grants_and_binds() {
    let mut case = Case::new();
    let policy = case.host.folder().join("policy.toml");
    let url = case.flags[3].split_once("=value:").expect("the url").1.to_owned();
    let text = format!(
        "version = 1\n[[grant]]\ngadget = \"{OWNER}\"\nhttp = [\"localhost:9\"]\nhttp_private = [\"{url}\"]\n\
         [grant.config]\nBORROWS_URL = {{ value = \"{url}\" }}\nBORROWS_KEY = {{ file = \"key\" }}\n"
    );
    std::fs::write(&policy, text).expect("the policy");
    case.flags = vec!["--allow-unsigned".into(), format!("--policy={}", policy.display())];
    let answer = case.ok("ask", &["--path", "/x", "--key-header", "x-key"]);
    assert!(
        answer["answers"][0].as_str().is_some_and(|it| it.starts_with("200 1 GET /x HTTP/1.1")),
        "{answer}"
    );
    assert!(case.seen.lock().expect("no panic")[0].contains(SECRET));
}

#[test]
fn servers_are_asked_and_others_are_not() {
    let case = Case::new();
    let answer = case.ok("ask", &["--times", "3", "--body", "b"]);
    assert_eq!(answer["answers"].as_array().map(Vec::len), Some(3), "{answer}");
    assert_eq!(case.seen.lock().expect("no panic").len(), 3);
    assert!(answer["at"].as_str().is_some_and(|at| at.starts_with("20")), "{answer}");
    assert_eq!(answer["id"].as_str().map(str::len), Some(36));
    for (url, part) in [
        ("https://localhost:9/", "Refused: localhost:9 may not be asked"),
        ("https://a.example/", "Refused: a.example is not among the hosts"),
    ] {
        let answer = case.ok("ask", &["--path", url]);
        assert!(answer["answers"][0].as_str().is_some_and(|it| it.starts_with(part)), "{answer}");
    }
    let begin = Instant::now();
    let answer = case.ok("ask", &["--path", "/hang", "--timeout-ms", "3000"]);
    assert!(answer["answers"][0].as_str().is_some_and(|it| it.starts_with("Timeout: ")), "{answer}");
    assert!(begin.elapsed() >= Duration::from_secs(3), "longer than the guest's own time, which is 2 s");
}

#[test]
fn a_secret_is_sent_and_never_told() {
    let case = Case::new();
    let mut told = String::new();
    let answer = case.ok("tell", &[]);
    assert_eq!(answer, json!({"secret": "<[redacted]>", "concealed": "[redacted]"}));
    // The server sends back what it was sent.
    for (tool, more) in [
        ("ask", vec!["--key-header", "x-key"]),
        ("tell", vec![]),
        ("tell", vec!["--fail"]),
        ("tell", vec!["--panic"]),
        ("peek", vec![]),
    ] {
        let (_, out, error) = case.run(tool, &more);
        told.push_str(&out);
        told.push_str(&error);
    }
    assert!(case.seen.lock().expect("no panic")[0].contains(&format!("x-key: {SECRET}\r\n")));
    let json = json!(SECRET).to_string();
    for form in [SECRET, json.trim_matches('"'), "0123456789abc"] {
        assert!(!told.contains(form), "{form}: {told}");
    }
    for part in ["the secret is [redacted]", "the setting `PATH`, which its permissions do not state"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let shown = case.host.ok(&["gadget", "inspect", &case.image, "-o", "json"]);
    assert!(!shown.contains("0123456789abc"));
}

#[test]
fn values_are_kept_within_the_quota_and_over_a_restart() {
    let mut case = Case::new();
    case.flags.push(format!("--state-dir={}", case.host.folder().join("state").display()));
    for key in ["a", "b"] {
        case.ok("keep", &["--key", key, "--value", "v"]);
    }
    assert_eq!(
        case.ok("kept", &["--key", "a", "--forget"]),
        json!({"keys": ["b"], "value": "v", "dropped": 0})
    );
    assert_eq!(case.ok("kept", &["--key", "a"]), json!({"keys": ["b"], "dropped": 0}));
    let large = "x".repeat(40_000);
    case.ok("keep", &["--key", "large", "--value", &large]);
    let (ok, _, error) = case.run("keep", &["--key", "more", "--value", &large]);
    assert!(!ok && error.contains("do not fit"), "{error}");
    let answer = case.ok("keep", &["--key", "more", "--value", &large, "--evict"]);
    assert_eq!(answer["keys"], json!(["more"]), "the oldest go first, until there is room");
    assert_eq!(answer["dropped"], 2);
}

/// An MCP server over stdio, spoken to by hand, so that a call can be cancelled.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            let _ = self.0.wait();
        }
    }
}

#[test]
fn cancelling_a_call_ends_its_request() {
    let case = Case::new();
    let mut arguments = vec!["mcp".to_owned(), format!("-gadget-images={}", case.image)];
    arguments.extend(case.flags.iter().filter(|flag| !flag.starts_with("--log")).cloned());
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut command = case.host.command(&arguments);
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut server = Server(child);
    let mut input = server.0.stdin.take().expect("a pipe");
    let mut output = BufReader::new(server.0.stdout.take().expect("a pipe"));
    let mut say = |message: Value| writeln!(input, "{message}").expect("it reads");
    let mut hear = |id: u64| loop {
        let mut line = String::new();
        assert_ne!(output.read_line(&mut line).expect("it writes"), 0, "the server ended");
        let message: Value = serde_json::from_str(&line).expect("JSON");
        if message["id"] == id {
            return message;
        }
    };
    let call = |id: u64, tool: &str, arguments: Value| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    say(
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18",
        "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}),
    );
    hear(1);
    say(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    say(call(2, "ask", json!({"path": "/hang", "timeout_ms": 60000})));
    let until_seen = |what: &str| {
        let begin = Instant::now();
        while !case.seen.lock().expect("no panic").iter().any(|head| head.starts_with(what)) {
            assert!(begin.elapsed() < Duration::from_secs(20), "{what} is not seen");
            thread::sleep(Duration::from_millis(20));
        }
    };
    until_seen("GET /hang");
    let begin = Instant::now();
    say(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}));
    until_seen("gone");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    // And the server goes on.
    say(call(3, "ask", json!({"path": "/after"})));
    let after = hear(3);
    assert_eq!(after["result"]["isError"], Value::Bool(false), "{after}");
}
