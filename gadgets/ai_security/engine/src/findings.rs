//! What a scan returns.

use std::fmt;

/// What kind of thing is found, as the cloud service divides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Prompt injection and jailbreaks.
    Injection,
    /// Secrets, credentials and personal data.
    Dlp,
    /// Malicious code and shell payloads.
    MaliciousCode,
    /// Suspicious addresses.
    UrlCats,
    /// Toxic words.
    ToxicContent,
    /// Statements that destroy or steal what is in a database.
    DbSecurity,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Injection,
        Self::Dlp,
        Self::MaliciousCode,
        Self::UrlCats,
        Self::ToxicContent,
        Self::DbSecurity,
    ];

    /// Its name in the cloud service's answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Injection => "injection",
            Self::Dlp => "dlp",
            Self::MaliciousCode => "malicious_code",
            Self::UrlCats => "url_cats",
            Self::ToxicContent => "toxic_content",
            Self::DbSecurity => "db_security",
        }
    }
}

/// How a text had to be read for something to be found: a set of ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Via(u16);

impl Via {
    /// As it was given.
    pub const PLAIN: Self = Self(0);
    /// Compatibility forms, look-alikes or invisible characters were folded.
    pub const NORMALISED: Self = Self(1);
    /// From base64.
    pub const BASE64: Self = Self(1 << 1);
    /// From hexadecimal digits.
    pub const HEX: Self = Self(1 << 2);
    /// From percent signs, as in addresses.
    pub const PERCENT: Self = Self(1 << 3);
    /// From entities, as in HTML.
    pub const ENTITIES: Self = Self(1 << 4);
    /// From escapes, as in source code.
    pub const ESCAPES: Self = Self(1 << 5);
    /// From letters thirteen places on.
    pub const ROT13: Self = Self(1 << 6);
    /// From its end to its beginning.
    pub const REVERSED: Self = Self(1 << 7);
    /// Letters apart were put together, or digits taken for letters.
    pub const SPELLED: Self = Self(1 << 8);
    /// From characters that are not shown.
    pub const HIDDEN: Self = Self(1 << 9);

    const NAMES: [&str; 10] = [
        "normalised",
        "base64",
        "hex",
        "percent",
        "entities",
        "escapes",
        "rot13",
        "reversed",
        "spelled",
        "hidden",
    ];

    /// Whether all ways of `other` are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names of the ways; none if the text was read as it was given.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, name)| name)
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names().collect();
        f.write_str(&if names.is_empty() { "plain".to_owned() } else { names.join("+") })
    }
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static str,
    /// What it is.
    pub category: Category,
    /// The kind within the category; may be empty.
    pub family: &'static str,
    /// What was found, for a reader.
    pub description: &'static str,
    /// How sure it is, in percent.
    pub score: u8,
    /// Where it begins in the text given, in bytes; between characters.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How the text had to be read.
    pub via: Via,
}

/// What was found in a text, in the order of the places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Each thing found, also those that alone are too unsure for a verdict.
    pub all: Vec<Finding>,
    /// How many more were found than are told.
    pub dropped: usize,
    /// Whether a part was not looked at: encodings within encodings beyond the limit, or a text made to take long.
    /// Who fails closed takes this for a finding.
    pub incomplete: bool,
    pub(crate) scores: [u8; Category::ALL.len()],
    pub(crate) thresholds: [u8; Category::ALL.len()],
}

impl Findings {
    /// How sure it is that the text has something of this category, in percent: of all findings together.
    pub fn score(&self, category: Category) -> u8 {
        self.scores[category as usize]
    }

    /// Whether it is sure enough.
    pub fn detected(&self, category: Category) -> bool {
        let score = self.score(category);
        score > 0 && score >= self.thresholds[category as usize]
    }

    /// Whether anything was detected.
    pub fn any(&self) -> bool {
        Category::ALL.into_iter().any(|category| self.detected(category))
    }

    /// The findings of one category, if it was detected.
    pub fn of(&self, category: Category) -> impl Iterator<Item = &Finding> {
        let detected = self.detected(category);
        self.all.iter().filter(move |finding| detected && finding.category == category)
    }
}
