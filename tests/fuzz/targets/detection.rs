//! Texts to be scanned: whatever one holds, the scan ends, places are in it and between characters, and what masks it
//! keeps its length; and a row that is told to be clean has nothing that a scan of it would find as it is written.
#![no_main]

use ai_security_engine::{Category, Engine, Options, Side, Via, mask};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let engine = Engine::new();
    let options = Options { thresholds: [Some(1); Category::ALL.len()] };
    for side in [Side::Prompt, Side::Row] {
        let Ok(findings) = engine.scan(&text, side, &options) else { return };
        for finding in &findings.all {
            assert!(text.get(finding.start..finding.end).is_some(), "{finding:?}");
            assert!(finding.score <= 100);
        }
        assert_eq!(mask(&text, &findings.all).len(), text.len());
        if side == Side::Row && engine.clean(&text) {
            let looked_for = |it: Category| matches!(it, Category::Injection | Category::Dlp);
            let of_row = |it: &&ai_security_engine::Finding| {
                looked_for(it.category) && Via::NORMALISED.contains(it.via)
            };
            let plain = findings.all.iter().find(of_row);
            assert!(plain.is_none(), "{plain:?}");
        }
    }
});
