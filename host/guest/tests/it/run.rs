//! What a run gets from a guest that behaves, and from each kind that does not.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use gadgetry_guest::{Config, Counts, Guest, GuestError, Level, Limits, RowChecker, Runtime, Shape};
use serde_json::json;

use crate::component::Source;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new(Config::default()).unwrap());

fn checker() -> Arc<RowChecker> {
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["n"],
        "properties": {"n": {"type": "integer", "minimum": 0}, "name": {"type": "string"}}
    });
    Arc::new(RowChecker::new(&schema).unwrap())
}

fn open(source: &Source, limits: Limits) -> Guest {
    RUNTIME.component(&source.wasm()).unwrap().open("test", checker(), limits).unwrap()
}

fn process(source: &Source) -> Result<Vec<u8>, GuestError> {
    let limits = Limits { deadline_per_call: Duration::from_millis(200), ..Limits::default() };
    open(source, limits).process(b"batch").map(|output| output.lines.to_vec())
}

/// A run moves between threads; components and checkers are shared by them.
const _: () = {
    const fn send<T: Send>() {}
    const fn share<T: Send + Sync>() {}
    send::<Guest>();
    share::<Runtime>();
    share::<gadgetry_guest::Component>();
    share::<RowChecker>();
};

#[test]
fn rows_come_out_as_they_were_made() {
    let rows = "{\"n\":1}\n{\"n\":2,\"name\":\"b\"}\n";
    let mut guest = open(&Source::rows(rows), Limits::default());
    guest.start(br#"{"params":{},"node":"here","boot_to_unix_ns":0}"#).unwrap();
    for _ in 0..3 {
        let output = guest.process(&[7; 100_000]).unwrap();
        assert_eq!(output.lines, rows.as_bytes());
        assert_eq!(output.count, 2);
        let single: Vec<&[u8]> = output.rows().collect();
        assert_eq!(single, [&br#"{"n":1}"#[..], br#"{"n":2,"name":"b"}"#]);
    }
    assert_eq!(guest.tick().unwrap().count, 0);
    assert_eq!(guest.finish().unwrap().lines, b"");
    assert_eq!(guest.counts(), Counts { rows: 6, bytes: 3 * rows.len() as u64, ..Counts::default() });
}

#[test]
fn a_batch_arrives_whole() {
    // Returns the batch itself.
    let echo = Source::process("(call $ok (local.get $at) (local.get $len))");
    let batch: Vec<u8> = (0..200_000).flat_map(|n| format!("{{\"n\":{n}}}\n").into_bytes()).collect();
    let mut guest = open(&echo, Limits::default());
    for _ in 0..2 {
        let output = guest.process(&batch).unwrap();
        assert_eq!(output.count, 200_000);
        assert!(output.lines == batch);
    }
}

#[test]
fn a_snapshot_and_a_tool() {
    let component = RUNTIME.component(&Source::rows("{\"n\":5}\n").snapshot()).unwrap();
    assert_eq!(component.shape(), Shape::Snapshot);
    assert!(!component.merges());
    let mut guest = component.open("test", checker(), Limits::default()).unwrap();
    guest.start(b"{}").unwrap();
    assert_eq!(guest.collect(b"records").unwrap().lines, b"{\"n\":5}\n");
    assert_eq!(guest.finish().unwrap().count, 0);
    assert!(matches!(guest.process(b""), Err(GuestError::Missing { call: "stream.process" })));

    let source = Source {
        more: r#"
            (func (export "call") (param $tool i32) (param $tool_len i32) (param $at i32) (param $len i32) (result i32)
                (call $ok (local.get $at) (local.get $len)))
            (func (export "merge") (param $parts i32) (param $count i32) (result i32)
                ;; The second part.
                (call $ok (i32.load offset=8 (local.get $parts)) (i32.load offset=12 (local.get $parts))))
            (func (export "describe") (result i32)
                (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const 2)) (i32.const 16))"#
            .into(),
        data: "{}".into(),
        ..Source::new()
    };
    let component = RUNTIME.component(&source.tool()).unwrap();
    assert_eq!((component.shape(), component.merges()), (Shape::Tool, true));
    assert_eq!(component.describe().unwrap(), b"{}");
    let mut guest = component.open("test", checker(), Limits::default()).unwrap();
    assert_eq!(guest.call("t", b"{\n \"n\": 3 }\n").unwrap(), b"{\n \"n\": 3 }\n");
    let error = guest.call("t", br#"{"n":"3"}"#).unwrap_err().to_string();
    assert!(error.contains("field `n`: wanted an integer, found \"3\""), "{error}");
    let parts: [&[u8]; 2] = [b"{\"n\":1}\n", b"{\"n\":2}\n{\"n\":3}\n"];
    assert_eq!(guest.merge(&parts).unwrap().lines, parts[1]);
}

/// What each guest does, and what its run's error must say.
#[test]
fn what_goes_wrong_is_said() {
    let loops = "(loop $again (br $again)) (unreachable)";
    let grows = "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) (unreachable)";
    let recursion = "(call $process (local.get $at) (local.get $len))";
    let cases: &[(&str, Source, &str)] = &[
        (
            "trap",
            Source::process("(unreachable)"),
            "crashed in `stream.process`: wasm `unreachable` instruction executed, in process",
        ),
        ("divide", Source::process("(i32.div_u (i32.const 1) (i32.const 0))"), "integer divide by zero"),
        ("out of bounds", Source::process("(i32.load (i32.const -8))"), "out of bounds memory access"),
        ("recursion", Source::process(recursion), "call stack exhausted"),
        ("endless", Source::process(loops), "did not return from `stream.process` within 200ms"),
        (
            "grows",
            Source::process(grows),
            "wanted 65792 KiB of memory in `stream.process`; it may have 64 MiB",
        ),
        (
            "wild list",
            Source::process("(call $ok (i32.const -16) (i32.const 4096))"),
            "list pointer/length out of bounds of memory",
        ),
        ("wild result", Source::process("(i32.const -4)"), "pointer out of bounds of memory"),
        ("no JSON", Source::rows("hello\n"), "row 1: wanted a JSON object, found hello"),
        ("second row", Source::rows("{\"n\":1}\n{\"n\":1,}\n"), "row 2: wanted the name of a field, found }"),
        ("array", Source::rows("[1]\n"), "row 1: wanted a JSON object, found [1]"),
        (
            "not ended",
            Source::rows("{\"n\":1}"),
            "row 1: wanted a newline at the end of the row, found the end of the output",
        ),
        ("cut", Source::rows("{\"n\":1\n"), "row 1: wanted `,` or `}`, found the end of the line"),
        (
            "two in a line",
            Source::rows("{\"n\":1}{\"n\":2}\n"),
            "wanted a newline at the end of the row, found {\"n\":2}",
        ),
        (
            "not UTF-8",
            Source {
                data: String::new(),
                ..Source::process(
                    "(i32.store (i32.const 1024) (i32.const 0x0a7dff7b)) (call $ok (i32.const 1024) (i32.const 4))",
                )
            },
            "row 1: wanted the name of a field",
        ),
        ("wrong type", Source::rows("{\"n\":\"1\"}\n"), "row 1, field `n`: wanted an integer, found \"1\""),
        (
            "out of range",
            Source::rows("{\"n\":-1}\n"),
            "row 1, field `n`: wanted a number, at least 0, found -1",
        ),
        (
            "not declared",
            Source::rows("{\"n\":1,\"m\":2}\n"),
            "wanted no field that the schema does not declare, found \"m\":2}",
        ),
        ("missing", Source::rows("{\"name\":\"a\"}\n"), "row 1: wanted the required field `n`, found }"),
        ("twice", Source::rows("{\"n\":1,\"n\":2}\n"), "wanted the field `n` once"),
    ];
    for (name, source, wanted) in cases {
        let error = process(source).expect_err(name).to_string();
        assert!(error.contains(wanted), "{name}: {error}");
        assert!(!error.contains('\n'), "{name}: {error}");
        // The runtime goes on serving.
        assert!(process(&Source::rows("{\"n\":1}\n")).is_ok(), "after {name}");
    }
}

#[test]
fn an_endless_call_ends_near_its_deadline() {
    let source = Source::process("(loop $again (br $again)) (unreachable)");
    let mut guest =
        open(&source, Limits { deadline_per_call: Duration::from_millis(100), ..Limits::default() });
    let start = Instant::now();
    assert!(matches!(guest.process(b""), Err(GuestError::Timeout { .. })));
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert!(start.elapsed() < Duration::from_secs(2));
    // It does not run again.
    assert!(matches!(guest.tick(), Err(GuestError::Ended { call: "stream.tick" })));
}

#[test]
fn a_deadline_is_for_each_call() {
    // Each call takes a while; together they take longer than one may.
    let slow = "(loop $again (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 30000000)))) (call $ok (i32.const 0) (i32.const 0))";
    let mut guest = open(
        &Source::process(slow),
        Limits { deadline_per_call: Duration::from_secs(1), ..Limits::default() },
    );
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1500) {
        guest.process(b"").unwrap();
    }
}

#[test]
fn a_start_that_never_ends_is_ended() {
    let source =
        Source { more: "(func $forever (loop $again (br $again))) (start $forever)".into(), ..Source::new() };
    let limits = Limits { deadline_per_call: Duration::from_millis(50), ..Limits::default() };
    let error = RUNTIME.component(&source.wasm()).unwrap().open("test", checker(), limits).err().unwrap();
    assert!(matches!(error, GuestError::Timeout { call: "instantiate", .. }), "{error}");
}

#[test]
fn memory_is_capped_by_the_run_as_well() {
    let source =
        Source::process("(drop (memory.grow (i32.const 32))) (call $ok (i32.const 0) (i32.const 0))");
    assert!(open(&source, Limits { memory_bytes: 4 << 20, ..Limits::default() }).process(b"").is_ok());
    let mut guest = open(&source, Limits { memory_bytes: 2 << 20, ..Limits::default() });
    let error = guest.process(b"").err().unwrap();
    assert!(matches!(error, GuestError::Memory { cap: 0x20_0000, .. }), "{error}");
    // A batch that does not fit is the same.
    let mut guest = open(&Source::new(), Limits { memory_bytes: 1 << 20, ..Limits::default() });
    let error = guest.process(&vec![0; 2 << 20]).err().unwrap();
    assert!(matches!(error, GuestError::Memory { .. }), "{error}");
    // Wanted from the beginning.
    let source = Source { pages: 100, ..Source::new() };
    let component = RUNTIME.component(&source.wasm()).unwrap();
    let error = component
        .open("test", checker(), Limits { memory_bytes: 1 << 20, ..Limits::default() })
        .err()
        .unwrap();
    assert!(matches!(error, GuestError::Memory { call: "instantiate", .. }), "{error}");
}

#[test]
fn a_gadgets_own_error_ends_nothing() {
    let source = Source {
        data: "no such\nunit".into(),
        start: "(call $fail (i32.const 1024) (i32.const 12))".into(),
        ..Source::new()
    };
    let mut guest = open(&source, Limits::default());
    let error = guest.start(b"{}").unwrap_err();
    assert_eq!(error.to_string(), "the gadget reports: no such unit");
    assert!(guest.process(b"").is_ok());
}

#[test]
fn rows_over_the_limits_are_cut_whole_and_counted() {
    let rows: String = (0..10).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let source = Source::rows(&rows);

    let mut guest = open(&source, Limits { rows_per_run: 25, ..Limits::default() });
    let counts: Vec<u64> = (0..4).map(|_| guest.process(b"").unwrap().count).collect();
    assert_eq!(counts, [10, 10, 5, 0]);
    assert_eq!((guest.counts().rows, guest.counts().cut_by_rows), (25, 15));

    // Eight bytes a row: three and a half fit.
    let mut guest = open(&source, Limits { bytes_out_per_call: 28, ..Limits::default() });
    let output = guest.process(b"").unwrap();
    assert_eq!((output.count, output.lines), (3, &rows.as_bytes()[..24]));
    assert_eq!(guest.counts().cut_by_bytes, 7);

    // One row larger than all that is allowed.
    let mut guest = open(&source, Limits { bytes_out_per_call: 5, ..Limits::default() });
    assert_eq!(guest.process(b"").unwrap().count, 0);
    assert_eq!(guest.counts().cut_by_bytes, 10);

    // Nothing but garbage, 40 MiB of it.
    let huge = Source {
        process: "(call $ok (i32.const 0) (i32.const 41943040))".into(),
        more: "(func $grow (drop (memory.grow (i32.const 640)))) (start $grow)".into(),
        ..Source::new()
    };
    let mut guest = open(&huge, Limits::default());
    assert_eq!(guest.process(b"").unwrap().count, 0);
    assert_eq!(guest.counts().cut_by_bytes, 1);
}

#[test]
fn log_lines_are_limited_and_kept() {
    let text = "panicked at \u{1b}[31msrc/lib.rs";
    let source = Source {
        data: text.into(),
        process: format!(
            "(loop $again (call $log (i32.const 2) (i32.const 1024) (i32.const {len}))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 100))))
            (call $log (i32.const 3) (i32.const 1024) (i32.const {len}))
            (unreachable)",
            len = text.len()
        ),
        ..Source::new()
    };
    let mut guest = open(&source, Limits { log_lines_per_second: 30, ..Limits::default() });
    let error = guest.process(b"").unwrap_err().to_string();
    // The panic's message is told although it was over the limit.
    assert!(error.contains("it logged: panicked at [31msrc/lib.rs"), "{error}");
    assert_eq!((guest.counts().log_lines, guest.counts().log_dropped), (30, 71));
    let lines = guest.take_log();
    assert_eq!(lines.len(), 16);
    assert_eq!((lines[0].level, lines[0].message.as_str()), (Level::Warn, "panicked at [31msrc/lib.rs"));
}

#[test]
fn all_places_taken() {
    let runtime = Runtime::new(Config { slots: 3, ..Config::default() }).unwrap();
    let component = runtime.component(&Source::new().wasm()).unwrap();
    let mut guests: Vec<Guest> =
        (0..3).map(|_| component.open("test", checker(), Limits::default()).unwrap()).collect();
    let error = component.open("test", checker(), Limits::default()).err().unwrap();
    assert_eq!(error.to_string(), "all 3 places for post-processors are taken: let a run end first");
    guests.pop();
    assert!(component.open("test", checker(), Limits::default()).is_ok());
}
