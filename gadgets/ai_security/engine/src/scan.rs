//! The scan: each reading of the text goes through the tables and the scanners.

use crate::checks::{self, Verdict};
use crate::findings::{Category, Finding, Findings};
use crate::readings::Readings;
use crate::tables::{self, Budget, Check, End, RULES, Rule, Start};
use crate::{MAX_TEXT, Via, likeness, scanners, words};

/// More than so many are counted, not told.
const MAX_FINDINGS: usize = 1000;
/// The score of a passage that reads like an attack, and of one that might.
const SURE: u8 = 65;
/// What such a passage is told as.
const LIKE_ATTACKS: &str = "like-attacks";
const SIGN: u8 = 25;
/// What the names of rules begin with whose languages the classifier knows well enough to doubt them.
const DOUBTED: [&str; 6] = ["en-", "de-", "fr-", "es-", "it-", "pt-"];
/// Findings of one attack are no further apart.
const NEAR: usize = 2000;

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What a user or a program asks of a model.
    Prompt,
    /// What the model says.
    Response,
    /// The arguments of a tool call.
    ToolInput,
    /// What a tool returned.
    ToolOutput,
    /// What a tool says of itself.
    Description,
    /// A row of a gadget: what the kernel saw, as JSON.
    Row,
}

/// What is looked for, and how sure it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The score from which on a category counts as detected, in percent; `None` for what is not looked for.
    pub thresholds: [Option<u8>; Category::ALL.len()],
}

impl Default for Options {
    /// Everything, at 60 percent: a rule of that score is a verdict alone, weaker ones add up.
    fn default() -> Self {
        Self { thresholds: [Some(60); Category::ALL.len()] }
    }
}

impl Options {
    /// Only these categories.
    pub fn only(categories: &[Category]) -> Self {
        let mut options = Self::default();
        for category in Category::ALL {
            if !categories.contains(&category) {
                options.thresholds[category as usize] = None;
            }
        }
        options
    }

    /// What is looked for in rows: injection and secrets. Addresses and commands are what rows are about.
    pub fn rows() -> Self {
        let mut options = Self::default();
        for category in Category::ALL.into_iter().filter(|it| !Self::in_rows(*it)) {
            options.thresholds[category as usize] = None;
        }
        options
    }

    /// Whether it is looked for in rows.
    pub(crate) const fn in_rows(category: Category) -> bool {
        matches!(category, Category::Injection | Category::Dlp)
    }

    fn looks_for(&self, category: Category) -> bool {
        self.thresholds[category as usize].is_some()
    }
}

/// The text is longer than [`MAX_TEXT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// How long it is, in bytes.
    pub length: usize,
}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the text has {} bytes, and at most {MAX_TEXT} are scanned; scan it in parts", self.length)
    }
}

impl std::error::Error for TooLong {}

/// The engine. It has no state: making one costs nothing, and one serves any number of threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Engine;

impl Engine {
    /// An engine with the rules it was built with.
    pub const fn new() -> Self {
        Self
    }

    /// What is found in a text.
    ///
    /// # Errors
    /// The text is longer than [`MAX_TEXT`].
    pub fn scan(&self, text: &str, side: Side, options: &Options) -> Result<Findings, TooLong> {
        if text.len() > MAX_TEXT {
            return Err(TooLong { length: text.len() });
        }
        let mut scan = Scan { options, side, found: Vec::new(), dropped: 0, budget: Budget::new(text.len()) };
        let mut readings = Readings::new(text);
        let mut number = 0;
        while let Some(reading) = readings.get(number) {
            let mut called_for = Vec::new();
            let via = reading.via;
            let before = scan.found.len();
            scan.reading(&reading.text, via, &mut called_for);
            for finding in &mut scan.found[before..] {
                let place = readings.place(number, finding.start..finding.end);
                (finding.start, finding.end) = (place.start, place.end);
            }
            readings.expand(number, &called_for);
            number += 1;
        }
        let incomplete = readings.cut || scan.budget.spent();
        Ok(scan.finish(incomplete))
    }

