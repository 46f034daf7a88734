//! Processes of a test's own, so that its events are told apart by process id.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A process that goes on until the test ends it, or ends itself.
pub struct Busy(Child);

impl Busy {
    /// Starts it; what it prints is thrown away.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).spawn().expect("it starts"))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Stops it until it is ended; returns when it runs no more.
    #[track_caller]
    pub fn pause(&self) {
        let stopped =
            Command::new("kill").args(["-STOP", &self.pid().to_string()]).status().expect("kill starts");
        assert!(stopped.success(), "kill: {stopped}");
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("stat");
        while !state().contains(") T ") {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.kill().expect("it is there");
        self.0.wait().expect("it ends");
    }
}

/// Runs a script by `sh` to its end; its process id.
pub fn shell(script: &str) -> u32 {
    run(Command::new("/bin/sh").args(["-c", script]))
}

/// Runs a script by `sh` in a mount namespace of its own; its process id.
pub fn unshared(script: &str) -> u32 {
    run(Command::new("unshare").args(["--mount", "/bin/sh", "-c", script]))
}

fn run(command: &mut Command) -> u32 {
    let child = command.spawn().expect("the shell starts");
    let id = child.id();
    child.wait_with_output().expect("the shell ends");
    id
}

/// Makes system calls in a process and mount namespace of its own (see `tests/tools/syscalls.py`): its process id, and
/// what each call returned.
#[track_caller]
pub fn syscalls(steps: &Value) -> (u32, Vec<Value>) {
    let child = Command::new("unshare")
        .arg("--mount")
        .arg(python())
        .arg(crate::root().join("tests/tools/syscalls.py"))
        .arg(steps.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("unshare starts");
    let id = child.id();
    let output = child.wait_with_output().expect("the calls end");
    assert!(output.status.success(), "syscalls.py failed");
    (id, serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// The Python of the tests.
#[track_caller]
pub fn python() -> std::path::PathBuf {
    let python = crate::target().join("venv/bin/python");
    assert!(python.exists(), "{} does not exist: run `make setup-test` first", python.display());
    python
}
