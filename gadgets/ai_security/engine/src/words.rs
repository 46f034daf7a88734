//! Words: of letters that are put together, as in most scripts, or single characters in those without spaces.

/// A word goes no further.
const MAX_WORD: usize = 40;

/// Whether the character at `at` makes words with its neighbours.
pub(crate) fn joins(text: &[u8], at: usize) -> bool {
    text.get(at)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || (0xc3..=0xd4).contains(byte))
}

/// The same of the character before `at`.
pub(crate) fn joins_before(text: &[u8], at: usize) -> bool {
    let mut start = at;
    while start > 0 {
        start -= 1;
        if !(0x80..0xc0).contains(&text[start]) {
            return joins(text, start);
        }
    }
    false
}

/// Whether `at` is within a word.
pub(crate) fn within(text: &[u8], at: usize) -> bool {
    joins(text, at) && joins_before(text, at)
}

/// Whether a place is within a word for sure, by the bytes before and after it: of ASCII.
pub(crate) fn within_ascii(before: u8, after: u8) -> bool {
    let joins = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    joins(before) && joins(after)
}

/// The end of the word at `at`.
pub(crate) fn skip_word(text: &[u8], at: usize) -> usize {
    if joins(text, at) {
        let mut end = at;
        while end < text.len()
            && end - at < MAX_WORD
            && (joins(text, end) || (0x80..0xc0).contains(&text[end]) || text[end] == b'\'')
        {
            end += 1;
        }
        return end;
    }
    let more =
        text[(at + 1).min(text.len())..].iter().take_while(|byte| (0x80..0xc0).contains(*byte)).count();
    (at + 1 + more).min(text.len())
}

/// The beginning of the next word of the same sentence, at `at` or after it.
pub(crate) fn skip_gap(text: &[u8], at: usize) -> usize {
    let gap = |byte: &&u8| {
        byte.is_ascii_whitespace()
            || (byte.is_ascii_punctuation() && !matches!(byte, b'.' | b'!' | b'?' | b'_'))
    };
    at + text[at..].iter().take(MAX_WORD).take_while(gap).count()
}

/// Whether a sentence ends at `at`: a full stop that is followed by something else than a word, as the one in a name is.
pub(crate) fn ends_sentence(text: &[u8], at: usize) -> bool {
    matches!(text[at], b'.' | b'!' | b'?') && text.get(at + 1).is_none_or(u8::is_ascii_whitespace)
}
