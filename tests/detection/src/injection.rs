//! Injection: how many attacks are found, how many harmless texts are taken for one, and what disguises change.

use std::collections::BTreeMap;

use ai_security_engine::{Category, Engine, Findings, Options, Side};

use crate::corpus::{Label, Part, Text};
use crate::disguise;

/// So many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Texts with a verdict.
    pub found: usize,
    /// All of them.
    pub of: usize,
}

impl Share {
    pub(crate) fn add(&mut self, found: bool) {
        self.found += usize::from(found);
        self.of += 1;
    }

    /// In percent.
    pub fn percent(self) -> f64 {
        100.0 * self.found as f64 / self.of.max(1) as f64
    }
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Attacks found.
    pub recall: Share,
    /// The same, by class.
    pub classes: BTreeMap<String, Share>,
    /// By source.
    pub sources: BTreeMap<String, Share>,
    /// By language.
    pub languages: BTreeMap<String, Share>,
    /// Harmless texts taken for an attack.
    pub false_positives: Share,
    /// Of these, those that look like attacks.
    pub look_alikes: Share,
    /// By kind.
    pub kinds: BTreeMap<String, Share>,
    /// Of the attacks found: how many are found in a disguise.
    pub disguised: BTreeMap<&'static str, Share>,
}

impl Report {
    /// The share of recall that is kept under the disguises together.
    pub fn kept(&self) -> Share {
        let sum = |part: fn(&Share) -> usize| self.disguised.values().map(part).sum();
        Share { found: sum(|it| it.found), of: sum(|it| it.of) }
    }

    /// Recall of classes, each counted alike, in percent.
    pub fn of_classes(&self) -> f64 {
        self.classes.values().map(|it| it.percent()).sum::<f64>() / self.classes.len().max(1) as f64
    }
}

/// What the engine says of a prompt.
pub fn scan(text: &str) -> Findings {
    let options = Options::only(&[Category::Injection]);
    // No text of the sets comes near the limit.
    Engine::new().scan(text, Side::Prompt, &options).unwrap_or_default()
}

/// Whether it is an attack.
pub fn detected(text: &str) -> bool {
    scan(text).detected(Category::Injection)
}

/// Measures on the texts of one part. `judged` is told of each text's verdict.
pub fn measure(texts: &[Text], part: Part, mut judged: impl FnMut(&Text, bool)) -> Report {
    let mut report = Report::default();
    for text in texts.iter().filter(|it| it.part == part) {
        let found = detected(&text.text);
        judged(text, found);
        match text.label {
            Label::Attack => {
                report.recall.add(found);
                report.classes.entry(text.class.clone()).or_default().add(found);
                report.sources.entry(text.source.clone()).or_default().add(found);
                report.languages.entry(text.language.clone()).or_default().add(found);
                if found {
                    for (name, disguise) in disguise::ALL {
                        report.disguised.entry(name).or_default().add(detected(&disguise(&text.text)));
                    }
                }
            }
            Label::Benign => {
                report.false_positives.add(found);
                report.kinds.entry(text.class.clone()).or_default().add(found);
                if text.look_alike() {
                    report.look_alikes.add(found);
                }
            }
        }
    }
    report
}
