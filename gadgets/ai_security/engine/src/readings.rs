//! The ways in which one text is read: as it looks, and decoded from each encoding found in it, those within others
//! up to a limit. Each reading knows from which it comes, so that what is found leads back to the text given.

use std::borrow::Cow;
use std::ops::Range;

use crate::Via;
use crate::offsets::{Map, Writer};
use crate::tables::Decode;
use crate::{blobs, escapes, evasion, hidden, normal};

/// Encodings within each other.
const MAX_DEPTH: u8 = 4;
/// Readings of one text.
const MAX_READINGS: usize = 64;

/// One way to read the text.
#[derive(Debug)]
pub(crate) struct Reading<'t> {
    pub(crate) text: Cow<'t, str>,
    pub(crate) via: Via,
    map: Map,
    parent: Option<usize>,
    depth: u8,
}

/// All ways in which a text is read.
#[derive(Debug)]
pub(crate) struct Readings<'t> {
    given: &'t str,
    all: Vec<Reading<'t>>,
    /// Bytes that may still be decoded.
    left: usize,
    /// Whether something was not decoded for want of room.
    pub(crate) cut: bool,
}

impl<'t> Readings<'t> {
    /// The text as it looks, and what is hidden in its characters.
    pub(crate) fn new(given: &'t str) -> Self {
        let (text, map) = normal::read(given);
        let via = if matches!(text, Cow::Owned(_)) { Via::NORMALISED } else { Via::PLAIN };
        let first = Reading { text, via, map, parent: None, depth: 0 };
        let mut readings = Self { given, all: vec![first], left: 2 * given.len() + 65_536, cut: false };
        if !given.is_ascii() {
            for (range, text) in hidden::messages(given) {
                readings.add(None, 0, Via::HIDDEN, text, Map::Whole(range));
            }
            if given.contains('\u{202e}') {
                readings.reversed(0);
            }
        }
        readings
    }

    pub(crate) fn get(&self, number: usize) -> Option<&Reading<'t>> {
        self.all.get(number)
    }

    /// Adds what the reading `number` holds in encoded form.
    pub(crate) fn expand(&mut self, number: usize, called_for: &[Decode]) {
        let reading = &self.all[number];
        let (depth, via) = (reading.depth + 1, reading.via);
        // What was guessed to be spelled otherwise is the end of guessing.
        if via.contains(Via::SPELLED) {
            return;
        }
        let text = &*reading.text;
        let mut found: Vec<(Via, String, Map)> = Vec::new();
        found.extend(blobs::base64(text).map(|(range, text)| (Via::BASE64, text, Map::Whole(range))));
        found.extend(blobs::hex(text).map(|(range, text)| (Via::HEX, text, Map::Whole(range))));
        found.extend(escapes::percent(text).map(|(text, map)| (Via::PERCENT, text, map)));
        found.extend(escapes::entities(text).map(|(text, map)| (Via::ENTITIES, text, map)));
        found.extend(escapes::backslash(text).map(|(text, map)| (Via::ESCAPES, text, map)));
        found.extend(evasion::spaced(text).map(|(text, map)| (Via::SPELLED, text, map)));
        found.extend(evasion::leet(text).into_iter().map(|text| (Via::SPELLED, text, Map::Same)));
        if called_for.contains(&Decode::Rot13) && !via.contains(Via::ROT13) {
            found.push((Via::ROT13, crate::encoding::rot13(text), Map::Same));
        }
        if !found.is_empty() && depth > MAX_DEPTH {
            self.cut = true;
            return;
        }
        if called_for.contains(&Decode::Reverse) {
            self.reversed(number);
        }
        for (how, text, map) in found {
            self.add(Some(number), depth, via.with(how), text, map);
        }
    }

    fn reversed(&mut self, number: usize) {
        let reading = &self.all[number];
        if reading.via.contains(Via::REVERSED) {
            return;
        }
        let text: String = reading.text.chars().rev().collect();
        let (via, depth) = (reading.via.with(Via::REVERSED), reading.depth + 1);
        let map = Map::Reversed(text.len());
        self.add(Some(number), depth, via, text, map);
    }

    fn add(&mut self, parent: Option<usize>, depth: u8, via: Via, text: String, map: Map) {
        if self.all.len() >= MAX_READINGS || text.len() > self.left {
            self.cut = true;
            return;
        }
        self.left -= text.len();
        let again = match normal::read(&text) {
            (Cow::Owned(again), map) => Some((again, map)),
            (Cow::Borrowed(_), _) => None,
        };
        self.all.push(Reading { text: Cow::Owned(text), via, map, parent, depth });
        if let Some((again, map)) = again {
            let parent = Some(self.all.len() - 1);
            self.all.push(Reading { text: Cow::Owned(again), via, map, parent, depth });
        }
    }

    /// The range of the given text that a range of a reading stands for, in whole characters.
    pub(crate) fn place(&self, number: usize, range: Range<usize>) -> Range<usize> {
        let (mut range, mut number) = (range, Some(number));
        while let Some(reading) = number.and_then(|number| self.all.get(number)) {
            range = reading.map.back(range);
            number = reading.parent;
        }
        let start = self.given.floor_char_boundary(range.start.min(self.given.len()));
        let end = self.given.ceil_char_boundary(range.end.min(self.given.len()));
        start..end.max(start)
    }
}

/// Replaces parts of a text: `next` says, of a place, what stands there and how long it is.
pub(crate) fn replaced<'r>(
    text: &str,
    mut next: impl FnMut(usize) -> Option<(Cow<'r, str>, usize)>,
) -> (String, Map, usize) {
    let mut writer = Writer::new(text.len());
    let (mut at, mut kept, mut count) = (0, 0, 0);
    while at < text.len() {
        match next(at) {
            Some((read, length)) if length > 0 => {
                writer.push(&text[kept..at], at - kept, at);
                writer.push(&read, length, at + length);
                at += length;
                kept = at;
                count += 1;
            }
            _ => at = text.ceil_char_boundary(at + 1),
        }
    }
    writer.push(&text[kept..], text.len() - kept, text.len());
    let (text, map) = writer.finish();
    (text, map, count)
}
