//! Hiding what was found.

use crate::Finding;

/// The text with every byte of every finding replaced by `X`, of the same length, so that all offsets stay right.
///
/// Findings of another text are cut to this one; ranges are widened to whole characters, so the result is valid UTF-8.
pub fn mask<'f>(text: &str, findings: impl IntoIterator<Item = &'f Finding>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for finding in findings {
        let start = text.floor_char_boundary(finding.start.min(text.len()));
        let end = text.ceil_char_boundary(finding.end.min(text.len()));
        if start < end {
            bytes[start..end].fill(b'X');
        }
    }
    // Only whole characters were replaced.
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
