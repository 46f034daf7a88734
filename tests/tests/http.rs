//! Streamable HTTP with the real client: both eras, the token, and what a browser may not do.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use gadgetry_tests::client::{self, Steps};
use gadgetry_tests::host::Host;
use serde_json::json;

/// A server on a free port, ended when dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(host: &Host, arguments: &[&str], token: Option<&str>) -> Self {
        let mut all =
            vec!["mcp", "-transport=streamable-http", "-transport-port=0", "-gadget-images=snapshot_process"];
        all.extend_from_slice(arguments);
        let mut command = host.command(&all);
        if let Some(token) = token {
            command.env("GADGETRY_TOKEN", token);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().expect("gadgetry starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("http://").map(|(_, rest)| format!("http://{rest}")))
            .expect("the server says where it listens");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}

#[test]
fn both_eras_call_a_tool() {
    let host = Host::new();
    let server = Server::start(&host, &[], None);
    for mode in ["legacy", "2026-07-28"] {
        let steps = Steps::new().list().call("snapshot_process", json!({"pid": std::process::id()}));
        let results = client::http(&host, mode, &server.url, None, steps).results;
        assert_eq!(results[0]["tools"][0]["name"], "snapshot_process", "{mode}");
        assert_eq!(results[1]["structuredContent"]["rows"][0]["pid"], std::process::id(), "{mode}");
    }
}

#[test]
fn elsewhere_than_on_the_loopback_a_token_is_required() {
    let host = Host::new();
    let arguments = ["mcp", "-transport=streamable-http", "-transport-host=0.0.0.0", "-transport-port=0"];
    let error = host.fails(&arguments);
    assert!(error.contains("token"), "{error}");

    let token = "a-token-that-is-long-enough";
    let server = Server::start(&host, &["-transport-host=0.0.0.0"], Some(token));
    let url = server.url.replace("0.0.0.0", "127.0.0.1");
    let steps = Steps::new().list();
    let results = client::http(&host, "auto", &url, Some(token), steps).results;
    assert_eq!(results[0]["tools"][0]["name"], "snapshot_process");
    let status = |token: Option<&str>| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", &url]);
        if let Some(token) = token {
            curl.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        String::from_utf8(curl.output().expect("curl").stdout).expect("text")
    };
    assert_eq!(status(None), "401");
    assert_eq!(status(Some("another-token-that-is-wrong")), "401");
}
