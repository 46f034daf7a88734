use gadget::{
    linux::{Arch, Argument},
    serde_json::{Value, json},
    testing::{Batch, header, run},
};

use super::*;

#[path = "../../../ebpf/src/syscall/text.rs"]
mod kernel_text;

const OPENAT: u32 = 257;
const READ: u32 = 0;
const CALL: Call = Call {
    args: [0; 6],
    ret: 0,
    number: READ,
    text_len: [0; event::TEXTS],
    kind: event::KIND_ENTER,
    notes: 0,
    unreadable: 0,
    reserved: [0; 5],
};

/// A batch in which each event comes a microsecond after the one before.
fn batch(events: &[(u32, Call, &str)]) -> Batch {
    let mut batch = Batch::new();
    for (at, (tid, call, text)) in events.iter().enumerate() {
        let header = gadget::Header { tid: *tid, timestamp: 1_000 * (at as u64 + 1), ..header() };
        batch = batch.event(&header, call, text.as_bytes());
    }
    batch
}

fn rows(params: &Value, events: &[(u32, Call, &str)]) -> Vec<Value> {
    let text = run::<Traceloop>(params, &batch(events)).expect("a well-formed batch");
    text.lines().map(|line| gadget::serde_json::from_str(line).expect("a row")).collect()
}

const fn enter(number: u32, args: [u64; 6]) -> Call {
    Call { number, args, ..CALL }
}

const fn exit(number: u32, ret: i64) -> Call {
    Call { number, ret, kind: event::KIND_EXIT, ..CALL }
}

#[test]
fn entries_and_returns_make_one_row_each() {
    let path = "/etc/\"x\"";
    let opened =
        Call { notes: event::HAS_TEXT, text_len: [0, path.len() as u32, 0, 0, 0], ..exit(OPENAT, 3) };
    let events = [
        (101, exit(READ, 5), ""),
        (101, enter(OPENAT, [(-100_i32).cast_unsigned().into(), 0x1000, 0x80000, 0o644, 0, 0]), ""),
        (102, enter(62, [-1_i64 as u64, 9, 0, 0, 0, 0]), ""),
        (101, opened, path),
        (102, exit(62, -3), ""),
        (101, enter(4000, [1, 2, 3, 4, 5, 6]), ""),
    ];
    let rows = rows(&json!({}), &events);
    let calls: Vec<_> =
        rows.iter().map(|row| (row["syscall"].as_str().unwrap(), row["tid"].as_u64().unwrap())).collect();
    assert_eq!(calls, [("read", 101), ("openat", 101), ("kill", 102), ("syscall_4000", 101)]);
    assert_eq!((rows[0].get("args"), &rows[0]["ret"], rows[0].get("duration_ns")), (None, &json!(5), None));
    assert_eq!(
        rows[1]["args"],
        json!(["dfd=AT_FDCWD", "filename=\"/etc/\\\"x\\\"\"", "flags=0x80000", "mode=0o644"])
    );
    assert_eq!((&rows[1]["ret"], &rows[1]["duration_ns"]), (&json!(3), &json!(2_000)));
    assert_eq!((&rows[2]["args"], &rows[2]["error"]), (&json!(["pid=-1", "sig=SIGKILL"]), &json!("ESRCH")));
    assert!(rows[2].get("ret").is_none());
    assert_eq!(rows[3]["unfinished"], true);
    assert_eq!(rows[3]["args"][5], "arg5=0x6");
}

#[test]
fn only_the_last_are_kept() {
    let mut events = Vec::new();
    for fd in 0..10 {
        events.push((101, enter(READ, [fd, 0, 0, 0, 0, 0]), ""));
        events.push((101, exit(READ, 0), ""));
    }
    events.push((101, enter(READ, [10, 0, 0, 0, 0, 0]), ""));
    let rows = rows(&json!({"last": 3}), &events);
    let fds: Vec<_> = rows.iter().map(|row| row["args"][0].as_str().unwrap()).collect();
    assert_eq!(fds, ["fd=8", "fd=9", "fd=10"]);
}

#[test]
fn the_calls_of_a_killed_thread_come_at_once() {
    let end = |status| Call { kind: event::KIND_END, ret: status, ..CALL };
    let events = [
        (101, enter(READ, [0; 6]), ""),
        (101, exit(READ, 1), ""),
        (102, enter(READ, [0; 6]), ""),
        (102, end(0x8b), ""),
        (101, end(0), ""),
    ];
    let rows = rows(&json!({}), &events);
    assert_eq!((&rows[0]["tid"], &rows[0]["killed_by"]), (&json!(102), &json!("SIGSEGV")));
    assert_eq!((&rows[1]["tid"], rows[1].get("killed_by")), (&json!(101), None));
}

#[test]
fn threads_are_bounded_and_none_is_dropped_silently() {
    let events: Vec<_> = (0..THREADS as u32 + 5).map(|tid| (tid, enter(READ, [0; 6]), "")).collect();
    let rows = rows(&json!({}), &events);
    assert_eq!(rows.len(), events.len());
}

#[test]
fn strings_are_cut_and_say_so() {
    let long = "x".repeat(300);
    let call = Call { notes: event::HAS_TEXT, text_len: [300, 0, 0, 0, 0], ..enter(59, [1, 0, 0, 0, 0, 0]) };
    let rows = rows(&json!({}), &[(101, call, &long)]);
    assert_eq!(rows[0]["args"][0], format!("filename=\"{}\"...", "x".repeat(256)));
    let [empty, unread] = [0, 1].map(|unreadable| Call { text_len: [0; event::TEXTS], unreadable, ..call });
    let rows = self::rows(&json!({}), &[(101, empty, ""), (102, unread, "")]);
    assert_eq!((&rows[0]["args"][0], &rows[1]["args"][0]), (&json!("filename=\"\""), &json!("filename=0x1")));
    let batch = batch(&[(101, call, "short")]);
    assert!(run::<Traceloop>(&json!({}), &batch).unwrap_err().message.contains("build both halves"));
}

#[test]
fn a_run_without_limit_is_refused() {
    let batch = batch(&[(101, Call { notes: event::UNLIMITED, ..CALL }, "")]);
    assert!(run::<Traceloop>(&json!({}), &batch).unwrap_err().message.contains("limit the run by container"));
}

/// The kernel half has a table of its own: what it sends must be what is shown.
#[test]
fn both_halves_know_the_same_strings() {
    for (arch, kernel) in [(Arch::X86_64, kernel_text::X86_64), (Arch::Aarch64, kernel_text::AARCH64)] {
        let calls = Syscalls::new(arch);
        for number in 0..512 {
            let arguments = calls.get(number).into_iter().flat_map(gadget::linux::Syscall::arguments);
            let texts = arguments.enumerate().filter(|(_, (_, kind))| *kind == Argument::Text);
            let bits = texts.fold(0, |bits, (at, _)| bits | 1 << at);
            let found =
                kernel.iter().find(|(known, _)| u32::from(*known) == number).map_or(0, |(_, bits)| *bits);
            assert_eq!(found, bits, "{}", calls.name(number));
        }
    }
}
