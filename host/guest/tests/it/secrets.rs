//! Secrets in what a guest says: none gets out, and what is told still conforms.

use std::sync::Arc;

use gadgetry_guest::{Config, Guest, GuestError, Limits, RowChecker, Runtime};
use serde_json::json;

use crate::component::Source;

const SECRET: &str = "hunter2\"hunter2";

fn open(source: &Source) -> Guest {
    let schema =
        json!({"type": "object", "properties": {"n": {"type": "integer"}, "name": {"type": "string"}}});
    let checker = Arc::new(RowChecker::new(&schema).unwrap());
    let component = Runtime::new(Config::default()).unwrap().component(&source.wasm()).unwrap();
    let mut guest = component.open("test", checker, Limits::default()).unwrap();
    assert!(guest.conceal(SECRET.to_owned()) && guest.conceal("12345678".to_owned()));
    guest
}

#[test]
fn rows_are_told_without() {
    let escaped = json!(SECRET).to_string();
    let source =
        Source::rows(&format!("{{\"n\":1,\"name\":{escaped}}}\n{{\"n\":2,\"name\":\"<12345678>\"}}\n"));
    let lines = open(&source).process(b"").unwrap().lines.to_vec();
    assert_eq!(
        String::from_utf8(lines).unwrap(),
        "{\"n\":1,\"name\":\"[redacted]\"}\n{\"n\":2,\"name\":\"<[redacted]>\"}\n"
    );
    // Where it is no text, what is left conforms to nothing, and the error names no digit of it.
    let error = open(&Source::rows("{\"n\":12345678}\n")).process(b"").map(|_| ()).unwrap_err();
    assert!(matches!(error, GuestError::Row { .. }) && !error.to_string().contains("12345678"), "{error}");
}

#[test]
fn failures_and_log_lines_are_told_without() {
    let text = format!("the key is {SECRET}, or {}{SECRET}", "x".repeat(1000));
    let len = text.len();
    let fails = Source {
        data: text.clone(),
        ..Source::process(&format!("(call $fail (i32.const 1024) (i32.const {len}))"))
    };
    let error = open(&fails).process(b"").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("the key is [redacted], or") && !error.contains("hunter2"), "{error}");

    // A line is cut at 1024 bytes, which would be within the secret.
    let logs = format!("(call $log (i32.const 3) (i32.const 1024) (i32.const {len})) (unreachable)");
    let mut guest = open(&Source { data: text, ..Source::process(&logs) });
    let error = guest.process(b"").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("it logged: the key is [redacted]") && !error.contains("hunter"), "{error}");
    let log = guest.take_log();
    assert!(log[0].message.contains("[redacted]") && !log[0].message.contains("hunter"), "{log:?}");
}

#[test]
fn short_values_are_not_looked_for_and_there_are_not_too_many() {
    let mut guest = open(&Source::rows("{\"name\":\"short\"}\n"));
    assert!(guest.conceal("short".to_owned()));
    assert_eq!(guest.process(b"").unwrap().lines, b"{\"name\":\"short\"}\n");
    let kept = (0..1000).take_while(|n| guest.conceal(format!("value number {n}"))).count();
    assert!((100..300).contains(&kept), "{kept}");
}