    /// What is found in bytes that should be text: what is not UTF-8 is read as the replacement character, so places
    /// are those in `String::from_utf8_lossy(bytes)`.
    ///
    /// # Errors
    /// The text is longer than [`MAX_TEXT`].
    pub fn scan_bytes(&self, bytes: &[u8], side: Side, options: &Options) -> Result<Findings, TooLong> {
        if bytes.len() > MAX_TEXT {
            return Err(TooLong { length: bytes.len() });
        }
        self.scan(&String::from_utf8_lossy(bytes), side, options)
    }

    /// Whether no rule finds anything in a string of a row as it looks, by one look at its bytes: what is encoded in it is
    /// not decoded, and one with characters that are not shown is not told to be clean. What is not clean is to be scanned;
    /// it may prove harmless.
    pub fn clean(&self, text: &str) -> bool {
        scanners::clean(text)
    }
}

/// A scan under way.
struct Scan<'o> {
    options: &'o Options,
    side: Side,
    found: Vec<Finding>,
    dropped: usize,
    budget: Budget,
}

impl Scan<'_> {
    /// Searches one reading; places are those in the reading.
    fn reading(&mut self, text: &str, via: Via, called_for: &mut Vec<tables::Decode>) {
        let bytes = text.as_bytes();
        // Up to where each automaton has matched: what is within a match is not looked at again.
        let mut matched = vec![0; tables::automata()];
        tables::candidates(bytes, |automaton, number, at| {
            let rule = automaton.rule();
            if at < matched[number] || !self.wants(rule, via) || !before(rule.start, bytes, at) {
                return;
            }
            let Some((start, end)) = automaton.search(bytes, at, &mut self.budget) else { return };
            if !after(rule.end, bytes, end) {
                return;
            }
            matched[number] = end;
            if let Some(decode) = rule.decode {
                if !called_for.contains(&decode) {
                    called_for.push(decode);
                }
                return;
            }
            self.add(rule, bytes, start, end, via);
        });
        if self.side != Side::Row && self.options.looks_for(Category::Injection) {
            self.likeness(text, via);
        }
        let spelled = via.contains(Via::SPELLED);
        if self.side != Side::Row && !spelled {
            scanners::scan(text, &mut |rule, start, end| {
                if self.wants(rule, via) {
                    self.add(rule, bytes, start, end, via);
                }
            });
        }
    }

    /// What reads like an attack without a rule that knows it. Rows are no prose.
    fn likeness(&mut self, text: &str, via: Via) {
        likeness::passages(text, |passage| {
            self.push(Finding {
                rule: LIKE_ATTACKS,
                category: Category::Injection,
                family: "likeness",
                description: "Reads like known attacks",
                score: if passage.sure { SURE } else { SIGN },
                start: passage.start,
                end: passage.end,
                via,
            });
        });
    }

    /// Whether a rule is of use: its category is looked for, and the reading is one that its kind of thing hides in.
    fn wants(&self, rule: &Rule, via: Via) -> bool {
        self.options.looks_for(rule.category) && (rule.fold || !via.contains(Via::SPELLED))
    }

    fn add(&mut self, rule: &'static Rule, text: &[u8], start: usize, end: usize, via: Via) {
        let found = &text[start..end];
        if rule.entropy > 0.0 && checks::entropy(found) < rule.entropy {
            return;
        }
        let mut score = rule.score;
        if rule.check != Check::None {
            match checks::check(rule.check, found) {
                Verdict::No => return,
                Verdict::Doubtful => score -= score / 3,
                Verdict::Yes => {}
            }
        }
        if rule.category == Category::Injection {
            score = hiding(score, via);
        }
        self.push(Finding {
            rule: rule.id,
            category: rule.category,
            family: rule.family,
            description: rule.description,
            score,
            start,
            end,
            via,
        });
    }

    fn push(&mut self, finding: Finding) {
        if self.found.len() < MAX_FINDINGS {
            self.found.push(finding);
        } else {
            self.dropped += 1;
        }
    }

    /// A phrase that a rule knows, in a passage that reads like no attack, is more often quoted or described than meant:
    /// alone it is no verdict. What is hidden is neither.
    fn doubt(&mut self) {
        let like: Vec<_> =
            self.found.iter().filter(|it| it.rule == LIKE_ATTACKS).map(|it| (it.start, it.end)).collect();
        for finding in &mut self.found {
            let near =
                |(start, end): &(usize, usize)| *start <= finding.end + NEAR && *end + NEAR >= finding.start;
            let phrase = finding.category == Category::Injection
                && DOUBTED.contains(&finding.rule.get(..3).unwrap_or_default());
            if phrase && Via::NORMALISED.contains(finding.via) && !like.iter().any(near) {
                finding.score -= finding.score / 5 * 2;
            }
        }
    }

    fn finish(mut self, incomplete: bool) -> Findings {
        // Readings that are alike find the same: what stands in the text as it is written is not hidden there.
        self.found.sort_by_key(|it| (it.rule, it.start, it.end, it.via, std::cmp::Reverse(it.score)));
        self.found.dedup_by(|next, kept| {
            next.rule == kept.rule && next.start == kept.start && next.end == kept.end
        });
        self.found.sort_by_key(|it| (it.start, it.end, std::cmp::Reverse(it.score)));
        if self.side != Side::Row && self.options.looks_for(Category::Injection) {
            self.doubt();
        }
        let mut findings = Findings { dropped: self.dropped, incomplete, ..Findings::default() };
        for category in Category::ALL {
            let threshold = self.options.thresholds[category as usize];
            findings.thresholds[category as usize] = threshold.unwrap_or(u8::MAX);
            let of = self.found.iter().filter(|it| it.category == category);
            findings.scores[category as usize] = match category {
                Category::Injection => together(&of.collect::<Vec<_>>()),
                _ => of.map(|it| it.score).max().unwrap_or(0),
            };
        }
        findings.all = self.found;
        findings
    }
}

