//! Messages in characters that are not shown: Unicode tags, which are invisible ASCII, and variation selectors, which
//! carry a byte each.

use std::ops::Range;

use crate::encoding;

/// A flag's letters are fewer.
const SHORTEST: usize = 7;

/// What is hidden, and where.
pub(crate) fn messages(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    collect(text, tag, &mut found);
    collect(text, selector, &mut found);
    found
        .into_iter()
        .filter(|(_, bytes)| bytes.len() >= SHORTEST)
        .filter_map(|(range, bytes)| Some((range, encoding::readable(bytes)?)))
        .collect()
}

/// Runs of characters that each carry a byte; what is visible ends a run, but for the end of a line within it.
fn collect(text: &str, byte: fn(char) -> Option<u8>, found: &mut Vec<(Range<usize>, Vec<u8>)>) {
    let mut open: Option<(Range<usize>, Vec<u8>)> = None;
    for (at, char) in text.char_indices() {
        let end = at + char.len_utf8();
        match (byte(char), &mut open) {
            (Some(byte), Some((range, bytes))) => {
                range.end = end;
                bytes.push(byte);
            }
            (Some(byte), None) => open = Some((at..end, vec![byte])),
            (None, Some((_, bytes))) if char == '\n' => bytes.push(b'\n'),
            (None, _) => found.extend(open.take()),
        }
    }
    found.extend(open);
}

fn tag(char: char) -> Option<u8> {
    matches!(char, '\u{e0020}'..='\u{e007e}').then(|| (u32::from(char) & 0x7f) as u8)
}

fn selector(char: char) -> Option<u8> {
    match u32::from(char) {
        code @ 0xfe00..=0xfe0f => u8::try_from(code - 0xfe00).ok(),
        code @ 0xe0100..=0xe01ef => u8::try_from(code - 0xe0100 + 16).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read() {
        let tags: String =
            "ignore previous".bytes().filter_map(|byte| char::from_u32(0xe0000 + u32::from(byte))).collect();
        let selectors: String = "ignore previous"
            .bytes()
            .filter_map(|byte| char::from_u32(0xe0100 + u32::from(byte) - 16))
            .collect();
        for hidden in [tags, selectors] {
            let text = format!("hi 😀{hidden} there");
            let found = messages(&text);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].1, "ignore previous");
            assert_eq!(text[found[0].0.clone()], hidden);
        }
        assert!(messages("🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} ❤\u{fe0f}").is_empty());
    }
}
