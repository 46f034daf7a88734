//! The folding of characters: compatibility forms, look-alikes and case become one form, and what can't be seen
//! becomes nothing. One table for the text at run time and for the rules at build.

use std::collections::BTreeMap;
use std::fmt::Write;

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// Look-alikes that the Unicode list does not count as such, or counts as something else.
const LOOK_ALIKES: &str = "аa еe оo рp сc уy хx іi јj ѕs кk мm тt вb нh гr ԁd ԛq ԝw һh ӏl ґr иn пn шw \
    αa βb γy εe ηn ικ κk μu νv οo ρp τt υu χx ωw ιi σo ıi ɑa ɡg ɩi ʏy ɪi ɴn ʀr ʟl ʙb ʜh ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ᴊj ᴋk \
    ᴍm ᴏo ᴘp ꜱs ᴛt ᴜu ᴠv ᴡw ᴢz ցg օo սu հh ոn ѵv ʌv ʋu ƅb ɗd ɓb ƈc ɛe ɣy ɦh ɨi ʝj ƙk ɱm ɲn ɳn ɵo ƥp ʠq ɾr ʂs ƭt ʉu ʐz đd ħh łl øo ŧt";

/// Folds one character at a time.
pub(crate) struct Folder {
    look_alikes: BTreeMap<char, char>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let pair = |pair: &str| {
            let mut chars = pair.chars();
            Some((chars.next()?, chars.next()?)).filter(|(_, to)| to.is_ascii())
        };
        Self { look_alikes: LOOK_ALIKES.split_whitespace().filter_map(pair).collect() }
    }

    /// What stands for `char`, which may be nothing. ASCII is left as it is.
    pub(crate) fn fold(&self, char: char) -> String {
        if char.is_ascii() {
            return char.to_string();
        }
        if invisible(char) {
            return String::new();
        }
        if let Some(letter) = enclosed(char) {
            return letter.to_string();
        }
        if char.is_whitespace() {
            return " ".into();
        }
        let mut out = String::new();
        for part in std::iter::once(char).nfkd().filter(|part| !mark(*part)) {
            for lower in part.to_lowercase().nfkd().filter(|part| !mark(*part)) {
                out.push_str(&self.letter(lower));
            }
        }
        out
    }

    fn letter(&self, char: char) -> String {
        if let Some(letter) = self.look_alikes.get(&char) {
            return letter.to_string();
        }
        let plain = |text: &str| matches!(text.as_bytes(), [it] if it.is_ascii_alphanumeric() || *it == b'-');
        let likeness: String = skeleton(char.encode_utf8(&mut [0; 4])).collect();
        if !char.is_ascii() && plain(&likeness) && !cjk(char) {
            return likeness.to_ascii_lowercase();
        }
        char.to_string()
    }
}

/// Strokes of East Asian scripts look like Latin letters and are none.
fn cjk(char: char) -> bool {
    matches!(char, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

/// Marks that are put on letters, by languages and by evasion.
fn mark(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}

/// Characters that no reader sees: zero width, joiners, direction, tags, variation selectors, fillers.
fn invisible(char: char) -> bool {
    mark(char)
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Letters in squares and flags, which have no compatibility form.
fn enclosed(char: char) -> Option<char> {
    let code = u32::from(char);
    let starts = [0x1f110, 0x1f130, 0x1f150, 0x1f170, 0x1f1e6];
    let start = starts.into_iter().find(|start| (*start..start + 26).contains(&code))?;
    char::from_u32(u32::from('a') + code - start)
}

/// The folding as a table of two levels: pages of 256 characters, of which many are alike.
///
/// An entry is 0 for a character that stays, else the place and length of its folded form in the pool, plus 1.
pub(crate) fn source() -> String {
    let folder = Folder::new();
    let (mut pool, mut known) = (String::new(), BTreeMap::<String, usize>::new());
    let (mut pages, mut index) = (vec![vec![0_u32; 256]], Vec::new());
    for page in 0..0x1100_u32 {
        let entries: Vec<u32> = (0..256)
            .map(|low| {
                let Some(char) = char::from_u32(page * 256 + low) else { return 0 };
                let folded = folder.fold(char);
                if folded.chars().eq([char]) {
                    return 0;
                }
                let place = *known.entry(folded.clone()).or_insert_with(|| {
                    pool.push_str(&folded);
                    pool.len() - folded.len()
                });
                let length = u32::try_from(folded.len()).expect("a short form");
                (u32::try_from(place).expect("a small pool") << 8 | length) + 1
            })
            .collect();
        let place = pages.iter().position(|it| *it == entries).unwrap_or_else(|| {
            pages.push(entries);
            pages.len() - 1
        });
        index.push(u8::try_from(place).expect("at most 256 pages that differ"));
    }
    let mut out = String::new();
    let _ = writeln!(out, "static POOL: &str = {pool:?};");
    let _ = writeln!(out, "static INDEX: [u8; {}] = {index:?};", index.len());
    let _ = writeln!(out, "static PAGES: [[u32; 256]; {}] = {pages:?};", pages.len());
    out
}
