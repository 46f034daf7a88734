//! Runs a gadget at the shell while something happens, and reads its rows.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::host::Host;

/// A run whose rows are read when it is over.
pub struct Running(Child);

/// Starts `gadgetry run GADGET ARGUMENTS -o json` and waits until it has attached its programs, or has ended.
pub fn start(host: &Host, gadget: &str, arguments: &[&str]) -> Running {
    let mut all = vec!["run", gadget, "-o", "json"];
    all.extend_from_slice(arguments);
    let child =
        host.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("gadgetry starts");
    wait_until_attached(child.id());
    Running(child)
}

/// Waits until a process has held the same number of eBPF programs for a while: how long loading takes depends on what
/// else the machine does.
pub fn wait_until_attached(pid: u32) {
    let start = Instant::now();
    let (mut held, mut since) = (0, start);
    while start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
        let now = programs(pid);
        if now == held && held > 0 && since.elapsed() > Duration::from_millis(700) {
            return;
        }
        if now != held {
            (held, since) = (now, Instant::now());
        }
        // A snapshot may be over before it was looked at.
        if held == 0 && start.elapsed() > Duration::from_millis(1500) && ended(pid) {
            return;
        }
    }
}

/// How many eBPF programs and links to them a process holds.
fn programs(pid: u32) -> usize {
    let folder = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten();
    let of_program = |entry: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(entry.ok()?.path()).ok()?;
        text.lines().any(|line| line.starts_with("prog_id:")).then_some(())
    };
    folder.filter_map(of_program).count()
}

/// Whether a process of ours has ended and only waits for us to look.
fn ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with('Z'))
}

impl Running {
    /// The whole answer, once the run is over.
    #[track_caller]
    pub fn answer(self) -> Value {
        let output = self.0.wait_with_output().expect("gadgetry ends");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the run failed: {error}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

/// The rows of an answer.
#[track_caller]
pub fn rows(answer: &Value) -> &Vec<Value> {
    answer["rows"].as_array().expect("rows")
}

/// The rows whose `field` is `value`.
pub fn with<'a>(answer: &'a Value, field: &'a str, value: impl Into<Value>) -> Vec<&'a Value> {
    let value = value.into();
    rows(answer).iter().filter(|row| row[field] == value).collect()
}
