//! What a rule matches: repositories by a pattern, identities by a text or an anchored regular expression.

use std::fmt;

use regex::Regex;
use serde::Serialize;

/// Repositories: host and path, where `*` stands for any part of one path segment and a segment `**` for any number
/// of segments, at least one. A host is written out, unless the whole pattern is `**`: every repository anywhere.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern.
    pub fn new(text: &str) -> Result<Self, String> {
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        if text != "**" {
            if path.is_empty() || host.is_empty() {
                return Err(format!(
                    "`{text}` is no repository; expected a host and a path, as in `registry.example/gadgets/*`"
                ));
            }
            if host.contains('*') {
                return Err(format!(
                    "`{text}` leaves the host open; write the host out, or `**` for everything"
                ));
            }
            let odd = |c: char| !c.is_ascii_alphanumeric() && !"._-:/*[]".contains(c);
            if let Some(c) = text.chars().find(|c| odd(*c)) {
                return Err(format!("`{text}` has `{c}`, which no repository has; leave out tag and digest"));
            }
            if path.contains(':') {
                return Err(format!("`{text}` names a tag; a rule speaks of repositories, leave it out"));
            }
            if path
                .split('/')
                .any(|segment| segment.is_empty() || (segment != "**" && segment.contains("**")))
            {
                return Err(format!("`{text}` has an empty segment, or `**` beside other characters in one"));
            }
        }
        let body = regex::escape(text).replace(r"\*\*", ".+").replace(r"\*", "[^/]*");
        let regex = Regex::new(&format!(r"\A(?:{body})\z")).map_err(|e| e.to_string())?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `repository` is one of them.
    pub fn matches(&self, repository: &str) -> bool {
        self.regex.is_match(repository)
    }
}

/// A text to match: the whole of it.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// This very text.
    Exact(String),
    /// A regular expression, which has to match from beginning to end.
    Regex {
        /// As written.
        source: String,
        /// Anchored.
        regex: Regex,
    },
}

impl Matcher {
    /// Matches only `text`.
    pub fn exact(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("it is empty".into()) } else { Ok(Self::Exact(text.to_owned())) }
    }

    /// Matches what the expression describes.
    pub fn regex(source: &str) -> Result<Self, String> {
        // Compiled alone first: an unbalanced `a)|(b` would otherwise climb out of the anchors.
        let alone = Regex::new(source).map_err(|e| e.to_string())?;
        let regex = Regex::new(&format!(r"\A(?:{source})\z")).map_err(|e| e.to_string())?;
        if alone.as_str().is_empty() || regex.is_match("") {
            return Err(format!("`{source}` matches even nothing; say what a text must have"));
        }
        Ok(Self::Regex { source: source.to_owned(), regex })
    }

    /// Whether `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(wanted) => wanted == text,
            Self::Regex { regex, .. } => regex.is_match(text),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => f.write_str(text),
            Self::Regex { source, .. } => write!(f, "/{source}/"),
        }
    }
}

impl Serialize for Matcher {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(text) => serializer.collect_seq(["exact", text]),
            Self::Regex { source, .. } => serializer.collect_seq(["regex", source]),
        }
    }
}
