//! Deciding whether an image may run: a pure function of its digest, where it came from, the signatures that were
//! found and the policy. No clock that matters, no file, no network.
//!
//! What is verified is the digest of the image's top document, the index; everything below hangs from it by digest.
//! Of each signature three things are checked, in this order: that it was made by the one the rule names, that it
//! was made to sign an image (and not, say, to attest that a scan found holes in it), and that the image is this one.

use std::fmt;

use serde::Serialize;

use crate::digest::Digest;
use crate::policy::{BUILT_IN, Grants, Policy, Proof};
use crate::signature::{Content, Signature};

mod by_identity;
mod by_key;
pub(crate) mod claim;
mod stored;

pub(crate) use stored::remember;
pub use stored::{TrustError, verify_stored};

/// That an image was accepted, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The digest that was verified.
    pub digest: Digest,
    /// The rule that accepted it; [`BUILT_IN`] for what the binary carries, empty for an unsigned image.
    pub rule: String,
    /// Who signed, in words: a key's fingerprint, an identity and its issuer.
    pub signer: String,
    /// What kind of proof it was.
    pub kind: Kind,
    /// What the rule allows beyond running.
    pub grants: Grants,
}

/// The kinds of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Carried by this binary.
    BuiltIn,
    /// Pinned by a rule.
    Digest,
    /// Signed with a key.
    Key,
    /// Signed by a keyless identity.
    Keyless,
    /// None: accepted because of the flag for development.
    Unsigned,
}

/// Why an image was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// Where it came from.
    pub repository: String,
    /// What was to be verified.
    pub digest: Digest,
    /// Why.
    pub why: Why,
}

/// The ways to be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No rule speaks of this repository.
    NoRule,
    /// Rules do, and they want a signature, but there is none. By rule: its name and what it wants.
    Unsigned(Vec<(String, String)>),
    /// Only rules that pin a digest speak of it, and they pin others.
    OtherDigest(Vec<(String, String)>),
    /// Signatures were found, and each was refused by each rule.
    Refused(Vec<Refusal>),
}

/// Why one signature did not satisfy one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The signature, as [`Signature::title`] names it.
    pub signature: String,
    /// The rule.
    pub rule: String,
    /// Why.
    pub reason: Reason,
}

/// Why a signature does not satisfy a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Malformed(String),
    /// The rule names a key, and another one signed (or the signature was changed).
    #[error("it was not made with the rule's key {wanted}")]
    OtherKey {
        /// Fingerprint of the rule's key.
        wanted: Digest,
    },
    /// The rule names a key, and an identity signed.
    #[error("it was made by a keyless identity, and the rule names a key")]
    Keyless,
    /// The rule names an identity, and a key signed.
    #[error("it was made with a key, and the rule names a keyless identity")]
    Keyed,
    /// The rule's trust root does not vouch for it.
    #[error("the rule's trust root does not vouch for it: {0}")]
    Untrusted(String),
    /// Someone else signed.
    #[error("it was made by `{subject}`, as `{issuer}` says; the rule names {wanted}")]
    OtherIdentity {
        /// The certificate's subject.
        subject: String,
        /// The certificate's issuer claim.
        issuer: String,
        /// What the rule wants.
        wanted: String,
    },
    /// It says something else about the image than that it was signed.
    #[error("it is no image signature but `{0}`")]
    OtherPurpose(String),
    /// It is about another image.
    #[error("it is for another image, {0}")]
    OtherImage(String),
}

/// Checks an image against the policy. `repository` is host and path, without tag or digest.
pub fn verify(
    digest: &Digest,
    repository: &str,
    signatures: &[Signature],
    policy: &Policy,
) -> Result<Verdict, VerifyError> {
    if let Some(grants) = policy.built_in(digest) {
        return Ok(Verdict {
            digest: *digest,
            rule: BUILT_IN.into(),
            signer: "this program, which carries it".into(),
            kind: Kind::BuiltIn,
            grants: grants.clone(),
        });
    }
    let mut wanted = Vec::new();
    let mut pins = Vec::new();
    let mut refused = Vec::new();
    for rule in policy.rules().iter().filter(|rule| rule.covers(repository)) {
        let accepted = |kind, signer| Verdict {
            digest: *digest,
            rule: rule.name.clone(),
            signer,
            kind,
            grants: rule.grants.clone(),
        };
        if let Proof::Digest(pinned) = &rule.proof {
            if pinned == digest {
                return Ok(accepted(Kind::Digest, format!("pinned by rule `{}`", rule.name)));
            }
            pins.push((rule.name.clone(), pinned.to_string()));
            continue;
        }
        wanted.push((rule.name.clone(), rule.proof.to_string()));
        for signature in signatures {
            match satisfies(digest, signature, &rule.proof) {
                Ok((kind, signer)) => return Ok(accepted(kind, signer)),
                Err(reason) => {
                    refused.push(Refusal { signature: signature.title(), rule: rule.name.clone(), reason })
                }
            }
        }
    }
    if policy.allows_unsigned() {
        return Ok(Verdict {
            digest: *digest,
            rule: String::new(),
            signer: "nobody; unsigned images are allowed".into(),
            kind: Kind::Unsigned,
            grants: Grants::default(),
        });
    }
    let why = match (wanted.is_empty(), pins.is_empty(), refused.is_empty()) {
        (true, true, _) => Why::NoRule,
        (true, false, _) => Why::OtherDigest(pins),
        (false, _, true) => Why::Unsigned(wanted),
        (false, _, false) => Why::Refused(refused),
    };
    Err(VerifyError { repository: repository.to_owned(), digest: *digest, why })
}

/// Whether one signature is the proof wanted; returns who signed.
fn satisfies(digest: &Digest, signature: &Signature, proof: &Proof) -> Result<(Kind, String), Reason> {
    match (&signature.content, proof) {
        (Content::Malformed { reason }, _) => Err(Reason::Malformed(reason.clone())),
        (content, Proof::Key(key)) => {
            by_key::check(digest, content, key).map(|()| (Kind::Key, format!("key {}", key.fingerprint())))
        }
        (content, Proof::Keyless(wanted)) => {
            by_identity::check(digest, content, wanted).map(|signer| (Kind::Keyless, signer))
        }
        (_, Proof::Digest(pinned)) => Err(Reason::OtherImage(pinned.to_string())),
    }
}

impl std::error::Error for VerifyError {}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, digest, why } = self;
        write!(f, "the policy does not accept {repository}@{digest}: ")?;
        let list = |f: &mut fmt::Formatter<'_>, rules: &[(String, String)]| {
            rules.iter().try_for_each(|(rule, proof)| write!(f, "\n  rule `{rule}` wants {proof}"))
        };
        match why {
            Why::NoRule => write!(
                f,
                "no rule covers the repository {repository}; add one to the policy file, with the key, the keyless identity or the digest to trust"
            ),
            Why::Unsigned(rules) => {
                write!(f, "it has no signature")?;
                list(f, rules)?;
                write!(
                    f,
                    "\nhave it signed (`gadgetry gadget sign`, or cosign), or pin this digest by a rule"
                )
            }
            Why::OtherDigest(rules) => {
                write!(f, "its digest is not the one pinned")?;
                list(f, rules)?;
                write!(f, "\npin this digest if you trust it")
            }
            Why::Refused(refusals) => {
                write!(f, "no signature found is one that a rule wants")?;
                for Refusal { signature, rule, reason } in refusals {
                    write!(f, "\n  signature ({signature}), rule `{rule}`: {reason}")?;
                }
                write!(
                    f,
                    "\nhave it signed by whom a rule names, or add a rule for who signed it if you trust them"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
