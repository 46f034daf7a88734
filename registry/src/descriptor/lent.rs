//! What a gadget says of what it wants the host to lend it: the hosts it asks, the settings it reads, the room it takes.

use serde::{Deserialize, Serialize};

use super::Permissions;
use super::validate::Problems;
use crate::hosts::{Endpoint, Hosts};

/// Most entries of each list.
const MOST: usize = 64;
/// Bytes of a setting's description.
const MAX_DESCRIPTION: usize = 512;

/// Which hosts a gadget asks over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpPermission {
    /// As [`Hosts`] reads them: `api.example`, `*.api.example:8443`, `http://api.example`, `config:NAME`.
    pub hosts: Vec<String>,
    /// It is of use without: it may be registered when the operator does not grant all of them, and is refused when it
    /// asks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// Something that the operator can set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// As an environment variable's: `[A-Za-z_][A-Za-z0-9_]{0,63}`.
    pub name: String,
    /// What it is for, for the operator.
    pub description: String,
    /// It is kept out of log lines, failures, rows and answers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// The gadget is not registered without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// How much a gadget keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorePermission {
    /// Bytes of all keys and values.
    pub bytes: u64,
    /// How many keys.
    pub entries: u64,
}

impl StorePermission {
    /// What needs no grant, and what a gadget gets that says nothing.
    pub const FREE: Self = Self { bytes: 4 << 20, entries: 4096 };
    /// More than this is refused: it would be no small store.
    pub const MOST: Self = Self { bytes: 256 << 20, entries: 1 << 20 };
}

impl Default for StorePermission {
    fn default() -> Self {
        Self::FREE
    }
}

impl Permissions {
    /// Refuses what makes no sense.
    pub(super) fn check_lent(&self, problems: &mut Problems) {
        let imports = |name: &str| self.imports.iter().any(|it| it == name);
        if imports("http") != self.http.is_some() {
            problems.add("permissions.http", "there must be one exactly if `http` is among the imports");
        }
        if imports("config") == self.config.is_empty() {
            problems.add("permissions.config", "there must be one exactly if `config` is among the imports");
        }
        if self.store.is_some() && !imports("store") {
            problems.add("permissions.store", "`store` is not among the imports");
        }
        if let Some(http) = &self.http {
            self.check_hosts(http, problems);
        }
        if self.config.len() > MOST {
            problems.add("permissions.config", format!("there are {}; at most {MOST}", self.config.len()));
        }
        for (at, setting) in self.config.iter().enumerate() {
            let place = format!("permissions.config[{at}]");
            if !is_setting(&setting.name) {
                problems.add(&place, "its name does not fit [A-Za-z_][A-Za-z0-9_]{0,63}");
            }
            if self.config[..at].iter().any(|it| it.name == setting.name) {
                problems.add(&place, format!("a second one has the name `{}`", setting.name));
            }
            super::validate::check_text(
                &format!("{place}.description"),
                &setting.description,
                MAX_DESCRIPTION,
                problems,
            );
        }
        if let Some(StorePermission { bytes, entries }) = self.store {
            let most = StorePermission::MOST;
            if bytes > most.bytes || entries > most.entries {
                let wanted = format!("at most {} bytes and {} entries", most.bytes, most.entries);
                problems.add("permissions.store", wanted);
            }
        }
    }

    fn check_hosts(&self, http: &HttpPermission, problems: &mut Problems) {
        if http.hosts.is_empty() || http.hosts.len() > MOST {
            problems.add("permissions.http.hosts", format!("there must be 1 to {MOST}"));
        }
        for (at, text) in http.hosts.iter().enumerate() {
            let place = format!("permissions.http.hosts[{at}]");
            match Hosts::parse(text) {
                Err(reason) => problems.add(&place, reason),
                Ok(Hosts::Named(name)) if !self.config.iter().any(|it| it.name == name) => {
                    problems.add(&place, format!("permissions.config has no `{name}`"));
                }
                Ok(_) => {}
            }
        }
    }

    /// The setting of this name.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.config.iter().find(|it| it.name == name)
    }

    /// Whether the gadget says it asks `endpoint`, given the settings that are bound.
    pub fn asks(&self, endpoint: &Endpoint, bound: &dyn Fn(&str) -> Option<String>) -> bool {
        let hosts = self.http.iter().flat_map(|http| &http.hosts);
        hosts.filter_map(|text| Hosts::parse(text).ok()).any(|hosts| hosts.has(endpoint, bound))
    }
}

/// Whether `name` can be a setting's.
pub fn is_setting(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}
