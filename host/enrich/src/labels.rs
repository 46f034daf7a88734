//! Labels of pods, and what is asked of them, in the words of `kubectl -l`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What the cluster knows of a pod beyond what its containers' files tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Which of them rows show.
    pub shown: Vec<String>,
    /// Who made it: `Deployment/web`.
    pub owner: Option<String>,
}

impl Pod {
    /// The labels that rows show.
    pub(crate) fn to_show(&self) -> BTreeMap<&str, &str> {
        let shown = |key: &String| {
            let (key, value) = self.labels.get_key_value(key)?;
            Some((key.as_str(), value.as_str()))
        };
        self.shown.iter().filter_map(shown).collect()
    }
}

/// Conditions on labels that hold all together: `app=web,tier!=test,env in (a, b),!canary`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<Condition>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// Text that is no label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLabels(String);

impl fmt::Display for BadLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no condition on labels: write `app=web`, `app!=web`, `app in (web, api)`, `app notin (web)`, `app` or `!app`",
            self.0
        )
    }
}

impl std::error::Error for BadLabels {}

impl Labels {
    /// Whether a pod with these labels is meant.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|condition| match condition {
            Condition::In(key, values) => labels.get(key).is_some_and(|it| values.contains(it)),
            Condition::NotIn(key, values) => labels.get(key).is_none_or(|it| !values.contains(it)),
            Condition::Exists(key) => labels.contains_key(key),
            Condition::Absent(key) => !labels.contains_key(key),
        })
    }
}

impl FromStr for Labels {
    type Err = BadLabels;

    fn from_str(text: &str) -> Result<Self, BadLabels> {
        let conditions = split(text).map(|part| {
            condition(part.trim()).ok_or_else(|| BadLabels(part.trim().chars().take(100).collect()))
        });
        conditions.collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// The parts between commas that are in no parentheses.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c: char| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    })
}

fn condition(text: &str) -> Option<Condition> {
    if let Some(key) = text.strip_prefix('!') {
        return Some(Condition::Absent(name(key)?));
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Some(Condition::NotIn(name(key)?, vec![value_of(value)?]));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Condition::In(name(key)?, vec![value_of(value)?]));
    }
    let Some((key, rest)) = text.split_once(char::is_whitespace) else {
        return Some(Condition::Exists(name(text)?));
    };
    let key = name(key)?;
    let list = |rest: &str| -> Option<Vec<String>> {
        let inside = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
        inside.split(',').map(value_of).collect()
    };
    let rest = rest.trim();
    match rest.strip_prefix("notin") {
        Some(values) => Some(Condition::NotIn(key, list(values)?)),
        None => Some(Condition::In(key, list(rest.strip_prefix("in")?)?)),
    }
}

/// A label's key: a name, perhaps behind a domain.
fn name(text: &str) -> Option<String> {
    let text = text.trim();
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"-_./".contains(&it);
    (!text.is_empty() && text.len() <= 317 && text.bytes().all(allowed)).then(|| text.to_owned())
}

fn value_of(text: &str) -> Option<String> {
    let text = text.trim();
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"-_.".contains(&it);
    (text.len() <= 63 && text.bytes().all(allowed)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_as_kubectl_has_them() {
        let labels =
            BTreeMap::from([("app".to_owned(), "web".to_owned()), ("a.b/tier".to_owned(), "1".to_owned())]);
        for (text, wanted) in [
            ("app=web", true),
            ("app==web", true),
            ("app=api", false),
            ("app!=api", true),
            ("other!=x", true),
            ("app in (api, web),a.b/tier", true),
            ("app notin (api,web)", false),
            ("app notin (api)", true),
            ("!app", false),
            ("!other,app", true),
            ("other in (a)", false),
        ] {
            assert_eq!(text.parse::<Labels>().unwrap().matches(&labels), wanted, "{text}");
        }
        for bad in ["", "app=a b", "=x", "app in web", "app in (a", "a,,b", "app~web"] {
            assert!(bad.parse::<Labels>().is_err(), "{bad}");
        }
    }
}
