//! The policy: who may have made what this host runs.
//!
//! It is a list of rules, each for some repositories and each with exactly one proof it asks for: a key, a keyless
//! identity, or a digest. What no rule accepts does not run. A rule that asks for nothing can't be written, because
//! parsing refuses it: "any valid signature" is not a policy. All keys and trust roots are read when the policy is,
//! so that checking needs neither files nor network.
//!
//! A policy has an id, a fingerprint of all that decides: the rules, and the content of keys and roots rather than
//! the names of their files. The store remembers an acceptance under that id, so that any change checks again.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::digest::Digest;
use crate::key::{KeyError, PublicKey};

mod file;
mod grant;
mod pattern;
mod root;

pub use grant::{Granted, Grants, Source};
pub use pattern::{Matcher, Pattern};
pub use root::TrustRoot;

/// Where the policy is unless told otherwise. Without this file only built-ins run.
pub const SYSTEM_FILE: &str = "/etc/gadgetry/policy.toml";

/// The name under which built-ins are accepted; no rule of a file may have it.
pub const BUILT_IN: &str = "built-in";

/// Why a policy can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Someone else could write to it.
    #[error(
        "{path} may be written to by others (mode {mode:03o}), so anyone could decide what runs; chmod go-w it"
    )]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Far too long.
    #[error("{path} has {size} bytes, more than the {cap} allowed for it")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// The most.
        cap: u64,
    },
    /// Not TOML, or with fields that are not known or of the wrong type.
    #[error("{path}: {source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: Box<toml::de::Error>,
    },
    /// A rule that makes no sense.
    #[error("{path}, line {line}: {reason}")]
    Rule {
        /// The file.
        path: PathBuf,
        /// Where the rule or value begins.
        line: usize,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A key that can't be used.
    #[error("{path}, line {line}: {source}")]
    Key {
        /// The policy file.
        path: PathBuf,
        /// Where the key is named.
        line: usize,
        /// Why.
        source: KeyError,
    },
}

/// The policy in force.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Arc<Vec<Rule>>,
    built_ins: Vec<(Digest, Grants)>,
    allow_unsigned: bool,
    /// What is granted by gadget, beside what rules grant. Who may run does not depend on it, so neither does the id.
    granted: Vec<Granted>,
    id: Digest,
}

/// One rule: from these repositories, with this proof, and then allowed this.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, for messages and records; unique in the policy.
    pub name: String,
    /// Where it applies.
    pub repositories: Vec<Pattern>,
    /// The proof it asks for.
    pub proof: Proof,
    /// What it allows beyond running.
    pub grants: Grants,
}

/// What a rule asks for.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A signature by this key.
    Key(PublicKey),
    /// A signature by this identity.
    Keyless(Keyless),
    /// Being this very image.
    Digest(Digest),
}

/// A keyless identity: who says who signed, who signed, and what vouches for both.
#[derive(Clone, Debug)]
pub struct Keyless {
    /// The OIDC issuer.
    pub issuer: Matcher,
    /// The certificate's subject: an e-mail address or a URI.
    pub subject: Matcher,
    /// Certificate authorities and logs.
    pub root: TrustRoot,
}

impl Policy {
    /// The default: nothing runs but what [`Policy::with_built_in`] adds.
    pub fn built_ins_only() -> Self {
        Self::new(Vec::new())
    }

    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        let rules = Arc::new(rules);
        let id = fingerprint(&rules, &[]);
        Self { rules, built_ins: Vec::new(), allow_unsigned: false, granted: Vec::new(), id }
    }

    /// Also accepts this image, which the binary carries in itself, whatever it is called.
    #[must_use]
    pub fn with_built_in(mut self, digest: Digest, grants: Grants) -> Self {
        self.built_ins.push((digest, grants));
        self.id = fingerprint(&self.rules, &self.built_ins);
        self
    }

    /// Also accepts what this key signed, from these repositories, and grants it nothing more. For a key named by a
    /// flag; `name` is the flag as given.
    #[must_use]
    pub fn with_key(mut self, name: String, repositories: Pattern, key: PublicKey) -> Self {
        let repositories = vec![repositories];
        let rule = Rule { name, repositories, proof: Proof::Key(key), grants: Grants::default() };
        Arc::make_mut(&mut self.rules).push(rule);
        self.id = fingerprint(&self.rules, &self.built_ins);
        self
    }

    /// Also accepts what no rule accepts, and grants it nothing. For development: it comes from a flag and can't be
    /// written in a file, where it would be forgotten.
    #[must_use]
    pub const fn allowing_unsigned(mut self) -> Self {
        self.allow_unsigned = true;
        self
    }

    /// Also grants this.
    #[must_use]
    pub fn granting(mut self, granted: impl IntoIterator<Item = Granted>) -> Self {
        self.granted.extend(granted);
        self
    }

    /// All that is granted by gadget, rules aside.
    pub fn granted(&self) -> &[Granted] {
        &self.granted
    }

    /// Whether [`Policy::allowing_unsigned`] was called.
    pub const fn allows_unsigned(&self) -> bool {
        self.allow_unsigned
    }

    /// The rules, in the order in which they are tried.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What a built-in with this digest may do, if there is one.
    pub fn built_in(&self, digest: &Digest) -> Option<&Grants> {
        self.built_ins.iter().find(|(known, _)| known == digest).map(|(_, grants)| grants)
    }

    /// The fingerprint of all that decides.
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// The fingerprint under which an acceptance is remembered. It names the repository too, because rules do: an
    /// image accepted from one repository is not thereby accepted from another.
    pub fn id_for(&self, repository: &str) -> Digest {
        Digest::of(format!("{}\n{repository}", self.id).as_bytes())
    }
}

impl Rule {
    /// Whether it applies to `repository`: host and path, without tag or digest.
    pub fn covers(&self, repository: &str) -> bool {
        self.repositories.iter().any(|pattern| pattern.matches(repository))
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "key {}", key.fingerprint()),
            Self::Keyless(Keyless { issuer, subject, .. }) => write!(f, "{subject}, as {issuer} says"),
            Self::Digest(digest) => write!(f, "digest {digest}"),
        }
    }
}

/// SHA-256 over a canonical form: JSON with the content of keys and roots by their own hashes. The order of rules
/// stays, because the first that accepts names the verdict and its grants.
fn fingerprint(rules: &[Rule], built_ins: &[(Digest, Grants)]) -> Digest {
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| {
            let mut repositories: Vec<_> = rule.repositories.iter().map(Pattern::as_str).collect();
            repositories.sort_unstable();
            repositories.dedup();
            let proof = match &rule.proof {
                Proof::Key(key) => serde_json::json!({ "key": key.fingerprint() }),
                Proof::Digest(digest) => serde_json::json!({ "digest": digest }),
                Proof::Keyless(Keyless { issuer, subject, root }) => serde_json::json!({
                    "issuer": issuer, "subject": subject, "root": root.fingerprint(),
                }),
            };
            serde_json::json!({
                "name": rule.name, "repositories": repositories, "proof": proof, "grants": rule.grants,
            })
        })
        .collect();
    let text = serde_json::json!({ "policy": 1, "rules": rules, "built_ins": built_ins }).to_string();
    Digest::of(text.as_bytes())
}

#[cfg(test)]
mod tests;
