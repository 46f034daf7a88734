//! The strings of a line of JSON, decoded, with the places that their characters have in the line.

use std::borrow::Cow;
use std::ops::Range;

/// One string.
pub(super) struct Text<'a> {
    /// Decoded.
    pub(super) text: Cow<'a, str>,
    /// Where it begins in the line, behind its quote.
    begin: usize,
    /// Of one with escapes: the place in the line of each byte of `text`, and of its end.
    places: Vec<usize>,
}

impl Text<'_> {
    /// Whether it is written with escapes.
    pub(super) const fn is_escaped(&self) -> bool {
        !self.places.is_empty()
    }

    /// The place in the line of byte `at` of the text, or of its end.
    pub(super) fn place(&self, at: usize) -> usize {
        match self.places.get(at) {
            Some(place) => *place,
            None => self.places.last().copied().unwrap_or(self.begin + at.min(self.text.len())),
        }
    }
}

/// The strings of a line, but for the names of fields. Ends where the line is no JSON.
pub(super) struct Strings<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Strings<'a> {
    pub(super) const fn of(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// Where the next string lies, without its quotes, and whether it has escapes.
    fn any(&mut self) -> Option<(Range<usize>, bool)> {
        let quote = self.line[self.at..].iter().position(|it| *it == b'"')?;
        let begin = self.at + quote + 1;
        let mut end = begin;
        let mut escaped = false;
        loop {
            match self.line.get(end)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    end += 2;
                }
                _ => end += 1,
            }
        }
        self.at = end + 1;
        Some((begin..end, escaped))
    }

    /// Whether what ended just now is the name of a field.
    fn named(&self) -> bool {
        self.line[self.at..].iter().find(|it| !it.is_ascii_whitespace()) == Some(&b':')
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        loop {
            let (range, escaped) = self.any()?;
            if self.named() {
                continue;
            }
            let begin = range.start;
            let raw = std::str::from_utf8(&self.line[range]).ok()?;
            return Some(if escaped {
                decoded(raw, begin)
            } else {
                Text { text: Cow::Borrowed(raw), begin, places: Vec::new() }
            });
        }
    }
}

fn decoded(raw: &str, begin: usize) -> Text<'static> {
    let (mut text, mut places) = (String::with_capacity(raw.len()), Vec::with_capacity(raw.len() + 1));
    let mut at = 0;
    while let Some(char) = raw[at..].chars().next() {
        let (char, length) = if char == '\\' { escape(&raw[at..]) } else { (char, char.len_utf8()) };
        text.push(char);
        places.resize(text.len(), begin + at);
        at += length;
    }
    places.push(begin + raw.len());
    Text { text: Cow::Owned(text), begin, places }
}

/// The character that an escape stands for, and how long it is; what is no escape stands for the replacement character.
fn escape(raw: &str) -> (char, usize) {
    let unit = |at: usize| {
        let digits = raw.get(at..).filter(|it| it.starts_with("\\u"))?.get(2..6)?;
        u32::from_str_radix(digits, 16).ok()
    };
    match raw.as_bytes().get(1) {
        Some(b'n') => ('\n', 2),
        Some(b't') => ('\t', 2),
        Some(b'r') => ('\r', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'u') => match (unit(0), unit(6)) {
            (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
            }
            (Some(code), _) => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            (None, _) => (char::REPLACEMENT_CHARACTER, 2),
        },
        Some(b'"' | b'\\' | b'/') => (char::from(raw.as_bytes()[1]), 2),
        _ => (char::REPLACEMENT_CHARACTER, raw.chars().take(2).map(char::len_utf8).sum()),
    }
}
