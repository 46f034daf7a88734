//! Answers of the Prisma AIRS service: whatever one holds, it is told as JSON that is no larger than it by much, or as a
//! message fit to be shown.
#![no_main]

use serde_json::Value;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (status, body) = match bytes.split_first() {
        // Most answers are no error.
        Some((first, body)) => (if first % 4 == 0 { 200 + u16::from(*first) } else { 200 }, body),
        None => return,
    };
    let told = ai_security::read_answer(status, body);
    let told = String::from_utf8(told).expect("text");
    if told.starts_with('{') {
        for line in told.lines() {
            let _: Value = serde_json::from_str(line).expect("JSON");
        }
    } else {
        assert!(told.chars().count() < 2000 && !told.chars().any(|it| it.is_control() && it != '\n'), "{told:?}");
    }
});
