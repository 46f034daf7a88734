//! Texts in which single characters are written otherwise: as in addresses, in HTML, in source code.

use std::borrow::Cow;

use crate::encoding::nibble;
use crate::offsets::Map;
use crate::readings::replaced;

/// Fewer than so many are no disguise.
const FEWEST: usize = 3;

/// `%69` and `%u0069`; a `+` stays.
pub(crate) fn percent(text: &str) -> Option<(String, Map)> {
    let bytes = text.as_bytes();
    decode(text, b'%', |at| match bytes.get(at + 1)? {
        b'u' => Some((digits(bytes, at + 2, 4)?, 6)),
        _ => Some((digits(bytes, at + 1, 2)?, 3)),
    })
}

/// `\u0069`, `\x69` and `\u{69}`.
pub(crate) fn backslash(text: &str) -> Option<(String, Map)> {
    let bytes = text.as_bytes();
    decode(text, b'\\', |at| match (bytes.get(at + 1)?, bytes.get(at + 2)?) {
        (b'u', b'{') => braced(bytes, at + 3, b'}', 16).map(|(code, end)| (code, end - at)),
        (b'u', _) => Some((digits(bytes, at + 2, 4)?, 6)),
        (b'x', _) => Some((digits(bytes, at + 2, 2)?, 4)),
        _ => None,
    })
}

/// `&#105;`, `&#x69;` and the names that stand for signs.
pub(crate) fn entities(text: &str) -> Option<(String, Map)> {
    const NAMES: [(&str, char); 8] = [
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&amp;", '&'),
        ("&quot;", '"'),
        ("&apos;", '\''),
        ("&nbsp;", ' '),
        ("&sol;", '/'),
        ("&colon;", ':'),
    ];
    let bytes = text.as_bytes();
    decode(text, b'&', |at| match (bytes.get(at + 1)?, bytes.get(at + 2)?) {
        (b'#', b'x' | b'X') => braced(bytes, at + 3, b';', 16).map(|(code, end)| (code, end - at)),
        (b'#', _) => braced(bytes, at + 2, b';', 10).map(|(code, end)| (code, end - at)),
        _ => {
            let (name, char) = NAMES.iter().find(|(name, _)| bytes[at..].starts_with(name.as_bytes()))?;
            Some((u32::from(*char), name.len()))
        }
    })
}

fn decode(text: &str, sign: u8, one: impl Fn(usize) -> Option<(u32, usize)>) -> Option<(String, Map)> {
    let bytes = text.as_bytes();
    if bytes.iter().filter(|byte| **byte == sign).take(FEWEST).count() < FEWEST {
        return None;
    }
    let (text, map, count) = replaced(text, |at| {
        if bytes[at] != sign {
            return None;
        }
        let (code, length) = one(at)?;
        // Bytes of UTF-8 written one by one are read together.
        if (0xc2..=0xf4).contains(&code) {
            let more = [0xc0, 0xe0, 0xf0].iter().filter(|least| code >= **least).count();
            let mut utf8 = vec![u8::try_from(code).ok()?];
            let mut end = at + length;
            while utf8.len() <= more && bytes.get(end) == Some(&sign) {
                let (code, length) = one(end)?;
                utf8.push(u8::try_from(code).ok()?);
                end += length;
            }
            if let Ok(text) = String::from_utf8(utf8) {
                return Some((Cow::Owned(text), end - at));
            }
        }
        let char = char::from_u32(code).filter(|it| !it.is_control() || it.is_whitespace())?;
        Some((Cow::Owned(char.to_string()), length))
    });
    (count >= FEWEST).then_some((text, map))
}

fn digits(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    bytes.get(at..at + count)?.iter().try_fold(0, |code, byte| Some(code << 4 | u32::from(nibble(*byte)?)))
}

/// A number that a sign ends; and the place after that.
fn braced(bytes: &[u8], at: usize, close: u8, base: u32) -> Option<(u32, usize)> {
    let length = bytes[at.min(bytes.len())..].iter().take(9).position(|byte| *byte == close)?;
    let text = std::str::from_utf8(&bytes[at..at + length]).ok()?;
    Some((u32::from_str_radix(text, base).ok()?, at + length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read() {
        for (decoder, text, expected) in [
            (percent as fn(&str) -> _, "a%69%67%6e b", "aign b"),
            (percent, "%D0%B8%D0%B3%d1%80", "игр"),
            (backslash, r"\u0069\x67\u{6e}", "ign"),
            (entities, "&#105;&#x67;&lt;&#110;", "ig<n"),
        ] {
            let (read, map): (String, Map) = decoder(text).unwrap();
            assert_eq!(read, expected);
            assert_eq!(map.back(0..read.len()), 0..text.len(), "{text}");
        }
    }

    #[test]
    fn a_few_signs_are_no_disguise() {
        assert!(percent("100%25 of 50%").is_none());
        assert!(entities("a && b && c & d").is_none());
        assert!(backslash(r"C:\users\x\u").is_none());
        assert!(percent("%%%%%%").is_none());
    }
}
