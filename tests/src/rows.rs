//! Runs a gadget at the shell while something happens, and reads its rows.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::host::Host;

/// A run whose rows are read when it is over.
pub struct Running(Child);

/// Starts `gadgetry run GADGET ARGUMENTS -o json` and gives it time to attach.
pub fn start(host: &Host, gadget: &str, arguments: &[&str]) -> Running {
    let mut all = vec!["run", gadget, "-o", "json"];
    all.extend_from_slice(arguments);
    let child =
        host.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("gadgetry starts");
    std::thread::sleep(Duration::from_millis(1500));
    Running(child)
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
