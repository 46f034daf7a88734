use gadget::{
    serde_json::{Value, json},
    testing::{Batch, header, own_row, run},
};

use super::*;

const MODULE: Module = Module {
    size: 0,
    ret: 0,
    fd: -1,
    flags: 0,
    name_len: 0,
    params_len: 0,
    call: event::CALL_INIT,
    notes: 0,
    reserved: [0; 2],
};

/// The gadget's own fields of the row that one event makes.
fn row(module: Module, name: &str, params: &str) -> Value {
    let module = Module { name_len: name.len() as u32, params_len: params.len() as u32, ..module };
    let batch = Batch::new().event(&header(), &module, format!("{name}{params}").as_bytes());
    let text = run::<TraceInitModule>(&json!({}), &batch).expect("a well-formed batch");
    own_row(&text)
}

#[test]
fn each_call_has_its_own_arguments() {
    let cases = [
        (
            Module { size: 4096, ret: -1, ..MODULE },
            "",
            "debug=1",
            json!({"call": "init_module", "error": "EPERM", "size": 4096, "params": "debug=1"}),
        ),
        (
            Module { call: event::CALL_FINIT, fd: 3, flags: 12, ..MODULE },
            "/lib/modules/6.1/nf-log.ko.zst",
            "",
            json!({"call": "finit_module", "module": "nf_log", "file": "/lib/modules/6.1/nf-log.ko.zst",
                "flags": ["MODULE_INIT_COMPRESSED_FILE"], "flags_unknown": 8}),
        ),
        (
            Module { call: event::CALL_FINIT, fd: 3, ret: -8, notes: 3, ..MODULE },
            "/tmp/evil",
            "",
            json!({"call": "finit_module", "error": "ENOEXEC", "file": "/tmp/evil", "notes": ["cut", "unreadable"]}),
        ),
        (
            Module { call: event::CALL_DELETE, flags: 0o4_000, ret: -16, ..MODULE },
            "nf_log",
            "",
            json!({"call": "delete_module", "error": "EBUSY", "module": "nf_log", "flags": ["O_NONBLOCK"]}),
        ),
    ];
    for (module, name, params, fields) in cases {
        assert_eq!(row(module, name, params), fields);
    }
}

#[test]
fn a_tail_that_is_too_short_is_a_failure() {
    let batch = Batch::new().event(&header(), &Module { params_len: 4, ..MODULE }, b"abc");
    assert!(run::<TraceInitModule>(&json!({}), &batch).unwrap_err().message.contains("build both halves"));
}
