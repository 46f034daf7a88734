use gadget::{
    Described, Kind,
    serde_json::{Value, json},
    testing::{Batch, header, json as schema, run},
};

use super::*;

const PROCESS: Process =
    Process { start: 500_000_000, threads: 4, exe_len: 0, state: b'S', notes: 0, reserved: [0; 6] };

#[test]
fn a_process_and_a_kernel_thread() {
    let batch = Batch::new()
        .container(1, r#"{"id":"c0ffee"}"#)
        .event_in(1, &header(), &Process { exe_len: 8, notes: event::EXE_CUT, ..PROCESS }, b"/bin/cat")
        .event(&header(), &Process { threads: 1, state: b'I', notes: event::KERNEL_THREAD, ..PROCESS }, b"");
    assert_eq!(
        run::<SnapshotProcess>(&json!({"threads": false}), &batch).expect("a well-formed batch"),
        concat!(
            r#"{"timestamp":"1970-01-01T00:00:01.000000002Z","comm":"cat","pid":100,"tid":101,"uid":1000,"gid":1000,"#,
            r#""ppid":99,"parent_comm":"sh","container":{"id":"c0ffee"},"state":"sleeping","#,
            r#""started":"1970-01-01T00:00:00.500000000Z","threads":4,"kernel_thread":false,"exe":"/bin/cat","#,
            r#""notes":["exe_cut"]}"#,
            "\n",
            r#"{"timestamp":"1970-01-01T00:00:01.000000002Z","comm":"cat","pid":100,"tid":101,"uid":1000,"gid":1000,"#,
            r#""ppid":99,"parent_comm":"sh","state":"idle","started":"1970-01-01T00:00:00.500000000Z","threads":1,"#,
            r#""kernel_thread":true}"#,
            "\n",
        )
    );
}

#[test]
fn states() {
    let cases = [
        (b'R', "running"),
        (b'S', "sleeping"),
        (b'D', "disk_sleep"),
        (b'T', "stopped"),
        (b't', "traced"),
        (b'X', "dead"),
        (b'Z', "zombie"),
        (b'P', "parked"),
        (b'I', "idle"),
        (b'?', "unknown"),
    ];
    for (state, word) in cases {
        let batch = Batch::new().event(&header(), &Process { state, ..PROCESS }, b"");
        let text = run::<SnapshotProcess>(&json!({}), &batch).expect("a well-formed batch");
        let row: Value = gadget::serde_json::from_str(&text).expect("one row");
        assert_eq!(row["state"], word);
    }
}

#[test]
fn what_it_says_of_itself() {
    let described = Described::gadget::<SnapshotProcess>(Kind::Snapshot, false);
    let tool = &described.tools[0];
    assert_eq!(schema(&tool.params)["properties"]["threads"]["type"], json!("boolean"));
    let shown: Vec<_> =
        tool.columns.iter().filter(|column| !column.hidden).map(|column| &*column.field).collect();
    assert_eq!(shown, ["container.name", "comm", "pid", "uid", "ppid", "state", "started", "threads", "exe"]);
}
