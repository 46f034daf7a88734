//! References: what parses prints as something that parses to the same.
#![no_main]

use gadget_registry::reference::Reference;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(reference) = text.parse::<Reference>() {
        let again = reference.to_string().parse::<Reference>().expect("its own text");
        assert_eq!(again.to_string(), reference.to_string());
    }
});
