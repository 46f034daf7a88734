//! The encodings in which text hides: each decoder takes what it is given or nothing.

/// The bytes of base64, of either alphabet, with or without padding.
pub(crate) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text);
    if text.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    for chunk in text.chunks(4) {
        let mut value = 0_u32;
        for byte in chunk {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                _ => return None,
            };
            value = value << 6 | u32::from(digit);
        }
        value <<= 6 * (4 - chunk.len());
        bytes.extend(&value.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}

/// The value of a hexadecimal digit.
pub(crate) fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The bytes of pairs of hexadecimal digits.
pub(crate) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

/// The letters thirteen places on.
pub(crate) fn rot13(text: &str) -> String {
    let turn = |char: char| match char {
        'a'..='m' | 'A'..='M' => char::from(char as u8 + 13),
        'n'..='z' | 'N'..='Z' => char::from(char as u8 - 13),
        _ => char,
    };
    text.chars().map(turn).collect()
}

/// CRC-32 as of gzip.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

/// Six digits of base 62: digits, capitals, small letters.
pub(crate) fn base62(mut value: u32) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(value % 62) as usize];
        value /= 62;
    }
    digits
}

/// Whether bytes are text that someone would read: valid, and nearly all of it letters, spaces and signs.
pub(crate) fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let odd = text.chars().filter(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t')).count();
    let letters = text.chars().filter(|char| char.is_alphabetic() || char.is_whitespace()).count();
    let count = text.chars().count();
    (count >= 6 && odd == 0 && letters * 10 >= count * 4).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoders() {
        for (text, expected) in
            [("aGVsbG8gd29ybGQ=", "hello world"), ("aGVsbG8gd29ybGQ", "hello world"), ("", "")]
        {
            assert_eq!(base64(text.as_bytes()).unwrap(), expected.as_bytes());
        }
        assert_eq!(base64(b"_-8").unwrap(), base64(b"/+8=").unwrap());
        assert!(base64(b"a").is_none() && base64(b"ab!c").is_none());
        assert_eq!(hex(b"68690A").unwrap(), b"hi\n");
        assert!(hex(b"686").is_none() && hex(b"6x").is_none());
        assert_eq!(rot13("Vtaber nyy, é"), "Ignore all, é");
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(&base62(62), b"000010");
    }

    #[test]
    fn what_is_not_text_is_not_read() {
        assert!(readable(vec![0xff; 20]).is_none());
        assert!(readable(b"\x01\x02abcdefgh".to_vec()).is_none());
        assert!(readable(b"123456789012".to_vec()).is_none());
        assert_eq!(readable(b"ignore this".to_vec()).as_deref(), Some("ignore this"));
    }
}
