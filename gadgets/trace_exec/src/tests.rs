use gadget::{
    Described,
    serde_json::{Value, json},
    testing::{Batch, header, json as schema, name, own_row, run},
};

use super::*;

const EXEC: Exec = Exec {
    start: 400_000_000,
    exe_inode: 42,
    exe_device: 8 << 20 | 1,
    loginuid: u32::MAX,
    sessionid: u32::MAX,
    ret: 0,
    exit_status: 0,
    args_count: 0,
    args_size: 0,
    args_len: 0,
    file_len: 0,
    cwd_len: 0,
    exe_len: 0,
    parent_exe_len: 0,
    kind: event::KIND_EXEC,
    notes: 0,
    tty: [0; 30],
};

/// The gadget's own fields of the row that one event makes; `parts` are those of the tail.
fn row(exec: Exec, parts: [&str; 5]) -> Value {
    let len = parts.map(|part| part.len() as u32);
    let [args_len, file_len, cwd_len, exe_len, parent_exe_len] = len;
    let exec = Exec { args_len, file_len, cwd_len, exe_len, parent_exe_len, ..exec };
    let batch = Batch::new().event(&header(), &exec, parts.concat().as_bytes());
    let text =
        run::<TraceExec>(&json!({"failed": true, "exits": true}), &batch).expect("a well-formed batch");
    own_row(&text)
}

#[test]
fn a_program_that_was_started() {
    let exec = Exec {
        loginuid: 1000,
        sessionid: 3,
        notes: event::UPPER_LAYER | event::PATH_CUT,
        tty: name("pts0"),
        ..EXEC
    };
    assert_eq!(
        row(exec, ["sh\0-c\0echo \"a b\"\0\0", "./sh", "/tmp", "/bin/dash", "/bin/bash"]),
        json!({
            "kind": "exec",
            "args": ["sh", "-c", "echo \"a b\"", ""],
            "file": "./sh",
            "exe": "/bin/dash",
            "upper_layer": true,
            "exe_inode": 42,
            "exe_device": "8:1",
            "cwd": "/tmp",
            "parent_exe": "/bin/bash",
            "parent_upper_layer": false,
            "tty": "pts0",
            "loginuid": 1000,
            "sessionid": 3,
            "notes": ["path_cut"],
        })
    );
}

#[test]
fn arguments_that_were_cut() {
    let exec = Exec { args_count: 2000, args_size: 100_000, notes: event::ARGS_CUT, ..EXEC };
    let row = row(exec, ["ls\0aaa", "", "", "", ""]);
    assert_eq!(row["args"], json!(["ls", "aaa"]));
    assert_eq!((&row["args_count"], &row["args_bytes"]), (&json!(2000), &json!(100_000)));
    assert_eq!(row["notes"], json!(["args_cut"]));
}

#[test]
fn a_program_that_could_not_be_started() {
    let exec = Exec { kind: event::KIND_FAILED, ret: -2, notes: event::PARENT_UPPER_LAYER, ..EXEC };
    assert_eq!(
        row(exec, ["nope\0", "/usr/bin/nope", "/", "", "/bin/bash"]),
        json!({"kind": "failed", "error": "ENOENT", "args": ["nope"], "file": "/usr/bin/nope", "cwd": "/",
            "parent_exe": "/bin/bash", "parent_upper_layer": true})
    );
}

#[test]
fn ends() {
    let cases = [
        (0, json!({"kind": "exit", "exit_code": 0, "duration_ns": 600_000_002})),
        (3 << 8, json!({"kind": "exit", "exit_code": 3, "duration_ns": 600_000_002})),
        (9, json!({"kind": "exit", "exit_signal": "SIGKILL", "duration_ns": 600_000_002})),
        (
            0x8b,
            json!({"kind": "exit", "exit_signal": "SIGSEGV", "core_dumped": true, "duration_ns": 600_000_002}),
        ),
    ];
    for (exit_status, fields) in cases {
        assert_eq!(row(Exec { kind: event::KIND_EXIT, exit_status, ..EXEC }, [""; 5]), fields);
    }
}

#[test]
fn a_tail_that_is_too_short_is_a_failure() {
    let exec = Exec { args_len: 2, cwd_len: 2, ..EXEC };
    let failure = run::<TraceExec>(&json!({}), &Batch::new().event(&header(), &exec, b"abc")).unwrap_err();
    assert!(failure.message.contains("1 bytes left where 2 are named"), "{failure}");
}

#[test]
fn what_it_says_of_itself() {
    let described = Described::gadget::<TraceExec>(gadget::Kind::Stream, false);
    let tool = &described.tools[0];
    assert_eq!(schema(&tool.params)["properties"]["exits"]["default"], json!(false));
    assert_eq!(schema(&tool.row)["properties"]["kind"]["enum"], json!(["exec", "failed", "exit"]));
    let shown: Vec<_> =
        tool.columns.iter().filter(|column| !column.hidden).map(|column| &*column.field).collect();
    let wanted =
        ["container.name", "comm", "pid", "uid", "ppid", "kind", "error", "exit_code", "exit_signal", "args"];
    assert_eq!(shown, wanted);
}
