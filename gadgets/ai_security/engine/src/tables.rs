//! The tables that the build script made of the rule files, and the search in them.

use crate::{Category, words};

/// A rule, as far as it is needed to find something and to tell of it.
#[derive(Debug)]
pub struct Rule {
    /// Its name, unique among all.
    pub id: &'static str,
    /// What it finds.
    pub category: Category,
    /// The kind of attack or of datum within the category; may be empty.
    pub family: &'static str,
    /// What was found, for a reader.
    pub description: &'static str,
    /// How sure a match is, in percent.
    pub score: u8,
    /// The language it is written in (ISO 639-1); empty for what is no language.
    pub language: &'static str,
    pub(crate) fold: bool,
    pub(crate) start: Start,
    pub(crate) end: End,
    pub(crate) check: Check,
    pub(crate) entropy: f32,
    pub(crate) scanner: Option<Scanner>,
    pub(crate) decode: Option<Decode>,
}

/// What must be before a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// No letter, digit or underscore.
    Word,
    /// Whatever it is.
    Any,
    /// The beginning of a line.
    Line,
}

/// What must be after a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// No letter, digit or underscore.
    Word,
    /// Whatever it is.
    Any,
    /// The end of a command or of a word in it.
    Command,
}

/// What a match must be besides; each is documented where it is computed, in `checks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    None,
    Aba,
    Base62Crc,
    Connection,
    DeTaxId,
    EsNif,
    FrNir,
    ItCodice,
    Jwt,
    Nhs,
    Nino,
    Random,
    SecretValue,
    Ssn,
}

/// What is found by code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanner {
    Card,
    Iban,
    Email,
    Phone,
    Ip,
    Url,
}

/// Another way of reading that a match calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decode {
    Rot13,
    Reverse,
}

/// A pattern.
#[derive(Debug)]
pub(crate) struct Automaton {
    rule: u16,
    /// Whether the last part alone is what was found.
    value: bool,
    parts: &'static [Part],
}

/// A part of a pattern: where its table lies, and how many words may be before it.
#[derive(Debug)]
struct Part {
    start: u32,
    end: u32,
    gap: u8,
}

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// A match of a pattern goes no further.
const MAX_MATCH: usize = 16 * 1024;

/// What a search may cost: looked-up bytes, so that no text makes it take longer than linear time.
#[derive(Debug)]
pub(crate) struct Budget(pub(crate) usize);

impl Budget {
    /// For a text of so many bytes.
    pub(crate) fn new(length: usize) -> Self {
        Self(64 * length + 1_000_000)
    }

    /// Whether it is used up: something was not looked at.
    pub(crate) fn spent(&self) -> bool {
        self.0 == 0
    }
}

impl Automaton {
    /// The rule that it is of.
    pub(crate) fn rule(&self) -> &'static Rule {
        &RULES[usize::from(self.rule)]
    }

    /// The range that matches at `at`: of the value, if there is one, else of all parts.
    pub(crate) fn search(&self, text: &[u8], at: usize, budget: &mut Budget) -> Option<(usize, usize)> {
        let (start, end) = self.parts(0, text, at, budget)?;
        Some((if self.value { start } else { at }, end))
    }

    /// Where the last part begins and ends, if those from `number` on match: the first at `at`.
    fn parts(&self, number: usize, text: &[u8], at: usize, budget: &mut Budget) -> Option<(usize, usize)> {
        let part = &self.parts[number];
        let table = &TABLES[part.start as usize..part.end as usize];
        let end = run(table, text, at, self.rule().fold, budget)?;
        let Some(next) = self.parts.get(number + 1) else { return Some((at, end)) };
        if next.gap == 0 {
            return self.parts(number + 1, text, end, budget);
        }
        if words::within(text, end) {
            return None;
        }
        let mut place = words::skip_gap(text, end);
        for _ in 0..=next.gap {
            if place >= text.len() || words::ends_sentence(text, place) {
                return None;
            }
            if let Some(found) = self.parts(number + 1, text, place, budget) {
                return Some(found);
            }
            place = words::skip_gap(text, words::skip_word(text, place));
        }
        None
    }
}

/// The end of the longest match of a table at `at`.
fn run(table: &[u8], text: &[u8], at: usize, fold: bool, budget: &mut Budget) -> Option<usize> {
    let limit = text.len().min(at + MAX_MATCH).min(at + budget.0);
    let (mut place, mut found, mut now) = (0, None, at);
    loop {
        let head = table[place];
        if head & 0x80 != 0 {
            found = Some(now);
        }
        if now >= limit {
            break;
        }
        let byte = if fold { LOWER[usize::from(text[now])] } else { text[now] };
        let ranges = &table[place + 1..place + 1 + 4 * usize::from(head & 0x7f)];
        let Some(range) = ranges.chunks_exact(4).find(|it| it[0] <= byte && byte <= it[1]) else { break };
        place = usize::from(u16::from_le_bytes([range[2], range[3]]));
        now += 1;
    }
    budget.0 -= now - at;
    found
}

/// ASCII in lower case; the other bytes as they are.
pub(crate) static LOWER: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let it = byte as u8;
        table[byte] = it.to_ascii_lowercase();
        byte += 1;
    }
    table
};

/// The first bytes of all that automata match, in lower case, by their hash.
struct Keys<const FILTER: usize> {
    /// A bit for each hash that a key has: most places are passed by after this.
    filter: &'static [u8; FILTER],
    /// Where the keys of a bucket begin, and those of the last one end.
    buckets: &'static [u16; (1 << BUCKET_BITS) + 1],
    keys: &'static [u32],
    /// Where the automata of a key begin.
    starts: &'static [u32],
    candidates: &'static [u16],
}

impl<const FILTER: usize> Keys<FILTER> {
    const SHIFT: u32 = 32 - FILTER.ilog2() - 3;

    /// The automata that may match what begins so.
    #[inline]
    fn of(&self, key: u32) -> &'static [u16] {
        let hash = key.wrapping_mul(0x9e37_79b1);
        let bit = hash >> Self::SHIFT;
        if self.filter[(bit >> 3) as usize] >> (bit & 7) & 1 == 0 {
            return &[];
        }
        self.known(key, hash)
    }

    fn known(&self, key: u32, hash: u32) -> &'static [u16] {
        let bucket = (hash >> (32 - BUCKET_BITS)) as usize;
        let (first, end) = (usize::from(self.buckets[bucket]), usize::from(self.buckets[bucket + 1]));
        match self.keys[first..end].iter().position(|it| *it == key) {
            Some(at) => {
                &self.candidates[self.starts[first + at] as usize..self.starts[first + at + 1] as usize]
            }
            None => &[],
        }
    }
}

/// Calls `found` with each automaton that may match, and where, from left to right. Those that begin where a word does
/// are left out where none can.
#[inline]
pub(crate) fn candidates(text: &[u8], mut found: impl FnMut(&'static Automaton, usize, usize)) {
    let mut key = 0_u32;
    for (last, byte) in text.iter().enumerate() {
        key = key >> 8 | u32::from(LOWER[usize::from(*byte)]) << 24;
        let Some(at) = (last + 1).checked_sub(KEY) else { continue };
        let mut each = |numbers: &[u16]| {
            for number in numbers {
                let number = usize::from(*number);
                found(&AUTOMATA[number], number, at);
            }
        };
        each(ANYWHERE.of(key));
        if at == 0 || !words::within_ascii(text[at - 1], text[at]) {
            each(AT_WORDS.of(key));
        }
    }
}

/// How many automata there are.
pub(crate) const fn automata() -> usize {
    AUTOMATA.len()
}
