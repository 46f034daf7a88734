//! Components: the names of what they import and export.
#![no_main]

use gadget_registry::component::Interfaces;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Interfaces::of(bytes);
});
