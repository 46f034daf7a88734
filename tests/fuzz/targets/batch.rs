//! Batches: the walk ends, and stays inside.
#![no_main]

use gadget_abi::batch::Frames;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let payload: usize = Frames::new(bytes).map(|(_, payload)| payload.len()).sum();
    assert!(payload <= bytes.len());
});
