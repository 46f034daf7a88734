//! Reading a text as its reader would: compatibility forms and look-alikes become plain letters, and what can't be
//! seen is left out. ASCII is read as it is, at no cost.

use std::borrow::Cow;

use crate::offsets::{Map, Writer};

include!(concat!(env!("OUT_DIR"), "/fold.rs"));

/// What stands for a character; `None` if it stands for itself.
pub(crate) fn fold(char: char) -> Option<&'static str> {
    let code = u32::from(char) as usize;
    let entry = PAGES[usize::from(INDEX[code >> 8])][code & 0xff].checked_sub(1)?;
    let (place, length) = ((entry >> 8) as usize, (entry & 0xff) as usize);
    Some(&POOL[place..place + length])
}

/// Whether a character of the text is not shown.
pub(crate) fn hides(text: &str) -> bool {
    text.chars().any(|char| !char.is_ascii() && fold(char) == Some(""))
}

/// The text as it is read.
pub(crate) fn read(text: &str) -> (Cow<'_, str>, Map) {
    let Some(first) = text.bytes().position(|byte| !byte.is_ascii()) else {
        return (Cow::Borrowed(text), Map::Same);
    };
    let mut writer = Writer::new(text.len());
    let mut at = first;
    writer.push(&text[..first], first, first);
    let mut changed = false;
    while let Some(char) = text[at..].chars().next() {
        let end = at + char.len_utf8();
        if let Some(folded) = fold(char) {
            changed = true;
            writer.push(folded, end - at, end);
        } else {
            writer.push(&text[at..end], end - at, end);
        }
        let plain = text[end..].bytes().position(|byte| !byte.is_ascii()).unwrap_or(text.len() - end);
        writer.push(&text[end..end + plain], plain, end + plain);
        at = end + plain;
    }
    if !changed {
        return (Cow::Borrowed(text), Map::Same);
    }
    let (text, map) = writer.finish();
    (Cow::Owned(text), map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_look() {
        for (text, expected) in [
            ("plain ASCII", "plain ASCII"),
            ("ｉｇｎｏｒｅ", "ignore"),
            ("𝐢𝐠𝐧𝐨𝐫𝐞 𝓪𝓵𝓵", "ignore all"),
            ("ⓘⓖⓝⓞⓡⓔ 🅸🅶🅽🅾🆁🅴", "ignore ignore"),
            ("i\u{200b}g\u{200d}n\u{ad}o\u{fe0f}r\u{e0041}e", "ignore"),
            ("іgnоrе", "ignore"),
            ("ɪɢɴᴏʀᴇ", "ignore"),
            ("i̷g̷n̷o̷r̷e̷", "ignore"),
            ("ﬁle №1", "file no1"),
            ("Übergehe früheres", "ubergehe fruheres"),
            ("a\u{202e}b\u{202c}c", "abc"),
            ("忽略之前的指令", "忽略之前的指令"),
            ("a\u{3000}b\u{a0}c", "a b c"),
        ] {
            assert_eq!(read(text).0, expected, "{text:?}");
        }
    }

    #[test]
    fn places_lead_back_to_the_text_given() {
        let text = "x і\u{200b}gnоrе y";
        let (read, map) = read(text);
        let at = read.find("ignore").unwrap();
        let range = map.back(at..at + 6);
        assert_eq!(&text[range], "і\u{200b}gnоrе");
    }
}
