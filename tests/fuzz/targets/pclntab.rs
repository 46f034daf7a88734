//! Go's table of functions: whatever it holds, reading it ends, and a function has bytes.
#![no_main]

use gadgetry_symbols::find::in_go_table;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for name in ["main.main", "a", ""] {
        if let Some(span) = in_go_table(bytes, name) {
            assert!(span.start < span.end);
        }
    }
});
