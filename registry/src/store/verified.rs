//! What was verified: one small record for each digest and policy. A record is found only under the very policy it
//! was made with, so a changed policy verifies anew.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError, blob};
use crate::digest::Digest;

/// Longest record that is read.
const MAX_RECORD: u64 = 64 << 10;

/// That an image was accepted, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The digest that was verified: the index.
    pub digest: Digest,
    /// Fingerprint of the policy.
    pub policy: Digest,
    /// Name of the rule that accepted it.
    pub rule: String,
    /// Who signed, in the words of the rule: a key's fingerprint, an identity, `pinned`.
    pub signer: String,
    /// When, in seconds since 1970.
    pub at: u64,
}

impl Store {
    /// The record for this image under this policy.
    pub fn verification(&self, digest: &Digest, policy: &Digest) -> Result<Option<Verification>, StoreError> {
        let path = self.record_path(digest, policy);
        match fs::metadata(&path) {
            Ok(meta) if meta.len() > MAX_RECORD => {
                return Err(StoreError::Damaged { path, reason: format!("it has {} bytes", meta.len()) });
            }
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(StoreError::Io { path, source: e }),
        }
        let text = fs::read(&path).map_err(StoreError::io(&path))?;
        let record: Verification = serde_json::from_slice(&text)
            .map_err(|e| StoreError::Damaged { path: path.clone(), reason: e.to_string() })?;
        if record.digest != *digest || record.policy != *policy {
            return Err(StoreError::Damaged { path, reason: "it speaks of another image or policy".into() });
        }
        Ok(Some(record))
    }

    /// Remembers that an image was accepted.
    pub fn record_verification(&self, record: &Verification) -> Result<(), StoreError> {
        let path = self.record_path(&record.digest, &record.policy);
        let text = serde_json::to_vec(record)
            .map_err(|e| StoreError::Damaged { path: path.clone(), reason: e.to_string() })?;
        // Under the index lock, because the collector sweeps `ingest/` under it.
        let _alone = self.lock_index()?;
        blob::replace(&self.root, &path, &text)
    }

    /// Drops the records of images that are gone.
    pub(super) fn forget_verifications(&self, live: &HashSet<Digest>) -> Result<(), StoreError> {
        let folder = self.root.join("verified");
        for entry in fs::read_dir(&folder).map_err(StoreError::io(&folder))? {
            let entry = entry.map_err(StoreError::io(&folder))?;
            let name = entry.file_name();
            let digest =
                name.to_str().and_then(|name| name.split_once('.')).map(|(hex, _)| format!("sha256:{hex}"));
            if digest.and_then(|text| text.parse().ok()).is_none_or(|digest: Digest| !live.contains(&digest))
            {
                fs::remove_file(entry.path()).map_err(StoreError::io(entry.path()))?;
            }
        }
        Ok(())
    }

    fn record_path(&self, digest: &Digest, policy: &Digest) -> PathBuf {
        self.root.join("verified").join(format!("{}.{}.json", digest.hex(), policy.hex()))
    }
}
