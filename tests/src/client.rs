//! The official Python MCP client, driven by steps (see `tests/tools/mcp_client.py`).

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::host::Host;

/// What a client is told to do, in order.
#[derive(Clone, Default)]
pub struct Steps(Vec<Value>);

impl Steps {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Then list the tools.
    pub fn list(mut self) -> Self {
        self.0.push(json!({"list": {}}));
        self
    }

    /// Then call a tool.
    pub fn call(mut self, name: &str, arguments: Value) -> Self {
        self.0.push(json!({"call": {"name": name, "arguments": arguments}}));
        self
    }

    /// And at the same time call a tool.
    pub fn and_call(mut self, name: &str, arguments: Value) -> Self {
        self.0.push(json!({"call": {"name": name, "arguments": arguments}, "together": true}));
        self
    }
}

/// What the client saw.
pub struct Seen {
    /// The protocol revision in use.
    pub protocol: String,
    /// The result of each step.
    pub results: Vec<Value>,
}

/// Runs `steps` against `gadgetry mcp ARGUMENTS` over stdio. `mode`: `auto`, `legacy` or a protocol revision.
#[track_caller]
pub fn stdio(host: &Host, mode: &str, arguments: &[&str], steps: Steps) -> Seen {
    stdio_with(host, mode, &Host::binary(), arguments, steps)
}

/// As [`stdio`], with another program in the binary's place.
#[track_caller]
pub fn stdio_with(host: &Host, mode: &str, binary: &Path, arguments: &[&str], steps: Steps) -> Seen {
    let binary = binary.display().to_string();
    let mut all = vec!["--mode", mode, "--", &binary, "mcp"];
    all.extend_from_slice(arguments);
    run(host, &all, steps)
}

/// Runs `steps` against a server at `url`.
#[track_caller]
pub fn http(host: &Host, mode: &str, url: &str, token: Option<&str>, steps: Steps) -> Seen {
    let mut all = vec!["--mode", mode, "--url", url];
    if let Some(token) = token {
        all.extend_from_slice(&["--token", token]);
    }
    run(host, &all, steps)
}

#[track_caller]
fn run(host: &Host, arguments: &[&str], steps: Steps) -> Seen {
    let python = crate::target().join("venv/bin/python");
    assert!(python.exists(), "{} does not exist: run `make setup-test` first", python.display());
    let mut child = Command::new(python)
        .arg(crate::root().join("tests/tools/mcp_client.py"))
        .args(arguments)
        .envs(host.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the client starts");
    let steps = serde_json::to_vec(&steps.0).expect("JSON");
    child.stdin.take().expect("a pipe").write_all(&steps).expect("the client reads");
    let output = child.wait_with_output().expect("the client ends");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the client failed: {error}");
    let mut answer: Value = serde_json::from_slice(&output.stdout).expect("the client prints JSON");
    Seen {
        protocol: answer["protocol"].as_str().unwrap_or_default().to_owned(),
        results: answer["results"].as_array_mut().map(std::mem::take).unwrap_or_default(),
    }
}
