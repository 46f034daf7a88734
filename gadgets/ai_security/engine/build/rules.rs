//! The rule files: read, checked, and their patterns made automata. Every error names the file and the line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::automaton::{KEY, Table};
use super::fold::Folder;
use super::pattern;

/// A file of rules as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Parts of patterns by name.
    #[serde(default)]
    define: BTreeMap<String, String>,
    #[serde(default)]
    rule: Vec<Spanned<Rule>>,
}

/// A rule as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Unique; begins with the kind of thing found: `aws-access-key`.
    pub(crate) id: String,
    pub(crate) category: Category,
    /// The kind of attack, or of datum, within the category.
    #[serde(default)]
    pub(crate) family: String,
    pub(crate) description: String,
    /// How sure a match is, in percent.
    pub(crate) score: u8,
    /// The language it is written in; none for what is no language.
    #[serde(default)]
    pub(crate) language: String,
    /// What is looked for; a rule matches where one of them does.
    #[serde(default)]
    pub(crate) patterns: Vec<String>,
    /// What must follow the pattern, and alone is what was found.
    pub(crate) value: Option<String>,
    /// Whether patterns are taken literally: no folding, and a space is a space.
    #[serde(default)]
    pub(crate) case: bool,
    /// What must be before.
    #[serde(default)]
    pub(crate) start: Start,
    /// What must be after.
    #[serde(default)]
    pub(crate) end: End,
    /// What the match must be besides.
    #[serde(default)]
    pub(crate) check: Check,
    /// Bits a character that what was found has at least.
    #[serde(default)]
    pub(crate) entropy: f32,
    /// Found by code instead of a pattern.
    pub(crate) scanner: Option<Scanner>,
    /// A sign that the text is to be read in another way; not a finding itself.
    pub(crate) decode: Option<Decode>,
    /// Texts in which the rule finds something.
    pub(crate) must_match: Vec<String>,
    /// Texts in which it finds nothing.
    #[serde(default)]
    pub(crate) must_not_match: Vec<String>,
    /// Where it is written: not in the file.
    #[serde(skip)]
    pub(crate) place: String,
    #[serde(skip)]
    pub(crate) automata: Vec<Automaton>,
}

/// A pattern, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Automaton {
    pub(crate) keys: BTreeSet<[u8; KEY]>,
    pub(crate) parts: Vec<Part>,
    /// Whether the last part alone is what was found.
    pub(crate) value: bool,
}

/// A part of a pattern: a table, and how many words may be between what is before and it.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) table: Vec<u8>,
    pub(crate) gap: u8,
}

/// An enum whose names in the files are those in the program, in other letters.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $($variant:ident),*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
        #[serde(rename_all = "kebab-case")]
        pub(crate) enum $name {
            #[default]
            $($variant),*
        }
    };
}

words!(/// What is found. 
    Category: Injection, Dlp, MaliciousCode, UrlCats, ToxicContent, DbSecurity);
words!(/// What must be before a match.
    Start: Word, Any, Line);
words!(/// What must be after a match.
    End: Word, Any, Command);
words!(/// A further condition.
    Check: None, Aba, Base62Crc, Connection, DeTaxId, EsNif, FrNir, ItCodice, Jwt, Nhs, Nino, Random, SecretValue, Ssn);
words!(/// What is found by code.
    Scanner: Card, Iban, Email, Phone, Ip, Url);
words!(/// Another way of reading.
    Decode: Rot13, Reverse);

/// Why the rules are not taken.
#[derive(Debug)]
pub(crate) struct RuleError {
    place: String,
    message: String,
}

