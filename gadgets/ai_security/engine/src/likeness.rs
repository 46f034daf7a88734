//! How much a passage reads like the attacks that are known: a linear classifier over words and pairs of words.
//!
//! A rule knows a phrase; this knows the vocabulary. Each word, each pair of neighbours and each pair with one word
//! between has a weight, of which only those that tell something are kept (`likeness.bin`, made by the program `train`
//! from the texts for training). What counts is the passage whose weights sum to the most, so that an attack is not
//! diluted by what stands around it: one pass, one sum, no memory.

/// The trained weights: see [`Model::read`].
static MODEL: &[u8] = include_bytes!("../likeness.bin");

/// Bytes before the slots: the drift and the two thresholds, as `f32`.
const HEAD: usize = 12;
/// Of a slot: two bytes to know a term by, one of weight.
const SLOT: usize = 3;
/// Weights are multiples of this.
pub const STEP: f32 = 1.0 / 32.0;
/// A passage goes no further, in words.
pub const LONGEST: usize = 256;

/// Terms by slot, and what a passage's sum is measured by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model<'m> {
    slots: &'m [u8],
    mask: u32,
    /// What each word takes off the sum, so that a long text is not an attack by its length.
    drift: f32,
    /// The sum from which on it is a verdict.
    sure: f32,
    /// The sum from which on it is a sign.
    sign: f32,
}

/// A passage that reads like an attack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Passage {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether that alone is a verdict.
    pub(crate) sure: bool,
}

/// The words of a text: place, and the hashes of the terms that end with it. In scripts without spaces a character is a
/// word.
#[derive(Clone, Debug)]
pub struct Terms<'t> {
    text: &'t [u8],
    at: usize,
    before: [u32; 2],
}

/// A word, and the terms that end with it.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// Where the word begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The word, the pair with the one before, the pair with the one before that.
    pub hashes: [u32; 3],
}

impl<'t> Terms<'t> {
    /// Of a text as it is read: folded.
    pub fn of(text: &'t str) -> Self {
        Self { text: text.as_bytes(), at: 0, before: [0; 2] }
    }
}

/// What a byte is: 0 none of a word, 1 of a word, 2 the first of a character that is a word.
static KIND: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let it = byte as u8;
        table[byte] = match it {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'\'' | 0x80..=0xdf => 1,
            0xe0..=0xff => 2,
            _ => 0,
        };
        byte += 1;
    }
    table
};

const SEED: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

impl Iterator for Terms<'_> {
    type Item = Term;

    #[inline]
    fn next(&mut self) -> Option<Term> {
        let text = self.text;
        let mut at = self.at;
        while KIND[usize::from(*text.get(at)?)] == 0 {
            at += 1;
        }
        let start = at;
        let mut hash = SEED;
        let mut push = |byte: u8| hash = (hash ^ u32::from(byte)).wrapping_mul(PRIME);
        if KIND[usize::from(text[at])] == 2 {
            let end = (at + 1..text.len()).find(|it| text[*it] & 0xc0 != 0x80).unwrap_or(text.len());
            text[at..end].iter().for_each(|byte| push(*byte));
            at = end;
        } else {
            while let Some(byte) = text.get(at).filter(|byte| KIND[usize::from(**byte)] == 1) {
                // Numbers are alike.
                push(if byte.is_ascii_digit() {
                    b'0'
                } else {
                    byte | (u8::from(byte.is_ascii_uppercase()) << 5)
                });
                at += 1;
            }
        }
        self.at = at;
        let word = hash ^ (hash >> 15);
        let [last, second] = self.before;
        self.before = [word, last];
        let hashes = [word, pair(last, word, 0x9e37_79b1), pair(second, word, 0x85eb_ca77)];
        Some(Term { start, end: at, hashes })
    }
}

fn pair(first: u32, second: u32, salt: u32) -> u32 {
    let mixed = (first.rotate_left(7) ^ second).wrapping_mul(salt);
    mixed ^ (mixed >> 16)
}

/// The slot that a term begins at, of a power of two of them, and what it is known by there, which is not zero.
pub fn slot(hash: u32, mask: u32) -> (u32, u16) {
    let mixed = hash.wrapping_mul(0x2c1b_3c6d);
    let tag = (mixed >> 16) as u16 | 1;
    (hash & mask, tag)
}

