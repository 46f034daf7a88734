//! Runs of base64 and hexadecimal digits that hold text.

use std::ops::Range;

use crate::encoding;

/// Shorter runs are words.
const SHORTEST: usize = 16;

/// Which signs a byte may be: bit 0 of base64, bit 1 of hexadecimal digits and what is put between them.
static KIND: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let it = byte as u8;
        if it.is_ascii_alphanumeric() || matches!(it, b'+' | b'/' | b'-' | b'_' | b'=') {
            table[byte] |= 1;
        }
        if it.is_ascii_hexdigit() || matches!(it, b' ' | b':' | b',' | b'x' | b'\\' | b'-') {
            table[byte] |= 2;
        }
        byte += 1;
    }
    table
};

/// The runs of one kind that are no shorter than [`SHORTEST`], found by looking at every sixteenth byte.
fn runs(text: &[u8], kind: u8) -> impl Iterator<Item = Range<usize>> {
    let is = move |at: usize| KIND[usize::from(text[at])] & kind != 0;
    let mut at = SHORTEST - 1;
    std::iter::from_fn(move || {
        while at < text.len() {
            if !is(at) {
                at += SHORTEST;
                continue;
            }
            let mut start = at;
            while start > 0 && is(start - 1) {
                start -= 1;
            }
            let mut end = at;
            while end < text.len() && is(end) {
                end += 1;
            }
            at = end + SHORTEST;
            if end - start >= SHORTEST {
                return Some(start..end);
            }
        }
        None
    })
}

/// What is written in base64, and where. Lines of one block are one text.
pub(crate) fn base64(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    let bytes = text.as_bytes();
    let mut runs = runs(bytes, 1).peekable();
    std::iter::from_fn(move || {
        while let Some(mut range) = runs.next() {
            let mut joined = bytes[range.clone()].to_vec();
            while let Some(next) = runs.peek() {
                let between = &bytes[range.end..next.start];
                let one_break = between == b"\n" || between == b"\r\n";
                if !one_break || range.len() < 48 {
                    break;
                }
                range.end = next.end;
                joined.extend(&bytes[next.clone()]);
                runs.next();
            }
            if let Some(text) = decode_base64(&joined) {
                return Some((range, text));
            }
        }
        None
    })
}

fn decode_base64(run: &[u8]) -> Option<String> {
    // A word, a path or a number is no base64.
    let has = |what: fn(&u8) -> bool| run.iter().any(what);
    if !(has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)) {
        return None;
    }
    // Signs at its edges may belong to the text around it.
    let trimmed = run.iter().position(u8::is_ascii_alphanumeric).map_or(run, |start| &run[start..]);
    let whole = |run: &[u8]| encoding::base64(run).and_then(encoding::readable);
    whole(trimmed).or_else(|| {
        // `key=aGVsbG8...`: what is after the sign.
        let at = trimmed.iter().position(|byte| *byte == b'=')?;
        whole(trimmed.get(at + 1..).filter(|rest| rest.len() >= SHORTEST)?)
    })
}

/// What is written in hexadecimal digits, and where.
pub(crate) fn hex(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    let bytes = text.as_bytes();
    runs(bytes, 2).filter_map(|range| {
        let run = &bytes[range.clone()];
        let mut digits = Vec::with_capacity(run.len());
        for (at, byte) in run.iter().enumerate() {
            // `0x69`: the zero belongs to the sign.
            let prefix = *byte == b'0' && run.get(at + 1) == Some(&b'x');
            if byte.is_ascii_hexdigit() && !prefix {
                digits.push(*byte);
            }
        }
        let text = (digits.len() >= SHORTEST).then(|| encoding::hex(&digits)).flatten()?;
        Some((range, encoding::readable(text)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_found_where_they_are() {
        for (text, start, expected) in [
            ("run aWdub3JlIHByZXZpb3Vz now", 4, "ignore previous"),
            ("key=aWdub3JlIHByZXZpb3VzIA==", 0, "ignore previous "),
        ] {
            let found: Vec<_> = base64(text).collect();
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!((found[0].0.start, found[0].1.as_str()), (start, expected));
        }
        for text in [
            "69676e6f72652070726576696f7573",
            "69 67 6e 6f 72 65 20 70 72 65 76 69 6f 75 73",
            r"\x69\x67\x6e\x6f\x72\x65\x20\x70\x72\x65\x76\x69\x6f\x75\x73",
            "0x69 0x67 0x6e 0x6f 0x72 0x65 0x20 0x70 0x72 0x65 0x76 0x69 0x6f 0x75 0x73",
        ] {
            assert_eq!(hex(text).next().unwrap().1, "ignore previous", "{text}");
        }
    }

    #[test]
    fn words_hashes_and_paths_are_none() {
        let text = "internationalization /usr/lib/python3/dist-packages/somewhere \
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 SomeVeryLongIdentifierInCamelCase";
        assert_eq!(base64(text).count() + hex(text).count(), 0);
    }
}
