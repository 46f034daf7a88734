//! Configuration and secrets: read once, when the gadget is registered, and kept for it alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use gadget_registry::descriptor::Permissions;
use gadget_registry::policy::Source;
use gadgetry_guest::SHORTEST_SECRET;
use gadgetry_guest::lent::config::{Config, NotStated};
use zeroize::Zeroizing;

/// Bytes of a value.
const LONGEST: u64 = 64 << 10;

/// The values bound to one gadget's settings.
#[derive(Clone, Default)]
pub struct Settings {
    stated: BTreeSet<String>,
    values: BTreeMap<String, Zeroizing<String>>,
    secret: BTreeSet<String>,
}

/// Bindings that can't be used. Names alone, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("; "))]
pub struct SettingsError {
    /// All that is wrong.
    pub problems: Vec<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Settings {
    /// Reads what is bound to the settings of `permissions`. `environment`: settings to which nothing is bound have the
    /// value of the environment variable of their name, if there is one.
    ///
    /// # Errors
    /// When something is bound that the gadget does not know, or a value can't be had or kept.
    pub fn read(
        permissions: &Permissions,
        bound: &BTreeMap<String, Source>,
        environment: bool,
    ) -> Result<Self, SettingsError> {
        let mut problems = Vec::new();
        let mut settings = Self::default();
        for name in bound.keys().filter(|name| permissions.setting(name).is_none()) {
            let known: Vec<_> = permissions.config.iter().map(|it| it.name.as_str()).collect();
            let known = if known.is_empty() { "it has none".to_owned() } else { known.join(", ") };
            problems
                .push(format!("something is bound to `{name}`, which is no setting of the gadget ({known})"));
        }
        for setting in &permissions.config {
            let name = &setting.name;
            settings.stated.insert(name.clone());
            let value = match bound.get(name) {
                Some(source) => value(source, setting.secret),
                None if environment => Ok(variable(name).ok()),
                None => continue,
            };
            match value {
                Ok(None) => {}
                Ok(Some(value)) if setting.secret && value.len() < SHORTEST_SECRET => problems.push(format!(
                    "the secret `{name}` has fewer than {SHORTEST_SECRET} bytes, so it could not be kept out of what the gadget says"
                )),
                Ok(Some(value)) => {
                    if setting.secret {
                        settings.secret.insert(name.clone());
                    }
                    settings.values.insert(name.clone(), value);
                }
                Err(problem) => problems.push(format!("the setting `{name}`: {problem}")),
            }
        }
        if problems.is_empty() { Ok(settings) } else { Err(SettingsError { problems }) }
    }

    /// What is bound to `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.as_str())
    }

    /// The values that must not be told.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secret.iter().filter_map(|name| self.value(name))
    }
}

type Value = Zeroizing<String>;

fn value(source: &Source, secret: bool) -> Result<Option<Value>, String> {
    match source {
        Source::Env(name) => variable(name).map(Some),
        Source::File(path) => file(path).map(Some),
        Source::Value(_) if secret => {
            Err("a secret can't be given as it is, where others could read it; use env: or file:".to_owned())
        }
        Source::Value(value) => Ok(Some(Zeroizing::new(value.clone()))),
    }
}

/// An empty variable is as good as none: that is how a manifest leaves one out.
fn variable(name: &str) -> Result<Value, String> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Err(format!("the environment variable {name} is empty")),
        Ok(value) => Ok(Zeroizing::new(value)),
        Err(std::env::VarError::NotPresent) => Err(format!("there is no environment variable {name}")),
        Err(std::env::VarError::NotUnicode(_)) => Err(format!("the environment variable {name} is no UTF-8")),
    }
}

fn file(path: &Path) -> Result<Value, String> {
    let failed = |reason: String| format!("{}: {reason}", path.display());
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > LONGEST {
        return Err(failed(format!("it has more than {LONGEST} bytes")));
    }
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() {
        return Err(failed("it is empty".to_owned()));
    }
    Ok(Zeroizing::new(value.to_owned()))
}

/// What a guest sees of the settings.
pub(crate) struct Bound(pub(crate) Arc<Settings>);

impl Config for Bound {
    fn get(&mut self, name: &str) -> Result<Option<String>, NotStated> {
        if !self.0.stated.contains(name) {
            return Err(NotStated);
        }
        Ok(self.0.value(name).map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions() -> Permissions {
        serde_json::from_value(serde_json::json!({"config": [
            {"name": "LEND_TEST_KEY", "description": "x", "secret": true},
            {"name": "LEND_TEST_URL", "description": "x"},
        ]}))
        .unwrap()
    }

    fn read(bound: &[(&str, Source)]) -> Result<Settings, SettingsError> {
        let bound = bound.iter().map(|(name, source)| ((*name).to_owned(), source.clone())).collect();
        Settings::read(&permissions(), &bound, true)
    }

    #[test]
    fn values_come_from_where_they_are_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "a secret key\n").unwrap();
        let settings =
            read(&[("LEND_TEST_KEY", Source::File(path)), ("LEND_TEST_URL", Source::Value("u".into()))])
                .unwrap();
        assert_eq!(settings.secrets().collect::<Vec<_>>(), ["a secret key"]);
        assert!(!format!("{settings:?}").contains("a secret"));
        let mut bound = Bound(Arc::new(settings));
        assert_eq!(bound.get("LEND_TEST_URL"), Ok(Some("u".to_owned())));
        assert_eq!(bound.get("PATH"), Err(NotStated));
        assert_eq!(Bound(Arc::new(read(&[]).unwrap())).get("LEND_TEST_URL"), Ok(None));
    }

    #[test]
    fn all_that_is_wrong_is_said_and_no_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "short!").unwrap();
        let error = read(&[
            ("LEND_TEST_KEY", Source::File(path)),
            ("LEND_TEST_URL", Source::Env("LEND_TEST_NONE".into())),
            ("OTHER", Source::Value("x".into())),
        ])
        .unwrap_err();
        assert_eq!(error.problems.len(), 3, "{error}");
        assert!(!error.to_string().contains("short!"), "{error}");
        let plain = Source::Value("a secret key".into());
        let error = read(&[("LEND_TEST_KEY", plain)]).unwrap_err().to_string();
        assert!(error.contains("env: or file:") && !error.contains("a secret key"), "{error}");
    }
}
