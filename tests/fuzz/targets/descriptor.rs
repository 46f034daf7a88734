//! Descriptors: what validates has schemas that compile.
#![no_main]

use gadget_registry::descriptor::Descriptor;
use gadgetry_guest::RowChecker;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(descriptor) = serde_json::from_slice::<Descriptor>(bytes) else { return };
    if descriptor.validate(None).is_ok() {
        for tool in &descriptor.tools {
            let _ = RowChecker::new(&tool.row);
        }
    }
});
