//! Removing what no name leads to.
//!
//! Reachable is: what a tag names, what that document points to, the artifacts attached to any of it, and what
//! those point to. The rest goes, and with it the records of its verification.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use serde::Deserialize;

use super::{Store, StoreError};
use crate::digest::Digest;
use crate::media::{self, Link, cap};

/// How long the collector waits for others to finish adding content.
const PATIENCE: Duration = Duration::from_secs(2);
/// Index, manifest, content: nothing of ours is nested deeper, and a loop must end.
const MAX_DEPTH: usize = 4;

/// What the collector did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs removed.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Someone was adding content, so nothing was removed; the next collection will.
    pub busy: bool,
}

/// All that a document may point to, whatever it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Links {
    manifests: Vec<Link>,
    config: Option<Link>,
    layers: Vec<Link>,
}

impl Store {
    /// Removes all content that no name leads to.
    pub fn collect(&self) -> Result<Collected, StoreError> {
        let Some(_alone) = self.exclude_leases(PATIENCE)? else {
            return Ok(Collected { busy: true, ..Collected::default() });
        };
        let live = self.live()?;
        let mut done = Collected::default();
        let blobs = self.root.join("blobs/sha256");
        for entry in fs::read_dir(&blobs).map_err(StoreError::io(&blobs))? {
            let entry = entry.map_err(StoreError::io(&blobs))?;
            let digest = entry.file_name().to_str().and_then(|hex| format!("sha256:{hex}").parse().ok());
            if digest.is_some_and(|digest: Digest| !live.contains(&digest)) {
                let path = entry.path();
                done.bytes += entry.metadata().map_or(0, |meta| meta.len());
                done.blobs += 1;
                fs::remove_file(&path).map_err(StoreError::io(path))?;
            }
        }
        self.forget_verifications(&live)?;
        self.sweep_ingest()?;
        Ok(done)
    }

    /// Drops attachments of images that are gone, and returns every digest that is still reachable.
    fn live(&self) -> Result<HashSet<Digest>, StoreError> {
        let (tags, mut attached): (Vec<_>, Vec<_>) = self
            .read_index()?
            .manifests
            .into_iter()
            .partition(|link| link.annotations.contains_key(media::REF_NAME));
        let mut live = HashSet::new();
        for link in tags {
            self.follow(&link, &mut live, 0);
        }
        // An attachment may itself have attachments; go round until nothing new is reached.
        loop {
            let (reached, rest): (Vec<_>, Vec<_>) = attached
                .into_iter()
                .partition(|link| super::tags::subject(link).is_some_and(|subject| live.contains(&subject)));
            attached = rest;
            if reached.is_empty() {
                break;
            }
            for link in reached {
                self.follow(&link, &mut live, 0);
            }
        }
        if !attached.is_empty() {
            self.change_index(|index| {
                index.manifests.retain(|link| !attached.contains(link));
                Ok(())
            })?;
        }
        Ok(live)
    }

    /// Marks `link` and what it points to. A document that can't be read leads nowhere, which is why the collector
    /// never fails on one.
    fn follow(&self, link: &Link, live: &mut HashSet<Digest>, depth: usize) {
        if !live.insert(link.digest) || depth >= MAX_DEPTH {
            return;
        }
        if link.media_type != media::INDEX && link.media_type != media::MANIFEST {
            return;
        }
        let Ok(bytes) = self.read(&link.digest, cap::MANIFEST) else { return };
        let Ok(links) = serde_json::from_slice::<Links>(&bytes) else { return };
        for link in links.manifests.iter().chain(&links.config).chain(&links.layers) {
            self.follow(link, live, depth + 1);
        }
    }

    /// With no lease held, whatever lies in `ingest/` was left by a process that died; except what is being renamed
    /// onto `index.json` right now, which the index lock keeps away.
    fn sweep_ingest(&self) -> Result<(), StoreError> {
        let _alone = self.lock_index()?;
        let ingest = self.root.join("ingest");
        for entry in fs::read_dir(&ingest).map_err(StoreError::io(&ingest))? {
            let path = entry.map_err(StoreError::io(&ingest))?.path();
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::Io { path, source: e });
                }
                _ => {}
            }
        }
        Ok(())
    }
}
