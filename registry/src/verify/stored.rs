//! Verifying what lies in the store, and remembering it.
//!
//! An acceptance is recorded under the policy's id and the repository. Under the same policy the record is the
//! answer; under another, the signatures kept with the image are checked again, without the network. If they are not
//! there, that is said: the image has to be pulled again.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Kind, Verdict, VerifyError, Why, verify};
use crate::digest::Digest;
use crate::policy::{Policy, Proof, Rule};
use crate::signature;
use crate::store::{Store, StoreError, Verification};

/// Why an image in the store is not to be run.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The policy refuses it.
    #[error(transparent)]
    Refused(Box<VerifyError>),
    /// The policy refuses it, maybe only because no signature was kept with it.
    #[error("{refused}\nno signature is kept with it in the store; if it was signed since, pull it again")]
    NothingKept {
        /// The refusal.
        refused: Box<VerifyError>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks an image in the store against the policy, by its record or by the signatures kept with it.
pub fn verify_stored(
    store: &Store,
    digest: &Digest,
    repository: &str,
    policy: &Policy,
) -> Result<Verdict, TrustError> {
    let id = policy.id_for(repository);
    if let Some(verdict) = remembered(store, digest, repository, policy, &id) {
        return Ok(verdict);
    }
    let signatures = signature::stored(store, digest)?;
    let verdict = verify(digest, repository, &signatures, policy).map_err(|refused| {
        let refused = Box::new(refused);
        if matches!(refused.why, Why::Unsigned(_)) {
            TrustError::NothingKept { refused }
        } else {
            TrustError::Refused(refused)
        }
    })?;
    remember(store, &verdict, &id)?;
    Ok(verdict)
}

/// Records an acceptance. What the binary carries or a flag lets through is decided anew each time.
pub(crate) fn remember(store: &Store, verdict: &Verdict, id: &Digest) -> Result<(), StoreError> {
    if matches!(verdict.kind, Kind::BuiltIn | Kind::Unsigned) {
        return Ok(());
    }
    store.record_verification(&Verification {
        digest: verdict.digest,
        policy: *id,
        rule: verdict.rule.clone(),
        signer: verdict.signer.clone(),
        at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    })
}

/// The verdict that a record stands for. A record that can't be read, or names a rule that is not there, is none:
/// checking again answers.
fn remembered(
    store: &Store,
    digest: &Digest,
    repository: &str,
    policy: &Policy,
    id: &Digest,
) -> Option<Verdict> {
    let record = store.verification(digest, id).ok()??;
    let rule = policy.rules().iter().find(|rule| rule.name == record.rule && rule.covers(repository))?;
    let Rule { proof, grants, .. } = rule;
    let kind = match proof {
        Proof::Key(_) => Kind::Key,
        Proof::Keyless(_) => Kind::Keyless,
        Proof::Digest(_) => Kind::Digest,
    };
    Some(Verdict { digest: *digest, rule: record.rule, signer: record.signer, kind, grants: grants.clone() })
}
