//! What a gadget may use beyond the harmless, and the values that are bound to its settings.
//!
//! Grants come from the rule that accepts an image, and from sections (or flags) that name a gadget: a built-in one by
//! its name, any other by its repository, so that an image of the same name from elsewhere gets nothing. The latter add
//! to the former; neither lets an image run that no rule accepts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::descriptor::{StorePermission, is_setting};
use crate::hosts::Hosts;
use crate::reference::Reference;

/// What an image may do beyond the harmless; nothing unless the operator says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grants {
    /// eBPF helpers that change what other programs see.
    pub helpers: Vec<String>,
    /// Host interfaces a component may import.
    pub imports: Vec<String>,
    /// Hosts it may ask over HTTP, at public addresses; see [`crate::hosts`] for how they are written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<String>,
    /// Hosts it may ask wherever they are: private, loopback and link-local addresses too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http_private: Vec<String>,
    /// How much it may keep, if more than what is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StorePermission>,
}

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// An environment variable of the process.
    Env(String),
    /// A file, without the newline at its end.
    File(PathBuf),
    /// This very value. Not for secrets, which a command line or a policy file would show.
    Value(String),
}

/// What one gadget is granted, beside what the rule that accepts it grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// A built-in gadget's name, or host and path of a repository.
    pub gadget: String,
    /// What it may.
    pub grants: Grants,
    /// The values of its settings.
    pub config: BTreeMap<String, Source>,
    /// All hosts and all the room that it asks for, and for each setting that has no other value the environment
    /// variable of the same name. For a built-in gadget only: what an image asks for may change with its tag.
    pub everything: bool,
}

impl Grants {
    /// What can't be meant so.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.http.iter().chain(&self.http_private).try_for_each(|text| Hosts::parse(text).map(|_| ()))
    }

    /// All hosts it may ask.
    pub fn hosts(&self) -> impl Iterator<Item = Hosts> {
        self.http.iter().chain(&self.http_private).filter_map(|text| Hosts::parse(text).ok())
    }

    /// Those that may be at private addresses.
    pub fn private_hosts(&self) -> impl Iterator<Item = Hosts> {
        self.http_private.iter().filter_map(|text| Hosts::parse(text).ok())
    }

    /// Adds what `more` grants.
    pub fn extend(&mut self, more: &Self) {
        let Self { helpers, imports, http, http_private, store } = more;
        self.helpers.extend_from_slice(helpers);
        self.imports.extend_from_slice(imports);
        self.http.extend_from_slice(http);
        self.http_private.extend_from_slice(http_private);
        self.store = store.or(self.store);
    }
}

impl Granted {
    /// Nothing yet, for `gadget`.
    pub fn to(gadget: &str) -> Result<Self, String> {
        let reference: Reference = gadget.parse().map_err(|error| format!("{error}"))?;
        if reference.tag().is_some() || reference.digest().is_some() {
            return Err(format!(
                "`{gadget}` names a tag or a digest; what is granted is granted to a built-in gadget or to a repository, leave it out"
            ));
        }
        Ok(Self { gadget: gadget.to_owned(), ..Self::default() })
    }

    /// Reads `GADGET=WHAT:VALUE`, as `--grant` takes it.
    pub fn grant(text: &str) -> Result<Self, String> {
        let form = "expected GADGET=http:HOST, =http-private:HOST, =store:BYTES/ENTRIES, =helper:NAME or =import:NAME";
        let wrong = || format!("`{}`: {form}", text.escape_debug());
        let (gadget, what) = text.split_once('=').ok_or_else(wrong)?;
        let (kind, value) = what.split_once(':').ok_or_else(wrong)?;
        let mut granted = Self::to(gadget)?;
        let Self { grants, .. } = &mut granted;
        match kind {
            "http" => grants.http.push(value.to_owned()),
            "http-private" => grants.http_private.push(value.to_owned()),
            "helper" => grants.helpers.push(value.to_owned()),
            "import" => grants.imports.push(value.to_owned()),
            "store" => {
                let (bytes, entries) = value.split_once('/').ok_or_else(wrong)?;
                let number = |text: &str| text.parse().map_err(|_| wrong());
                grants.store = Some(StorePermission { bytes: number(bytes)?, entries: number(entries)? });
            }
            _ => return Err(wrong()),
        }
        grants.check()?;
        Ok(granted)
    }

    /// Reads `GADGET.NAME=SOURCE`, as `--bind` takes it.
    pub fn bind(text: &str) -> Result<Self, String> {
        let form = "expected GADGET.NAME=env:VARIABLE, =file:PATH or =value:TEXT";
        // What stands after the sign may be a secret that someone wrote by mistake.
        let (to, source) = text.split_once('=').ok_or_else(|| form.to_owned())?;
        let wrong = || format!("`{}=...`: {form}", to.escape_debug());
        let (gadget, name) = to.rsplit_once('.').ok_or_else(wrong)?;
        if !is_setting(name) {
            return Err(wrong());
        }
        let source = match source.split_once(':') {
            Some(("env", variable)) if !variable.is_empty() => Source::Env(variable.to_owned()),
            Some(("file", path)) if !path.is_empty() => Source::File(path.into()),
            Some(("value", value)) => Source::Value(value.to_owned()),
            _ => return Err(wrong()),
        };
        let config = BTreeMap::from([(name.to_owned(), source)]);
        Ok(Self { config, ..Self::to(gadget)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read() {
        let granted = Granted::grant("ai_security=http-private:http://127.0.0.1:8080").unwrap();
        assert_eq!((granted.gadget.as_str(), granted.grants.http_private.len()), ("ai_security", 1));
        let granted = Granted::grant("localhost:5000/me/mine=store:10/2").unwrap();
        assert_eq!(granted.gadget, "localhost:5000/me/mine");
        assert_eq!(granted.grants.store, Some(StorePermission { bytes: 10, entries: 2 }));
        let bound = Granted::bind("reg.example/me/mine.API_KEY=env:A=B").unwrap();
        assert_eq!(bound.gadget, "reg.example/me/mine");
        assert_eq!(bound.config["API_KEY"], Source::Env("A=B".into()));
        let bound = Granted::bind("ai_security.KEY=file:/run/secrets/key").unwrap();
        assert_eq!(bound.config["KEY"], Source::File("/run/secrets/key".into()));
    }

    #[test]
    fn wrong_flags_are_refused() {
        for text in [
            "",
            "a",
            "a=",
            "a=http",
            "a=http:*",
            "a=store:1",
            "a=shell:x",
            "a:v1=http:b.example",
            "A=http:b.example",
        ] {
            assert!(Granted::grant(text).is_err(), "{text}");
        }
        for text in ["", "a", "a=env:B", "a.B", "a.B=", "a.B=env:", "a.b-c=env:B", "a.B=hunter2hunter2"] {
            let error = Granted::bind(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
