//! Data as text that hides nothing: what is text stays so, and of everything else the bytes are told.

use std::fmt::Write as _;

use gadget::{Schema, Value};

/// Bytes that may be text: in a row a string in which valid UTF-8 stands as it is, with its line breaks and tabs; control
/// characters and bytes that are no UTF-8 as `\xNN`, and a backslash as two, so that it can be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a>(pub &'a [u8]);

impl Payload<'_> {
    fn text(self) -> String {
        let mut text = String::with_capacity(self.0.len() + self.0.len() / 8);
        for chunk in self.0.utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    '\\' => text.push_str("\\\\"),
                    '\n' | '\r' | '\t' => text.push(letter),
                    _ if letter.is_control() => {
                        let mut bytes = [0; 4];
                        escape(&mut text, letter.encode_utf8(&mut bytes).as_bytes());
                    }
                    _ => text.push(letter),
                }
            }
            escape(&mut text, chunk.invalid());
        }
        text
    }
}

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}

impl Value for Payload<'_> {
    const WIDTH: u16 = 60;

    fn write(&self, out: &mut Vec<u8>) {
        self.text().as_str().write(out);
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_and_bytes_are_told() {
        let cases: [(&[u8], &str); 7] = [
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (b"a\tb\\x00", "a\tb\\\\x00"),
            (b"\x00\x1b[31m\x7f", "\\x00\\x1b[31m\\x7f"),
            ("gr\u{fc}n \u{1f980}".as_bytes(), "gr\u{fc}n \u{1f980}"),
            // The control characters beyond ASCII, and a letter cut in two.
            ("\u{9b}".as_bytes(), "\\xc2\\x9b"),
            (b"ok\xe2\x82", "ok\\xe2\\x82"),
            (b"\xff\xfe", "\\xff\\xfe"),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(Payload(bytes).text(), wanted);
        }
    }
}
