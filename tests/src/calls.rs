//! Calls of a gadget on several nodes by `gadgetry run`, and something that happens meanwhile.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::nodes::Nodes;
use crate::rows::rows;

/// Runs a program with `mark` as its argument, ten times a second, until it is dropped.
pub struct Busy(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Busy {
    /// Starts it.
    pub fn start(mark: &str) -> Self {
        let (stop, mark) = (Arc::new(AtomicBool::new(false)), mark.to_owned());
        let theirs = stop.clone();
        let thread = std::thread::spawn(move || {
            while !theirs.load(Ordering::Relaxed) {
                execute(&mark);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        Self(stop, Some(thread))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.1.take() {
            let _ = thread.join();
        }
    }
}

/// Runs a program with `mark` as its argument, once.
pub fn execute(mark: &str) {
    assert!(Command::new("/bin/true").arg(mark).status().expect("it starts").success());
}

/// The filter for programs that were run so.
pub fn with_mark(mark: &str) -> String {
    format!("args.exists(a, a == \"{mark}\")")
}

/// The nodes of the rows.
pub fn nodes_of(answer: &Value) -> BTreeSet<String> {
    rows(answer).iter().map(|row| row["node"].as_str().expect("a node").to_owned()).collect()
}

/// The error of a node's part of an answer; empty if there is none.
pub fn error_of<'a>(answer: &'a Value, node: &str) -> &'a str {
    answer["summary"]["by_node"][node]["error"].as_str().unwrap_or_default()
}

/// `gadgetry run` where servers are; its answer, or what it said.
pub fn run(nodes: &Nodes, flags: &[String], arguments: &[&str]) -> Result<Value, String> {
    let mut command = nodes.command(&["run"]);
    command.args(flags).args(arguments).args(["-o", "json"]);
    let output = command.output().expect("gadgetry starts");
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
