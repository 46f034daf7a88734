//! Arguments as the kernel keeps them: one after the other, each closed by a NUL.

use crate::{Schema, Text, Value, json};

/// Arguments: in a row an array of strings. The last may lack its NUL, when it was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argv<'a>(pub Text<'a>);

impl<'a> Argv<'a> {
    /// The arguments, empty ones too.
    pub fn iter(self) -> impl Iterator<Item = Text<'a>> + Clone {
        let bytes = self.0.0;
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        let count = if self.0.is_empty() { 0 } else { usize::MAX };
        bytes.split(|&byte| byte == 0).map(Text).take(count)
    }
}

impl Value for Argv<'_> {
    const WIDTH: u16 = 40;

    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        for argument in self.iter() {
            out.push(b',');
            json::lossy(out, argument.0);
        }
        match out.get_mut(start) {
            Some(comma) => *comma = b'[',
            None => out.push(b'['),
        }
        out.push(b']');
    }

    fn schema() -> Schema {
        Schema::array(&Schema::of("string"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_told_apart_by_nul() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "[]"),
            (b"\0", r#"[""]"#),
            (b"ls\0", r#"["ls"]"#),
            (b"ls\0-l\0", r#"["ls","-l"]"#),
            (b"sh\0\0x\0", r#"["sh","","x"]"#),
            (b"sh\0a \"b\"\nc\0cut", r#"["sh","a \"b\"\nc","cut"]"#),
            (b"\xff\0", "[\"\u{fffd}\"]"),
        ];
        for (bytes, json) in cases {
            let mut out = Vec::new();
            Argv(Text(bytes)).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), json);
        }
    }
}
