//! Text that comes from a kernel is an attacker's text: file names and arguments may hold escape sequences that
//! drive a terminal. Nothing is printed to one before it went through here.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// `text` with control characters replaced, so that it can only ever take up cells of a line.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .map(|it| if harmless(it) { it } else { char::REPLACEMENT_CHARACTER })
        .collect::<String>()
        .into()
}

/// As [`plain`], for a text of several lines.
pub(crate) fn lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// Control characters move the cursor; the bidirectional ones reorder what stands beside them.
fn harmless(it: char) -> bool {
    !it.is_control()
        && !matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Cells that `text` takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|it| it.width().unwrap_or(0)).sum()
}

/// `text` cut to `cells`, an ellipsis for what was left out.
pub(crate) fn fit(text: &str, cells: usize) -> Cow<'_, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut used = 0;
    for it in text.chars() {
        used += it.width().unwrap_or(0);
        if used + 1 > cells {
            break;
        }
        kept.push(it);
    }
    if cells > 0 {
        kept.push('…');
    }
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}e");
        assert!(matches!(plain("/etc/päss"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_text_is_cut_by_cells() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abc", 0), "");
    }
}