/// Everything that is wrong, so that it is put right at once.
#[derive(Debug)]
pub(crate) struct RuleErrors(pub(crate) Vec<RuleError>);

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// All rules of a folder, by the names of the files.
pub(crate) fn load(folder: &Path) -> Result<Vec<Rule>, RuleErrors> {
    let io = |error: std::io::Error| {
        RuleErrors(vec![RuleError { place: folder.display().to_string(), message: error.to_string() }])
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        paths.push(entry.map_err(io)?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|it| it == "toml"));
    paths.sort();
    let mut compiler = Compiler::new();
    let (mut rules, mut errors): (Vec<Rule>, _) = (Vec::new(), Vec::new());
    for path in paths {
        let text = fs::read_to_string(&path).map_err(io)?;
        match compiler.file(&path.display().to_string(), &text) {
            Ok(more) => rules.extend(more),
            Err(RuleErrors(more)) => errors.extend(more),
        }
    }
    let mut places = BTreeMap::new();
    for rule in &rules {
        if let Some(other) = places.insert(&rule.id, &rule.place) {
            let message = format!("rule {} exists already: {other}", rule.id);
            errors.push(RuleError { place: rule.place.clone(), message });
        }
    }
    if errors.is_empty() { Ok(rules) } else { Err(RuleErrors(errors)) }
}

/// Makes tables of patterns, of those that are alike once.
pub(crate) struct Compiler {
    folder: Folder,
    tables: BTreeMap<String, Table>,
}

impl Compiler {
    pub(crate) fn new() -> Self {
        Self { folder: Folder::new(), tables: BTreeMap::new() }
    }

    /// The rules of one file.
    pub(crate) fn file(&mut self, name: &str, text: &str) -> Result<Vec<Rule>, RuleErrors> {
        let place = |offset: usize| format!("{name}:{}", 1 + text[..offset].matches('\n').count());
        let file: File = toml::from_str(text).map_err(|error| {
            let place = place(error.span().map_or(0, |span| span.start));
            RuleErrors(vec![RuleError { place, message: error.message().to_owned() }])
        })?;
        let (mut rules, mut errors) = (Vec::new(), Vec::new());
        for spanned in file.rule {
            let from = spanned.span().start;
            let mut rule = spanned.into_inner();
            // The line of the rule's own text that is at fault, where there is one.
            let line = |what: &str| {
                let within = text[from..].find(what).filter(|_| !what.is_empty());
                place(from + within.unwrap_or(0))
            };
            rule.place = line(&rule.id);
            let mut fault = |place: String, message: String| {
                errors.push(RuleError { place, message: format!("rule {}: {message}", rule.id) });
            };
            if let Err(message) = rule.check() {
                fault(rule.place.clone(), message);
            }
            let mut automata = Vec::new();
            for pattern in &rule.patterns {
                match self.automaton(pattern, &rule, &file.define) {
                    Ok(automaton) => automata.push(automaton),
                    Err(message) => fault(line(pattern.lines().next().unwrap_or("")), message),
                }
            }
            rule.automata = automata;
            rules.push(rule);
        }
        if errors.is_empty() { Ok(rules) } else { Err(RuleErrors(errors)) }
    }

    /// A pattern as tables, one for each part.
    fn automaton(
        &mut self,
        pattern: &str,
        rule: &Rule,
        defines: &BTreeMap<String, String>,
    ) -> Result<Automaton, String> {
        let (mut keys, mut parts) = (BTreeSet::new(), Vec::new());
        let value = rule.value.as_deref().map(|value| (value, 0));
        let texts: Vec<_> = pattern::parts(pattern)?.into_iter().chain(value).collect();
        for &(text, gap) in &texts {
            let text = pattern::expand(text, defines, rule.case, &self.folder)?;
            let table = match self.tables.get(&text) {
                Some(table) => table,
                None => {
                    let table = Table::new(&text)?;
                    self.tables.entry(text).or_insert(table)
                }
            };
            if parts.is_empty() {
                keys = table.keys(texts.len() > 1)?;
            }
            parts.push(Part { table: table.bytes()?, gap });
        }
        Ok(Automaton { keys, parts, value: rule.value.is_some() })
    }
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        if self.patterns.is_empty() != self.scanner.is_some() {
            return Err("a rule has either patterns or a scanner".into());
        }
        if self.must_match.is_empty() && self.decode.is_none() {
            return Err("a rule has at least one text in must_match".into());
        }
        if let Some(text) = self.must_match.iter().find(|text| self.must_not_match.contains(text)) {
            return Err(format!("{text:?} must match and must not"));
        }
        if self.score == 0 || self.score > 100 {
            return Err(format!("score is {}, and a percentage from 1 to 100 was expected", self.score));
        }
        if self.description.is_empty() || self.id.is_empty() {
            return Err("a rule has an id and a description".into());
        }
        Ok(())
    }
}
