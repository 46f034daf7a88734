//! Text from the kernel: bytes that are UTF-8 nearly always, and must not be lost when they are not.

use std::fmt;

/// Bytes to be shown as text. Nothing is checked or copied until it is written; then broken UTF-8 becomes U+FFFD.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(pub &'a [u8]);

impl<'a> Text<'a> {
    /// The bytes before the first NUL, or all of them.
    #[inline]
    pub fn until_nul(bytes: &'a [u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        for (index, &word) in words.iter().enumerate() {
            let zeros = zero_bytes(u64::from_le_bytes(word));
            if zeros != 0 {
                return Self(&bytes[..index * 8 + zeros.trailing_zeros() as usize / 8]);
            }
        }
        let end = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
        Self(&bytes[..bytes.len() - rest.len() + end])
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Itself, or `None` when empty: for a row's optional field.
    pub fn non_empty(self) -> Option<Self> {
        if self.is_empty() { None } else { Some(self) }
    }
}

/// The high bit of each byte that is zero; exact up to the first, counted from the low end.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(self.0).fmt(f)
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_at_the_first_nul() {
        let cases: [(&[u8], &str); 8] = [
            (b"cat\0\0\0", "cat"),
            (b"cat", "cat"),
            (b"\0cat", ""),
            (b"", ""),
            (b"containerd-shim\0", "containerd-shim"),
            (b"1234567\0\0\0\0\0\0\0\0\0", "1234567"),
            (b"12345678\x01\0\x01\0\0\0\0\0x", "12345678\x01"),
            (b"12345678abcdefgh12\0", "12345678abcdefgh12"),
        ];
        for (bytes, text) in cases {
            assert_eq!(Text::until_nul(bytes).to_string(), text);
        }
        assert_eq!(Text(b"").non_empty(), None);
    }
}
