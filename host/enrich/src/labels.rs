//! What is asked of the labels of pods, in the words of `kubectl -l`: `app=web,tier!=cache,env in (prod, test),!legacy`.

use std::fmt;
use std::str::FromStr;

/// The longest text that is read.
const TEXT: usize = 4096;

/// Requirements on labels that hold all together. Without any, every object is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: Box<str>,
    operator: Operator,
    values: Vec<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    In,
    /// Also of what lacks the label.
    NotIn,
    Exists,
    Lacks,
}

/// Text that is no label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLabels {
    /// What was given, its beginning.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for BadLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        write!(
            f,
            "{text:?} is no label selector: {problem}. Write requirements separated by commas: key=value, key!=value, \
             key in (a,b), key notin (a,b), key, !key"
        )
    }
}

impl std::error::Error for BadLabels {}

impl Labels {
    /// Whether an object is meant, of which `value` gives the value of a label.
    pub fn matches<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| {
            let found = value(&requirement.key);
            let among = |found: &str| requirement.values.iter().any(|value| **value == *found);
            match requirement.operator {
                Operator::In => found.is_some_and(among),
                Operator::NotIn => !found.is_some_and(among),
                Operator::Exists => found.is_some(),
                Operator::Lacks => found.is_none(),
            }
        })
    }
}

impl FromStr for Labels {
    type Err = BadLabels;

    fn from_str(text: &str) -> Result<Self, BadLabels> {
        let error = |problem| BadLabels { text: text.chars().take(200).collect(), problem };
        if text.len() > TEXT {
            return Err(error(format!("it is longer than {TEXT} bytes")));
        }
        let requirements = split(text).and_then(|parts| parts.into_iter().map(requirement).collect());
        Ok(Self { requirements: requirements.map_err(error)? })
    }
}

/// The requirements: commas within parentheses do not separate them.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut from, mut inside) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        match character {
            '(' if inside => return Err("a parenthesis within another".to_owned()),
            '(' => inside = true,
            ')' if !inside => return Err("a parenthesis is closed that was not opened".to_owned()),
            ')' => inside = false,
            ',' if !inside => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err("a parenthesis is not closed".to_owned());
    }
    parts.push(text[from..].trim());
    match parts[..] {
        [""] => Ok(Vec::new()),
        _ if parts.contains(&"") => Err("a requirement is empty".to_owned()),
        _ => Ok(parts),
    }
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let made = |key: &str, operator, values: Vec<&str>| {
        let key = key.trim();
        if !is_key(key) {
            return Err(format!("{key:?} is no label's name"));
        }
        if let Some(wrong) = values.iter().find(|value| !is_value(value)) {
            return Err(format!("{wrong:?} is no label's value"));
        }
        Ok(Requirement { key: key.into(), operator, values: values.into_iter().map(Into::into).collect() })
    };
    if let Some((left, set)) = text.split_once('(') {
        let set = set.strip_suffix(')').ok_or_else(|| format!("something follows the values of {text:?}"))?;
        let values = set.split(',').map(str::trim).collect();
        let words: Vec<&str> = left.split_whitespace().collect();
        return match words[..] {
            [key, "in"] => made(key, Operator::In, values),
            [key, "notin"] => made(key, Operator::NotIn, values),
            _ => Err(format!("{text:?} has values in parentheses, but neither `in` nor `notin` before them")),
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return made(key, Operator::NotIn, vec![value.trim()]);
    }
    if let Some((key, value)) = text.split_once('=') {
        return made(key, Operator::In, vec![value.strip_prefix('=').unwrap_or(value).trim()]);
    }
    match text.strip_prefix('!') {
        Some(key) => made(key, Operator::Lacks, Vec::new()),
        None => made(text, Operator::Exists, Vec::new()),
    }
}

/// Whether it may be a label's name: `name` or `domain/name`.
fn is_key(key: &str) -> bool {
    let (domain, name) = key.split_once('/').unwrap_or(("x", key));
    let domain_fits = (1..=253).contains(&domain.len())
        && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    domain_fits && !name.is_empty() && is_value(name)
}

/// Whether it may be a label's value; it may be empty.
fn is_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        && ends(bytes.first())
        && ends(bytes.last())
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Requirement { key, operator, values }) in self.requirements.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match (operator, &values[..]) {
                (Operator::In, [value]) => write!(f, "{comma}{key}={value}")?,
                (Operator::NotIn, [value]) => write!(f, "{comma}{key}!={value}")?,
                (Operator::In, values) => write!(f, "{comma}{key} in ({})", values.join(","))?,
                (Operator::NotIn, values) => write!(f, "{comma}{key} notin ({})", values.join(","))?,
                (Operator::Exists, _) => write!(f, "{comma}{key}")?,
                (Operator::Lacks, _) => write!(f, "{comma}!{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant() {
        let all = [("app", "web"), ("example.com/tier", "front"), ("empty", "")];
        let value = |key: &str| all.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        let table = [
            ("", true),
            ("  ", true),
            ("app=web", true),
            ("app == web", true),
            ("app=db", false),
            ("app!=db", true),
            ("none!=db", true),
            ("app!=web", false),
            ("app in (db, web)", true),
            ("app in(db)", false),
            ("app notin (db,cache)", true),
            ("none notin (a)", true),
            ("none in (a)", false),
            ("app", true),
            ("none", false),
            ("!none", true),
            ("! app", false),
            ("empty=", true),
            ("example.com/tier=front,app in (web),!none", true),
            ("example.com/tier=front,app in (db),!none", false),
        ];
        for (text, wanted) in table {
            let labels: Labels = text.parse().unwrap();
            assert_eq!(labels.matches(value), wanted, "{text}");
            let again: Labels = labels.to_string().parse().unwrap();
            assert_eq!(again, labels, "{text}");
        }
    }

    #[test]
    fn what_is_no_selector() {
        let table = [
            (",", "empty"),
            ("a=b,", "empty"),
            ("a in (b", "not closed"),
            ("a in b)", "not opened"),
            ("a in ((b))", "within another"),
            ("a of (b)", "neither"),
            ("a in (b) c", "follows"),
            ("=b", "no label's name"),
            ("a b", "no label's name"),
            ("a=b c", "no label's value"),
            ("a>1", "no label's name"),
            ("a=-b", "no label's value"),
            ("/a", "no label's name"),
        ];
        for (text, problem) in table {
            let error = text.parse::<Labels>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn garbage() {
        let pieces = ["a", "=", "!", "(", ")", ",", " in ", "notin", "ü", "/", " ", "-", "==", "\0", "🙂"];
        let mut number = 1_u32;
        for _ in 0..20_000 {
            let text: String = (0..number % 12)
                .map(|_| {
                    number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    pieces[(number >> 16) as usize % pieces.len()]
                })
                .collect();
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // What is taken means the same when it is written out and read again.
            if let Ok(labels) = text.parse::<Labels>() {
                assert_eq!(labels.to_string().parse(), Ok(labels), "{text:?}");
            }
        }
        let error = "a,".repeat(5_000).parse::<Labels>().unwrap_err();
        assert!(error.problem.contains("longer") && error.text.len() == 200);
    }
}
