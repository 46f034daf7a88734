//! What a guard says that it found, read with suspicion: it is a gadget like others, and may say anything.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Most findings of one look.
const MOST: usize = 100_000;
/// Bytes of a rule's or category's name.
const LONGEST: usize = 64;

/// One thing found, at bytes of what was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finding {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) rule: String,
    pub(super) category: String,
}

/// Reads a guard's answer about `length` bytes; in order of their places.
pub(super) fn read(answer: &[u8], length: usize) -> Result<Vec<Finding>, String> {
    if answer.is_empty() {
        return Ok(Vec::new());
    }
    let mut findings: Vec<Finding> = serde_json::from_slice(answer)
        .map_err(|error| format!("it answered something else than a list of findings: {error}"))?;
    let word = |text: &str| {
        let allowed = |it: u8| it.is_ascii_alphanumeric() || b"_.-".contains(&it);
        !text.is_empty() && text.len() <= LONGEST && text.bytes().all(allowed)
    };
    let fits = |it: &Finding| it.start < it.end && it.end <= length && word(&it.rule) && word(&it.category);
    if findings.len() > MOST || !findings.iter().all(fits) {
        return Err(format!("it found something where there is nothing, or more than {MOST} things"));
    }
    findings.sort_by_key(|it| it.start);
    Ok(findings)
}

/// `bytes`, JSON, with what was found replaced by as many `X`; none where it would no longer be JSON.
pub(super) fn masked(bytes: &[u8], findings: &[Finding]) -> Option<String> {
    let mut masked = bytes.to_vec();
    for it in findings {
        masked.get_mut(it.start..it.end)?.fill(b'X');
    }
    let masked = String::from_utf8(masked).ok()?;
    serde_json::from_str::<&RawValue>(&masked).is_ok().then_some(masked)
}

/// The name of the field of `line`, a JSON object, in which byte `at` lies.
pub(super) fn field(line: &[u8], at: usize) -> String {
    let line = std::str::from_utf8(line).unwrap_or_default();
    let fields: HashMap<String, &RawValue> = serde_json::from_str(line).unwrap_or_default();
    let within = |value: &RawValue| {
        let begin = value.get().as_ptr().addr() - line.as_ptr().addr();
        (begin..begin + value.get().len()).contains(&at)
    };
    fields.into_iter().find(|(_, value)| within(value)).map_or_else(|| "?".to_owned(), |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(start: usize, end: usize) -> Finding {
        Finding { start, end, rule: "r".into(), category: "c".into() }
    }

    #[test]
    fn what_is_no_list_of_findings_is_refused() {
        assert_eq!(read(b"", 5), Ok(vec![]));
        let one = br#"[{"start":1,"end":3,"rule":"r","category":"c"}]"#;
        assert_eq!(read(one, 3), Ok(vec![found(1, 3)]));
        for (answer, length) in [
            (&one[..], 2),
            (b"nonsense", 9),
            (br#"{"start":1}"#, 9),
            (br#"[{"start":3,"end":3,"rule":"r","category":"c"}]"#, 9),
            (br#"[{"start":1,"end":3,"rule":"two words","category":"c"}]"#, 9),
            (br#"[{"start":1,"end":3,"rule":"r","category":""}]"#, 9),
        ] {
            assert!(read(answer, length).is_err(), "{}", String::from_utf8_lossy(answer));
        }
    }

    #[test]
    fn only_what_stays_json_is_masked() {
        let line = r#"{"a":"äbc","n":12}"#;
        assert_eq!(masked(line.as_bytes(), &[found(6, 8)]).unwrap(), r#"{"a":"XXbc","n":12}"#);
        // Half a character, a quote, a number, beyond the end.
        for (start, end) in [(6, 7), (5, 8), (16, 17), (10, 99)] {
            assert_eq!(masked(line.as_bytes(), &[found(start, end)]), None, "{start}..{end}");
        }
        assert_eq!(field(line.as_bytes(), 7), "a");
        assert_eq!(field(line.as_bytes(), 16), "n");
        assert_eq!(field(b"no object", 3), "?");
    }
}
