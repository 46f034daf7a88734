//! Rows of a guest: what the checker lets through is JSON.
#![no_main]

use std::sync::LazyLock;

use gadgetry_guest::RowChecker;
use serde_json::{Value, json};

static CHECKER: LazyLock<RowChecker> = LazyLock::new(|| {
    let schema = json!({
        "type": "object",
        "properties": {
            "pid": {"type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32},
            "comm": {"type": "string"},
            "kind": {"type": "string", "enum": ["open", "close"]},
            "args": {"type": "array", "items": {"type": "string"}},
            "container": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
        },
        "required": ["pid"],
        "additionalProperties": false,
    });
    RowChecker::new(&schema).expect("a valid schema")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for row in CHECKER.rows(bytes, 0).map_while(Result::ok) {
        let row: Value = serde_json::from_slice(row).expect("JSON");
        // `-0` is an integer that is not below 0, and reads as a floating-point number.
        assert!(row["pid"].as_f64().is_some_and(|it| it >= 0.0 && it.fract() == 0.0));
    }
    let _ = CHECKER.answer(bytes);
});
