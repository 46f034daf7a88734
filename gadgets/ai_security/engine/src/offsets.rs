//! From places in a text that was read in some way to places in the text that was given.

use std::ops::Range;

/// How the places of a reading relate to those of what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Map {
    /// Byte for byte.
    Same,
    /// In runs: where one begins in the reading, and where that is in what was read. Sorted by both.
    Runs(Vec<(u32, u32)>),
    /// All of it stands for one range, as what was encoded there.
    Whole(Range<usize>),
    /// Byte for byte, from the end; with the length.
    Reversed(usize),
}

impl Map {
    /// The range that `range` of the reading stands for.
    pub(crate) fn back(&self, range: Range<usize>) -> Range<usize> {
        match self {
            Self::Same => range,
            Self::Whole(whole) => whole.clone(),
            Self::Reversed(length) => length - range.end.min(*length)..length - range.start.min(*length),
            Self::Runs(runs) => {
                let start = place(runs, range.start);
                start..place(runs, range.end).max(start)
            }
        }
    }
}

fn place(runs: &[(u32, u32)], at: usize) -> usize {
    let next = runs.partition_point(|run| run.0 as usize <= at);
    let (from, to) = next.checked_sub(1).map_or((0, 0), |run| runs[run]);
    let place = to as usize + (at - from as usize);
    // Within a character that became longer there is no place of its own.
    runs.get(next).map_or(place, |run| place.min(run.1 as usize))
}

/// A reading under construction, with its map.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) text: String,
    runs: Vec<(u32, u32)>,
}

impl Writer {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { text: String::with_capacity(capacity), runs: Vec::new() }
    }

    /// Appends `read` as what stands in the given text up to `end`.
    pub(crate) fn push(&mut self, read: &str, length: usize, end: usize) {
        self.text.push_str(read);
        if read.len() != length {
            self.mark(end);
        }
    }

    /// Says that what comes next stands at `place`.
    pub(crate) fn mark(&mut self, place: usize) {
        // Texts are far shorter than four gigabytes: see `MAX_TEXT`.
        #[expect(clippy::cast_possible_truncation, reason = "texts are limited to a few megabytes")]
        let run = (self.text.len() as u32, place as u32);
        match self.runs.last_mut() {
            Some(last) if last.0 == run.0 => last.1 = run.1,
            _ => self.runs.push(run),
        }
    }

    pub(crate) fn finish(self) -> (String, Map) {
        let map = if self.runs.is_empty() { Map::Same } else { Map::Runs(self.runs) };
        (self.text, map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_lead_back() {
        // "a", two bytes read as one, one byte read as three, "z".
        let mut writer = Writer::new(0);
        writer.push("a", 1, 1);
        writer.push("b", 2, 3);
        writer.push("ccc", 1, 4);
        writer.push("z", 1, 5);
        let (text, map) = writer.finish();
        assert_eq!(text, "abcccz");
        assert_eq!(map.back(0..1), 0..1);
        assert_eq!(map.back(1..2), 1..3);
        assert_eq!(map.back(2..5), 3..4);
        assert_eq!(map.back(3..4), 4..4, "a place within what became longer is at its end");
        assert_eq!(map.back(5..6), 4..5);
    }

    #[test]
    fn what_is_dropped_belongs_to_nothing() {
        let mut writer = Writer::new(0);
        writer.push("a", 1, 1);
        writer.push("", 3, 4);
        writer.push("b", 1, 5);
        let (text, map) = writer.finish();
        assert_eq!((text.as_str(), map.back(0..2)), ("ab", 0..5));
        assert_eq!(map.back(1..2), 4..5);
    }

    #[test]
    fn reversed_and_whole() {
        assert_eq!(Map::Reversed(10).back(0..3), 7..10);
        assert_eq!(Map::Whole(3..9).back(1..2), 3..9);
    }
}
