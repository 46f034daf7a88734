//! `gadgetry run` and the other commands as a person meets them.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gadgetry_tests::host::Host;
use serde_json::Value;

#[test]
fn columns_are_aligned_and_the_run_ends_with_its_counts() {
    let host = Host::new();
    let output = host.output(&["run", "snapshot_process", "--pid", &std::process::id().to_string()]);
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut lines = out.lines();
    let (header, row) = (lines.next().expect("headings"), lines.next().expect("a row"));
    let at = header.find("COMM").expect("COMM");
    assert!(row.len() > at && !row[at..].starts_with(' '), "{header}\n{row}");
    assert!(lines.next().is_none());
    assert!(error.contains("1 rows") && error.contains("0 lost"), "{error}");
}

#[test]
fn jsonl_gives_a_row_a_line_and_max_rows_ends_the_run() {
    let host = Host::new();
    let start = Instant::now();
    let out = host.ok(&["run", "trace_open", "-o", "jsonl", "--max-rows", "3", "--duration", "30", "-q"]);
    // The machine always opens something.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 3);
}

#[test]
fn ctrl_c_detaches_and_prints_what_there_is() {
    let host = Host::new();
    let mut run = host.start(&["run", "trace_open", "--comm", "cat", "-o", "jsonl"]);
    let mut first = String::new();
    let mut out = BufReader::new(run.stdout.take().expect("a pipe"));
    std::thread::spawn(|| {
        for _ in 0..40 {
            let _ = Command::new("cat").arg("/etc/hostname").stdout(Stdio::null()).status();
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    out.read_line(&mut first).expect("a row");
    let row: Value = serde_json::from_str(&first).expect("JSON");
    assert!(row["path"].is_string());
    let ours = programs(run.id());
    assert!(!ours.is_empty(), "no program of the run is loaded");
    let asked = Instant::now();
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().expect("kill").success());
    assert!(run.wait().expect("it ends").success());
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the rest");
    let mut error = String::new();
    run.stderr.take().expect("a pipe").read_to_string(&mut error).expect("text");
    assert!(error.contains("lost"), "{error}");
    let left = all_programs();
    assert!(ours.iter().all(|id| !left.contains(id)), "still there: {ours:?}");
}

#[test]
fn ctrl_c_detaches_even_if_nobody_reads_the_output() {
    let host = Host::new();
    let mut run = host.start(&["run", "trace_open", "--comm", "load", "-o", "jsonl"]);
    // Far more than a pipe holds.
    let load =
        Command::new(gadgetry_tests::tool("load")).args(["opens", "--delay", "1", "--seconds", "1"]).output();
    assert!(load.expect("the load").status.success());
    let ours = programs(run.id());
    assert!(!ours.is_empty(), "no program of the run is loaded");
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().expect("kill").success());
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    let mut error = String::new();
    run.stderr.take().expect("a pipe").read_to_string(&mut error).expect("text");
    assert!(error.contains("nobody reads it"), "{error}");
    let left = all_programs();
    assert!(ours.iter().all(|id| !left.contains(id)), "still there: {ours:?}");
}

/// Ids of the eBPF programs that a process holds.
fn programs(pid: u32) -> Vec<u64> {
    let folder = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("fdinfo");
    let ids = folder.filter_map(|entry| {
        let text = std::fs::read_to_string(entry.ok()?.path()).ok()?;
        let line = text.lines().find(|line| line.starts_with("prog_id:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    });
    ids.collect()
}

fn all_programs() -> Vec<u64> {
    let output = Command::new("bpftool").args(["--json", "prog", "show"]).output().expect("bpftool");
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    all.iter().filter_map(|it| it["id"].as_u64()).collect()
}

#[test]
fn a_gadget_lists_its_parameters() {
    let host = Host::new();
    let help = host.ok(&["run", "trace_exec", "--help"]);
    for flag in ["--failed", "--exits", "--duration", "--container", "--output", "--ring-size"] {
        assert!(help.contains(flag), "{flag} is not in:\n{help}");
    }
}

#[test]
fn wrong_flags_are_refused_with_the_name() {
    let host = Host::new();
    let cases: [(&[&str], &str); 6] = [
        (&["run", "trace_open", "--nope"], "--nope"),
        (&["run", "trace_open", "--duration", "soon"], "--duration"),
        (&["run", "trace_open", "--duration", "0"], "--duration"),
        (&["run", "trace_open", "--fields", "nope", "--duration", "1"], "nope"),
        (&["run", "trace_open", "--comm", "a-name-that-is-far-too-long"], "--comm"),
        (&["run", "no/registry/here"], "no/registry/here"),
    ];
    for (arguments, part) in cases {
        let error = host.fails(arguments);
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
}

#[test]
fn images_are_listed_inspected_and_removed() {
    let host = Host::new();
    let list = host.ok(&["gadget", "list"]);
    for gadget in ["snapshot_process", "trace_exec", "trace_open"] {
        assert!(list.contains(gadget), "{list}");
    }
    let text = host.ok(&["gadget", "inspect", "trace_open"]);
    for part in ["sys_exit_openat", "bpf_probe_read_user_str", "gadget_events", "sha256:", "built-in"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let json: Value =
        serde_json::from_str(&host.ok(&["gadget", "inspect", "trace_exec", "-o", "json"])).expect("JSON");
    assert_eq!(json["descriptor"]["name"], "trace_exec");
    let error = host.fails(&["gadget", "remove", "nothing"]);
    assert!(error.contains("nothing"), "{error}");
}

#[test]
fn the_generated_documents_are_those_in_the_repository() {
    let host = Host::new();
    host.ok(&["docs", "--out", "."]);
    for name in ["flags.md", "gadgets.md"] {
        let made = std::fs::read_to_string(host.folder().join(name)).expect("made");
        let kept =
            std::fs::read_to_string(gadgetry_tests::root().join("docs").join(name)).unwrap_or_default();
        assert!(made == kept, "docs/{name} is out of date: run `make docs`");
    }
}
