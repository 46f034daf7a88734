//! Looking at what is about to reach a model, or a tool: what a gadget must say to be a guard, and the reading of what
//! it is given.
//!
//! ```text
//! gadget::export!(guard Engine; tool scan);
//! ```
//!
//! A guard is given JSON, a value a line: rows, arguments, definitions. It is asked about each string in them as text,
//! and what it finds there is told by its place in the JSON as it was given, so that the host can mask it without
//! knowing what it is. Most strings hold nothing: they are passed by after one look at their bytes.

use std::fmt::Write;

mod strings;

use strings::Strings;

/// A gadget that can stand before others.
pub trait Guard {
    /// Whether there is surely nothing to be found in one string: by one look at it. One with escapes is not asked about.
    fn clean(text: &str) -> bool;

    /// What is found in one string that is not clean.
    fn look(text: &str, found: &mut Vec<Found>);
}

/// One thing found in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it begins in the string, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The rule that found it: `[a-z0-9_.-]`.
    pub rule: &'static str,
    /// What kind of thing it is: `[a-z0-9_]`.
    pub category: &'static str,
}

/// What `G` finds in `lines`: JSON values, a line each. As the contract wants it: a JSON array, or nothing at all.
pub fn inspect<G: Guard>(lines: &[u8]) -> Vec<u8> {
    let (mut answer, mut found) = (String::new(), Vec::new());
    let mut begin = 0;
    for line in lines.split_inclusive(|it| *it == b'\n') {
        for string in Strings::of(line).filter(|it| it.is_escaped() || !G::clean(&it.text)) {
            found.clear();
            G::look(&string.text, &mut found);
            for Found { start, end, rule, category } in &found {
                let (start, end) = (begin + string.place(*start), begin + string.place(*end));
                let comma = if answer.is_empty() { '[' } else { ',' };
                // Writing to a string cannot fail; rules and categories are words, which need no escapes.
                let _ = write!(
                    answer,
                    r#"{comma}{{"start":{start},"end":{end},"rule":"{rule}","category":"{category}"}}"#
                );
            }
        }
        begin += line.len();
    }
    if !answer.is_empty() {
        answer.push(']');
    }
    answer.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bad;

    impl Guard for Bad {
        fn clean(text: &str) -> bool {
            !text.contains("bad")
        }

        fn look(text: &str, found: &mut Vec<Found>) {
            let places = text.match_indices("bad");
            found.extend(places.map(|(start, _)| Found {
                start,
                end: start + 3,
                rule: "word",
                category: "test",
            }));
        }
    }

    fn places(lines: &str) -> Vec<&str> {
        let answer = inspect::<Bad>(lines.as_bytes());
        if answer.is_empty() {
            return Vec::new();
        }
        let answer: Vec<serde_json::Value> = serde_json::from_slice(&answer).unwrap();
        let number = |it: &serde_json::Value| usize::try_from(it.as_u64().unwrap()).unwrap();
        answer.iter().map(|it| &lines[number(&it["start"])..number(&it["end"])]).collect()
    }

    #[test]
    fn what_is_found_is_told_by_its_place_in_the_json() {
        for (lines, wanted) in [
            ("", vec![]),
            ("{\"a\":\"good\"}\n", vec![]),
            ("{\"a\":\"good\"}\n{\"a\":\"a bad one\",\"b\":[1,{\"c\":\"bad\"}]}\n", vec!["bad", "bad"]),
            // Escapes before and within.
            (r#"{"a":"\u00e4\n\"bad"}"#, vec!["bad"]),
            (r#"{"a":"b\u0061d é"}"#, vec![r"b\u0061d"]),
            (r#"{"a":"\ud83d\ude00bad"}"#, vec!["bad"]),
            // Names of fields are the gadget's, not the world's.
            (r#"{"bad":"x"}"#, vec![]),
            (r#"{"a":"x\\","b":"bad"}"#, vec!["bad"]),
            // What is no JSON ends the reading of its line only.
            ("{\"a\":\"bad\n\"bad\"\n", vec!["bad"]),
        ] {
            assert_eq!(places(lines), wanted, "{lines}");
        }
    }
}
