//! `index.json`: which names mean which digests, and which signatures came with an image.
//!
//! An entry with a reference name is a tag. An entry with a subject annotation is an artifact kept with an image, a
//! signature for instance, so that a changed policy can be checked again without the network.

use std::fs;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Lease, Store, StoreError, blob};
use crate::digest::Digest;
use crate::media::{self, Annotations, Index, Link};

const STORED: &str = "vnd.gadgetry.stored";
const SUBJECT: &str = "vnd.gadgetry.subject";
const ROLE: &str = "vnd.gadgetry.role";

/// Longest name; a registry allows less.
const MAX_NAME: usize = 512;
/// Longest `index.json` that is read: tens of thousands of entries.
const MAX_INDEX: u64 = 32 << 20;

/// A name, and the image it means.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Tagged {
    /// The reference, in full: `ghcr.io/gadgetry/gadget/trace_open:latest`.
    pub reference: String,
    /// The image's top document, usually an index.
    pub digest: Digest,
    /// Its length.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
    /// When it was stored, in seconds since 1970.
    pub stored: u64,
}

/// An artifact kept with an image.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Attached {
    /// What the artifact is to its subject, in the words of whoever attached it.
    pub role: String,
    /// Its manifest.
    pub link: Link,
}

impl Store {
    /// The image that `reference` names.
    pub fn resolve(&self, reference: &str) -> Result<Option<Tagged>, StoreError> {
        Ok(self.list()?.into_iter().find(|tagged| tagged.reference == reference))
    }

    /// All named images, by name.
    pub fn list(&self) -> Result<Vec<Tagged>, StoreError> {
        let mut list: Vec<_> = self.read_index()?.manifests.into_iter().filter_map(tagged).collect();
        list.sort_by(|a, b| a.reference.cmp(&b.reference));
        Ok(list)
    }

    /// The artifacts kept with the image `subject`, in the order of their attaching.
    pub fn attached(&self, subject: &Digest) -> Result<Vec<Attached>, StoreError> {
        let subject = subject.to_string();
        let entries = self.read_index()?.manifests.into_iter();
        Ok(entries
            .filter(|link| link.annotations.get(SUBJECT) == Some(&subject))
            .map(|mut link| {
                let role = link.annotations.remove(ROLE).unwrap_or_default();
                link.annotations.remove(SUBJECT);
                link.annotations.remove(STORED);
                Attached { role, link }
            })
            .collect())
    }

    /// Takes the name away; the content stays until [`Store::collect`]. Whether there was such a name.
    pub fn remove(&self, reference: &str) -> Result<bool, StoreError> {
        self.change_index(|index| {
            let before = index.manifests.len();
            index
                .manifests
                .retain(|link| link.annotations.get(media::REF_NAME).is_none_or(|name| name != reference));
            Ok(index.manifests.len() != before)
        })
    }

    pub(super) fn read_index(&self) -> Result<Index, StoreError> {
        let path = self.root.join("index.json");
        match fs::metadata(&path) {
            Ok(meta) if meta.len() > MAX_INDEX => {
                return Err(StoreError::Damaged { path, reason: format!("it has {} bytes", meta.len()) });
            }
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(empty()),
            Err(e) => return Err(StoreError::Io { path, source: e }),
        }
        let text = fs::read(&path).map_err(StoreError::io(&path))?;
        serde_json::from_slice(&text).map_err(|e| StoreError::Damaged { path, reason: e.to_string() })
    }

    /// Reads, changes and replaces `index.json`, alone.
    pub(super) fn change_index<T>(
        &self,
        change: impl FnOnce(&mut Index) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _alone = self.lock_index()?;
        let mut index = self.read_index()?;
        let before = index.clone();
        let answer = change(&mut index)?;
        if index != before {
            let path = self.root.join("index.json");
            let text = serde_json::to_vec(&index)
                .map_err(|e| StoreError::Damaged { path: path.clone(), reason: e.to_string() })?;
            blob::replace(&self.root, &path, &text)?;
        }
        Ok(answer)
    }
}

impl Lease {
    /// Names the image `target`, which must be stored; a name that meant another image now means this one.
    pub fn tag(&self, reference: &str, target: &Link) -> Result<(), StoreError> {
        check_name(reference)?;
        let mut link = self.entry(target)?;
        link.annotations.insert(media::REF_NAME.into(), reference.into());
        self.store.change_index(|index| {
            index
                .manifests
                .retain(|old| old.annotations.get(media::REF_NAME).is_none_or(|name| name != reference));
            index.manifests.push(link);
            Ok(())
        })
    }

    /// Keeps `artifact`, which must be stored, with the image `subject`.
    pub fn attach(&self, subject: &Digest, role: &str, artifact: &Link) -> Result<(), StoreError> {
        let mut link = self.entry(artifact)?;
        link.annotations.insert(SUBJECT.into(), subject.to_string());
        link.annotations.insert(ROLE.into(), role.into());
        self.store.change_index(|index| {
            index.manifests.retain(|old| {
                old.digest != link.digest || old.annotations.get(SUBJECT) != link.annotations.get(SUBJECT)
            });
            index.manifests.push(link);
            Ok(())
        })
    }

    /// Forgets the artifacts kept with `subject`, before a fresh set is attached.
    pub fn detach_all(&self, subject: &Digest) -> Result<(), StoreError> {
        let subject = subject.to_string();
        self.store.change_index(|index| {
            index.manifests.retain(|link| link.annotations.get(SUBJECT) != Some(&subject));
            Ok(())
        })
    }

    fn entry(&self, target: &Link) -> Result<Link, StoreError> {
        match self.store.size(&target.digest)? {
            None => Err(StoreError::Missing { digest: target.digest }),
            Some(found) if found != target.size => {
                Err(StoreError::WrongSize { digest: target.digest, expected: target.size, found })
            }
            Some(_) => {
                let mut link = target.clone();
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                link.annotations = Annotations::from([(STORED.into(), now.to_string())]);
                Ok(link)
            }
        }
    }
}

/// What an attached artifact belongs to.
pub(super) fn subject(link: &Link) -> Option<Digest> {
    link.annotations.get(SUBJECT)?.parse().ok()
}

fn tagged(link: Link) -> Option<Tagged> {
    Some(Tagged {
        reference: link.annotations.get(media::REF_NAME)?.clone(),
        digest: link.digest,
        size: link.size,
        stored: link.annotations.get(STORED).and_then(|text| text.parse().ok()).unwrap_or(0),
        media_type: link.media_type,
    })
}

fn empty() -> Index {
    Index {
        schema_version: 2,
        media_type: Some(media::INDEX.into()),
        artifact_type: None,
        manifests: Vec::new(),
        annotations: Annotations::new(),
    }
}

fn check_name(name: &str) -> Result<(), StoreError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME {
        "it is longer than 512 bytes"
    } else if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        "it has blanks or control characters"
    } else {
        return Ok(());
    };
    Err(StoreError::BadName { name: name.chars().take(80).collect(), reason })
}
