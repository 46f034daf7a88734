//! JSON's tokens, found in bytes. Whether the bytes are UTF-8 is checked elsewhere, for all rows at once.

use super::fault::Fault;

/// Whether a newline is space (in a tool's answer) or the end of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    NoNewlines,
    WithNewlines,
}

/// Skips space.
#[inline(always)]
pub(super) fn space(bytes: &[u8], mut at: usize, kind: Space) -> usize {
    // Rows are compact as a rule: the first test is the only one.
    while let Some(&byte) = bytes.get(at) {
        if byte > b' ' {
            break;
        }
        match byte {
            b' ' | b'\t' | b'\r' => at += 1,
            b'\n' if kind == Space::WithNewlines => at += 1,
            _ => break,
        }
    }
    at
}

/// A string token.
pub(super) struct Text {
    /// Behind the closing quote.
    pub(super) end: usize,
    /// Whether its bytes are what it means: no escapes.
    pub(super) plain: bool,
}

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// Bit 7 of the lowest byte that ends a run of plain characters (a quote, a backslash, a control character) is the
/// lowest bit set. Bits above it mean nothing: a borrow may have run into them.
#[inline(always)]
const fn stops(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    ((quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash) | control) & HIGHS
}

/// Position of the first byte from `at` on that is a quote, a backslash or a control character; or the end.
#[inline(always)]
fn run(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = stops(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' || byte == b'\\' || byte < b' ' {
            break;
        }
        at += 1;
    }
    at
}

/// The string whose opening quote is at `at`.
#[inline(always)]
pub(super) fn string(bytes: &[u8], at: usize) -> Result<Text, Box<Fault>> {
    let stop = run(bytes, at + 1);
    if bytes.get(stop) == Some(&b'"') {
        return Ok(Text { end: stop + 1, plain: true });
    }
    escaped(bytes, stop)
}

/// The rest of a string that is more than plain characters.
#[inline(never)]
fn escaped(bytes: &[u8], mut at: usize) -> Result<Text, Box<Fault>> {
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(Text { end: at + 1, plain: false }),
            Some(b'\\') => at = escape(bytes, at)?,
            _ => return Err(Fault::syntax(at, "the rest of a string (control characters are escaped)")),
        }
        at = run(bytes, at);
    }
}

/// Skips the escape whose backslash is at `at`.
#[inline]
fn escape(bytes: &[u8], at: usize) -> Result<usize, Box<Fault>> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match unit(bytes, at) {
            Some(0xd800..=0xdbff) => match unit(bytes, at + 6) {
                Some(0xdc00..=0xdfff) => Ok(at + 12),
                _ => Err(Fault::syntax(at, "both halves of a surrogate pair")),
            },
            Some(0xdc00..=0xdfff) => Err(Fault::syntax(at, "both halves of a surrogate pair")),
            Some(_) => Ok(at + 6),
            None => Err(Fault::syntax(at, "\\u and four hexadecimal digits")),
        },
        _ => Err(Fault::syntax(at, "an escape that JSON knows")),
    }
}

/// The code unit that `\uXXXX` at `at` stands for.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let escape: &[u8; 6] = bytes.get(at..)?.first_chunk()?;
    let [b'\\', b'u', digits @ ..] = escape else { return None };
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

/// A number's value, as exact as needed to compare it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Integer(i128),
    Real(f64),
}

/// The number at `at`, and where it ends.
#[inline(always)]
pub(super) fn number(bytes: &[u8], at: usize) -> Result<(Number, usize), Box<Fault>> {
    let negative = bytes.get(at) == Some(&b'-');
    let first = at + usize::from(negative);
    let mut end = first;
    let mut value = 0_u64;
    while let Some(digit) = digit(bytes, end) {
        // Wraps for long numbers, which are read again below.
        value = value.wrapping_mul(10).wrapping_add(digit);
        end += 1;
    }
    let digits = end - first;
    if digits == 0 || (digits > 1 && bytes.get(first) == Some(&b'0')) {
        return Err(Fault::syntax(at, "a JSON value"));
    }
    if digits > 18 || matches!(bytes.get(end), Some(b'.' | b'e' | b'E')) {
        return long_number(bytes, at, end);
    }
    let value = i128::from(value);
    Ok((Number::Integer(if negative { -value } else { value }), end))
}

#[inline(always)]
fn digit(bytes: &[u8], at: usize) -> Option<u64> {
    let digit = bytes.get(at)?.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

/// A number with a fraction, an exponent or many digits; `end` is behind its leading digits.
#[inline(never)]
fn long_number(bytes: &[u8], at: usize, mut end: usize) -> Result<(Number, usize), Box<Fault>> {
    let mut integer = true;
    if bytes.get(end) == Some(&b'.') {
        integer = false;
        end = digits(bytes, end + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        integer = false;
        let sign = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        end = digits(bytes, end + 1 + usize::from(sign))?;
    }
    let text = std::str::from_utf8(&bytes[at..end]).unwrap_or_default();
    if integer && let Ok(value) = text.parse() {
        return Ok((Number::Integer(value), end));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Number::Real(value), end)),
        _ => Err(Fault::syntax(at, "a number that fits a double")),
    }
}

/// Skips one digit or more.
fn digits(bytes: &[u8], at: usize) -> Result<usize, Box<Fault>> {
    let mut end = at;
    while digit(bytes, end).is_some() {
        end += 1;
    }
    if end == at { Err(Fault::syntax(at, "a digit")) } else { Ok(end) }
}
