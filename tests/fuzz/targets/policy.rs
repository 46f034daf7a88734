//! Policy files: an answer and no panic, and never a rule without a proof.
#![no_main]

use std::path::Path;

use gadget_registry::policy::Policy;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Policy::parse(text, Path::new("/nonexistent/policy.toml"));
});