/// The score of an injection in a text that had to be read in this way: who hides an instruction means it.
fn hiding(score: u8, via: Via) -> u8 {
    if Via::NORMALISED.contains(via) { score } else { score + (100 - score) / 2 }
}

/// The score of findings together: signs that are each too weak make a strong one, if they are near each other.
fn together(findings: &[&Finding]) -> u8 {
    let mut best = 0;
    for (number, first) in findings.iter().enumerate() {
        let mut seen: Vec<(&str, u8)> = Vec::new();
        for finding in findings[number..].iter().take_while(|it| it.start <= first.start + NEAR).take(32) {
            match seen.iter_mut().find(|(rule, _)| *rule == finding.rule) {
                Some((_, score)) => *score = finding.score.max(*score),
                None => seen.push((finding.rule, finding.score)),
            }
        }
        let doubt = seen.iter().fold(1.0_f32, |doubt, (_, score)| doubt * (1.0 - f32::from(*score) / 100.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
        let score = ((1.0 - doubt) * 100.0 + 0.5) as u8;
        best = score.max(best);
    }
    best
}

/// Whether a match may begin at `at`.
fn before(start: Start, text: &[u8], at: usize) -> bool {
    match start {
        Start::Any => true,
        Start::Word => !words::within(text, at),
        Start::Line => {
            text[..at].iter().rev().find(|byte| !matches!(byte, b' ' | b'\t')).is_none_or(|it| *it == b'\n')
        }
    }
}

/// Whether a match may end at `at`.
fn after(end: End, text: &[u8], at: usize) -> bool {
    match end {
        End::Any => true,
        End::Word => !words::within(text, at),
        End::Command => {
            text.get(at).is_none_or(|byte| byte.is_ascii_whitespace() || b";&|)\"'`*".contains(byte))
        }
    }
}

/// The rule that a scanner finds things for.
pub(crate) fn rule_of(scanner: tables::Scanner) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.scanner == Some(scanner))
}
