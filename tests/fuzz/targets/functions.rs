//! Programs in which functions are looked for: whatever the file holds, places lie in it, and are few.
#![no_main]

use gadgetry_symbols::find::{Function, Language, functions};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let wanted = [("main", Language::C), ("read", Language::C), ("main.main", Language::Go)];
    let wanted = wanted.map(|(name, language)| Function { name: name.to_owned(), language });
    if let Ok(findings) = functions(bytes, &wanted) {
        assert!(findings.places.len() <= 4 * wanted.len());
        for place in findings.places {
            assert!(place.returns.len() <= 64 && place.returns.iter().all(|at| *at < bytes.len() as u64));
        }
    }
});
