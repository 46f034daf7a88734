//! The protocol's own tools, as npm packages under a Node of their own: the conformance suite and the inspector.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// The folder that `setup.sh` installs them in.
fn folder() -> PathBuf {
    let folder = crate::target().join("node/node_modules");
    assert!(
        folder.join("node/bin/node").exists(),
        "no Node in {}: run `make setup-test` first",
        folder.display()
    );
    folder
}

/// A command of Node with the script at `path` below the installed packages.
fn script(path: &str) -> Command {
    let folder = folder();
    let mut command = Command::new(folder.join("node/bin/node"));
    command.arg(folder.join(path)).stdin(Stdio::null());
    command
}

/// The conformance suite with `arguments`.
pub fn conformance(arguments: &[&str]) -> Output {
    let mut command = script("@modelcontextprotocol/conformance/dist/index.js");
    command.args(arguments).output().expect("Node starts")
}

/// What `revision` requires of a server, as the suite's own list has it.
pub fn required(revision: &str) -> Vec<String> {
    let path = folder().join(format!("@modelcontextprotocol/conformance/requirements/{revision}.yaml"));
    let text = std::fs::read_to_string(path).expect("the suite has the list");
    let server = text.lines().skip_while(|line| *line != "server:").skip(1);
    server.map_while(|line| line.strip_prefix("  - ")).map(str::to_owned).collect()
}

/// The inspector with `arguments`. Its folder is of its own, so that it finds nothing of another run.
pub fn inspector(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = script("@modelcontextprotocol/inspector/clients/launcher/build/index.js");
    command.env("HOME", home.path()).current_dir(home.path());
    command.args(arguments).output().expect("Node starts")
}

/// The server of fixtures, ended when dropped.
pub struct Fixtures {
    child: Child,
    /// Where it listens.
    pub url: String,
}

impl Fixtures {
    /// Starts it.
    #[track_caller]
    pub fn start() -> Self {
        let mut child = Command::new(crate::tool("conformance"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server of fixtures is built (make build)");
        let mut url = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut url).expect("it says where it listens");
        Self { child, url: url.trim().to_owned() }
    }
}

impl Drop for Fixtures {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}
