//! Writing JSON straight into a byte vector: what a row costs is copying its bytes.
//!
//! Text is scanned and copied in blocks whose size the compiler knows: it makes vector instructions of them, where a
//! copy of unknown length would be a call (in WASM one to the host, which costs more than a short copy). Only text
//! with a byte that JSON wants escaped, or with one past ASCII, takes the slow way.

/// Copies from this length on are worth a call.
const LONG: usize = 512;

/// Writes an integer.
#[inline]
pub(crate) fn integer<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    copy(out, itoa::Buffer::new().format(value).as_bytes());
}

/// Writes `text` as a string, quotes included.
#[inline]
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    lossy(out, text.as_bytes());
}

/// Writes bytes that should be text as a string, quotes included; what is not UTF-8 becomes U+FFFD.
#[inline]
pub(crate) fn lossy(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let start = out.len();
    let all = match text.len() {
        16.. => plain_blocks::<16>(out, text),
        8.. => plain_blocks::<8>(out, text),
        4.. => plain_blocks::<4>(out, text),
        _ => plain_blocks::<1>(out, text),
    };
    if !all {
        slow(out, text.get(out.len() - start..).unwrap_or_default());
    }
    out.push(b'"');
}

/// Copies bytes as they are.
#[inline]
pub(crate) fn copy(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len());
    match bytes.len() {
        LONG.. => out.extend_from_slice(bytes),
        16.. => blocks::<16>(out, bytes),
        8.. => blocks::<8>(out, bytes),
        4.. => blocks::<4>(out, bytes),
        _ => blocks::<1>(out, bytes),
    }
}

/// Copies `bytes`, of which there is at least one block. The last block overlaps the one before it.
#[inline(always)]
fn blocks<const N: usize>(out: &mut Vec<u8>, bytes: &[u8]) {
    let (blocks, rest) = bytes.as_chunks::<N>();
    for block in blocks {
        out.extend_from_slice(block);
    }
    if let (false, Some(last)) = (rest.is_empty(), bytes.last_chunk::<N>()) {
        out.truncate(out.len() - (N - rest.len()));
        out.extend_from_slice(last);
    }
}

/// As [`blocks`], up to a block that is not plain; whether all were.
#[inline(always)]
fn plain_blocks<const N: usize>(out: &mut Vec<u8>, text: &[u8]) -> bool {
    let plain = |block: &[u8; N]| !block.iter().fold(false, |found, &byte| found | special(byte));
    let (blocks, rest) = text.as_chunks::<N>();
    for block in blocks {
        if !plain(block) {
            return false;
        }
        out.extend_from_slice(block);
    }
    if let (false, Some(last)) = (rest.is_empty(), text.last_chunk::<N>()) {
        if !plain(last) {
            return false;
        }
        out.truncate(out.len() - (N - rest.len()));
        out.extend_from_slice(last);
    }
    true
}

/// Whether a byte can't be copied as it is: a control character, `"`, `\`, or part of a longer sequence.
#[inline(always)]
const fn special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte >= 0x80
}

/// Writes a name that needs no escaping as a string.
#[inline]
pub(crate) fn plain(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    copy(out, name.as_bytes());
    out.push(b'"');
}

/// Writes a prefix and a number as one string: what stands for a number that has no name.
#[cold]
pub(crate) fn numbered(out: &mut Vec<u8>, prefix: &str, number: u32) {
    out.push(b'"');
    out.extend_from_slice(prefix.as_bytes());
    integer(out, number);
    out.push(b'"');
}

#[cold]
#[inline(never)]
fn slow(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        escaped(out, chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Copies valid UTF-8, escaping what JSON wants escaped.
fn escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut from = 0;
    for (at, &byte) in text.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0..0x20 => 0,
            _ => continue,
        };
        out.extend_from_slice(&text[from..at]);
        from = at + 1;
        if short != 0 {
            out.extend_from_slice(&[b'\\', short]);
        } else {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    }
    out.extend_from_slice(&text[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_what_serde_json_reads_back() {
        let long = "a path that is longer than two blocks of sixteen/ä\u{1f980}\u{7f}\u{2028}";
        let mut cases: Vec<String> =
            vec![String::new(), "plain".into(), long.into(), "\"\\/\n\r\t\u{8}\u{c}".into()];
        for code in 0..0x100_u32 {
            let odd = char::from_u32(code).unwrap();
            cases.extend(
                [0, 1, 15, 16, 17, 31, 32].map(|at| format!("{}{odd}{}", "x".repeat(at), "y".repeat(20))),
            );
        }
        for case in cases {
            let text = of(|out| string(out, &case));
            assert_eq!(serde_json::from_str::<String>(&text).unwrap(), case);
            assert_eq!(text, serde_json::to_string(&case).unwrap());
            assert_eq!(of(|out| lossy(out, case.as_bytes())), text);
        }
    }

    #[test]
    fn broken_utf8_is_replaced_as_the_standard_library_does() {
        let cases: [&[u8]; 7] = [
            b"\xff",
            b"ok\xc3",
            b"\xf0\x9f\xa6 rest",
            b"0123456789abcdef\x80\x80tail",
            b"\xed\xa0\x80",
            b"a\0b",
            b"\xc3\xa4\xc3",
        ];
        for case in cases {
            let text = of(|out| lossy(out, case));
            assert_eq!(serde_json::from_str::<String>(&text).unwrap(), String::from_utf8_lossy(case));
        }
    }

    #[test]
    fn integers() {
        assert_eq!(of(|out| integer(out, u64::MAX)), "18446744073709551615");
        assert_eq!(of(|out| integer(out, i64::MIN)), "-9223372036854775808");
    }
}
