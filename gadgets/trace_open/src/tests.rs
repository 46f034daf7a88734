use gadget::{
    Described, Kind,
    serde_json::{Value, json},
    testing::{Batch, header, json as schema, own_row, run},
};

use super::*;

const OPEN: Open = Open {
    flags: 0,
    resolve: 0,
    mode: 0,
    dfd: AT_FDCWD,
    ret: 3,
    path_len: 0,
    absolute_len: 0,
    call: event::CALL_OPENAT,
    notes: 0,
    reserved: [0; 2],
};

/// The gadget's own fields of the row that one event makes.
fn row(open: Open, path: &str, absolute: &str) -> Value {
    let open = Open { path_len: path.len() as u32, absolute_len: absolute.len() as u32, ..open };
    let batch = Batch::new().event(&header(), &open, format!("{path}{absolute}").as_bytes());
    let text = run::<TraceOpen>(&json!({}), &batch).expect("a well-formed batch");
    own_row(&text)
}

#[test]
fn numbers_become_names() {
    let cases = [
        (
            Open { flags: 0o2_000_000, ..OPEN },
            "/etc/hosts",
            "",
            json!({"call": "openat", "fd": 3, "flags": ["O_RDONLY", "O_CLOEXEC"], "path": "/etc/hosts"}),
        ),
        (
            Open { flags: 0o2_000_000, ret: -2, call: event::CALL_OPEN, ..OPEN },
            "/no/such",
            "",
            json!({"call": "open", "error": "ENOENT", "flags": ["O_RDONLY", "O_CLOEXEC"], "path": "/no/such"}),
        ),
        (
            Open { flags: 0o1101, mode: 0o640, call: event::CALL_CREAT, ..OPEN },
            "out \"1\"\n",
            "/tmp/out \"1\"\n",
            json!({"call": "creat", "fd": 3, "flags": ["O_WRONLY", "O_CREAT", "O_TRUNC"], "mode": "0640",
                "path": "out \"1\"\n", "absolute": "/tmp/out \"1\"\n"}),
        ),
        (
            Open { flags: 1 << 40, resolve: 0x0a, dfd: 5, ret: -18, call: event::CALL_OPENAT2, ..OPEN },
            "sub/file",
            "",
            json!({"call": "openat2", "error": "EXDEV", "flags": ["O_RDONLY"], "flags_unknown": 1_u64 << 40,
                "resolve": ["RESOLVE_NO_MAGICLINKS", "RESOLVE_BENEATH"], "dirfd": 5, "path": "sub/file"}),
        ),
        (
            Open { ret: -13, notes: event::ABSOLUTE_IS_BASE, ..OPEN },
            "secret",
            "/root",
            json!({"call": "openat", "error": "EACCES", "flags": ["O_RDONLY"], "path": "secret",
                "absolute": "/root/secret"}),
        ),
        (
            Open { ret: -13, notes: event::ABSOLUTE_IS_BASE, ..OPEN },
            "/etc/shadow",
            "/home",
            json!({"call": "openat", "error": "EACCES", "flags": ["O_RDONLY"], "path": "/etc/shadow",
                "absolute": "/etc/shadow"}),
        ),
        (
            Open { ret: -14, call: event::CALL_OPENAT2, notes: 0x12, ..OPEN },
            "",
            "",
            json!({"call": "openat2", "error": "EFAULT", "path": "", "notes": ["path_unreadable", "how_unreadable"]}),
        ),
        (
            Open { notes: event::PATH_CUT | event::ABSOLUTE_CUT | 0x80, dfd: 9, ..OPEN },
            "/a",
            "b/a",
            json!({"call": "openat", "fd": 3, "flags": ["O_RDONLY"], "path": "/a", "absolute": "b/a",
                "notes": ["path_cut", "absolute_cut"]}),
        ),
    ];
    for (open, path, absolute, fields) in cases {
        assert_eq!(row(open, path, absolute), fields);
    }
}

#[test]
fn a_whole_row() {
    let batch = Batch::new().container(7, r#"{"id":"c0ffee","name":"web","runtime":"docker"}"#).event_in(
        7,
        &header(),
        &Open { path_len: 5, ..OPEN },
        b"/\xff\x01\"\\",
    );
    assert_eq!(
        run::<TraceOpen>(&json!({"failed": false, "absolute": true}), &batch).expect("a well-formed batch"),
        concat!(
            r#"{"timestamp":"1970-01-01T00:00:01.000000002Z","comm":"cat","pid":100,"tid":101,"uid":1000,"gid":1000,"#,
            r#""ppid":99,"parent_comm":"sh","container":{"id":"c0ffee","name":"web","runtime":"docker"},"#,
            r#""call":"openat","fd":3,"flags":["O_RDONLY"],"path":"/"#,
            "\u{fffd}",
            r#"\u0001\"\\"}"#,
            "\n"
        )
    );
}

#[test]
fn a_tail_that_is_too_short_is_a_failure() {
    for open in [Open { path_len: 4, ..OPEN }, Open { absolute_len: u32::MAX, ..OPEN }] {
        let failure =
            run::<TraceOpen>(&json!({}), &Batch::new().event(&header(), &open, b"abc")).unwrap_err();
        assert!(failure.message.contains("build both halves"), "{failure}");
    }
}

#[test]
fn what_it_says_of_itself() {
    let described = Described::gadget::<TraceOpen>(Kind::Stream, false);
    let tool = &described.tools[0];
    assert_eq!(
        schema(&tool.params),
        json!({
            "type": "object",
            "properties": {
                "failed": {"type": "boolean", "description": "Only opens that failed.", "default": false},
                "absolute": {
                    "type": "boolean",
                    "description": "Also the absolute path: of the file, or, when the open failed, of the directory \
                        its path starts from joined with it.",
                    "default": false,
                },
            },
            "additionalProperties": false,
        })
    );
    let shown: Vec<_> =
        tool.columns.iter().filter(|column| !column.hidden).map(|column| &*column.field).collect();
    assert_eq!(shown, ["container.name", "comm", "pid", "fd", "error", "flags", "mode", "path"]);
}