impl<'m> Model<'m> {
    /// A model: drift, threshold of a verdict and of a sign (`f32`, little-endian), then slots of a tag (`u16`) and a
    /// weight (`i8`); a slot without a tag is empty. Their number is a power of two, and at least one is empty.
    pub(crate) fn read(bytes: &'m [u8]) -> Self {
        let number = |at: usize| f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let slots = &bytes[HEAD..];
        #[expect(clippy::cast_possible_truncation, reason = "the file has some thousand slots")]
        let mask = (slots.len() / SLOT) as u32 - 1;
        Self { slots, mask, drift: number(0), sure: number(4), sign: number(8) }
    }

    #[inline]
    fn weight(&self, hash: u32) -> f32 {
        let (mut at, tag) = slot(hash, self.mask);
        loop {
            let place = at as usize * SLOT;
            let Some([low, high, weight]) = self.slots.get(place..place + SLOT) else { return 0.0 };
            let found = u16::from_le_bytes([*low, *high]);
            if found == tag {
                return f32::from(weight.cast_signed()) * STEP;
            }
            if found == 0 {
                return 0.0;
            }
            at = (at + 1) & self.mask;
        }
    }

    /// The passages of a text that read like attacks, from left to right.
    pub(crate) fn passages(&self, text: &str, mut found: impl FnMut(Passage)) {
        let (mut sum, mut start, mut words) = (0.0_f32, 0, 0);
        // The best of the passage that is open.
        let (mut best, mut best_end) = (0.0_f32, 0);
        let mut close = |best: f32, start, end| {
            if best >= self.sign {
                found(Passage { start, end, sure: best >= self.sure });
            }
        };
        for term in Terms::of(text) {
            if sum <= 0.0 || words >= LONGEST {
                close(best, start, best_end);
                (sum, start, words, best) = (0.0, term.start, 0, 0.0);
            }
            sum += term.hashes.iter().map(|hash| self.weight(*hash)).sum::<f32>() - self.drift;
            words += 1;
            if sum > best {
                (best, best_end) = (sum, term.end);
            }
        }
        close(best, start, best_end);
    }
}

/// The passages of a text, by the model that the engine carries.
pub(crate) fn passages(text: &str, found: impl FnMut(Passage)) {
    Model::read(MODEL).passages(text, found);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_alike_in_any_case_and_characters_are_words_where_there_are_no_spaces() {
        let hashes = |text: &str| Terms::of(text).map(|it| it.hashes).collect::<Vec<_>>();
        assert_eq!(hashes("Ignore ALL, rules 12"), hashes("ignore all rules 98"));
        assert_ne!(hashes("ignore all"), hashes("all ignore"));
        let places: Vec<_> = Terms::of("ab, 忽略 d'é").map(|it| (it.start, it.end)).collect();
        assert_eq!(places, [(0, 2), (4, 7), (7, 10), (11, 15)]);
        assert_eq!(Terms::of("").count() + Terms::of(" .,!").count(), 0);
    }

    #[test]
    fn the_passage_that_sums_to_the_most_is_found() {
        // A model of one word with a weight, in two slots.
        let evil = Terms::of("evil").next().unwrap().hashes[0];
        let mut bytes = Vec::new();
        [0.5_f32, 3.0, 1.0].iter().for_each(|it| bytes.extend(it.to_le_bytes()));
        let mut slots = [0_u8; 2 * SLOT];
        let (at, tag) = super::slot(evil, 1);
        slots[at as usize * SLOT..][..2].copy_from_slice(&tag.to_le_bytes());
        slots[at as usize * SLOT + 2] = 64;
        bytes.extend(slots);
        let model = Model::read(&bytes);
        let passages = |text: &str| {
            let mut all = Vec::new();
            model.passages(text, |it| all.push((&text[it.start..it.end], it.sure)));
            all.into_iter().map(|(text, sure)| (text.to_owned(), sure)).collect::<Vec<_>>()
        };
        assert_eq!(passages("a good day"), []);
        assert_eq!(passages("an evil day"), [("evil".to_owned(), false)]);
        assert_eq!(passages("so evil, evil day"), [("evil, evil".to_owned(), true)]);
        assert_eq!(passages(&format!("evil {}evil", "x ".repeat(20))).len(), 2);
    }

    #[test]
    fn the_model_that_is_carried_is_whole() {
        let slots = (MODEL.len() - HEAD) / SLOT;
        assert!((MODEL.len() - HEAD).is_multiple_of(SLOT) && slots.is_power_of_two());
        assert!(MODEL[HEAD..].chunks(SLOT).any(|slot| slot[..2] == [0, 0]));
        let model = Model::read(MODEL);
        assert!(model.drift > 0.0 && model.sign > 0.0 && model.sure >= model.sign);
    }
}
