//! The official conformance suite: what each revision of the protocol requires of a server, all of it, against
//! gadgetry's handler and HTTP transport (see `src/bin/conformance`). Nothing is expected to fail.

use gadgetry_tests::suite::{self, Fixtures};

#[test]
fn the_revision_with_sessions_is_met() {
    meets("2025-11-25", 30);
}

#[test]
fn the_stateless_revision_is_met() {
    meets("2026-07-28", 37);
}

#[track_caller]
fn meets(revision: &str, count: usize) {
    let required = suite::required(revision);
    assert_eq!(required.len(), count, "{required:?}");
    let server = Fixtures::start();
    let output = suite::conformance(&["server", "--url", &server.url, "--requirements", revision]);
    let text = String::from_utf8_lossy(&output.stdout);
    for scenario in &required {
        // The summary: `✓ tools-list: 3 passed, 0 failed`.
        let line = text.lines().find_map(|line| {
            line.trim_start().strip_prefix('✓')?.trim().strip_prefix(&format!("{scenario}: "))
        });
        let passed = line.and_then(|line| line.split(' ').next()?.parse::<u32>().ok());
        assert!(
            passed > Some(0) && line.is_some_and(|line| line.contains(" 0 failed")),
            "{scenario} of {revision} is not met ({line:?}):\n{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert!(output.status.success(), "{text}");
}
