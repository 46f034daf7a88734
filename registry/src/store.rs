//! The local store: images by digest, the tags that name them, the signatures that came with them, and what was
//! verified under which policy.
//!
//! Inside is an OCI image layout (`oci-layout`, `index.json`, `blobs/sha256`), so that skopeo and oras can read it.
//! Several processes may use one store at the same time:
//! - a blob is written to a file of its own, hashed on the way, and renamed into place: it is there whole or not;
//! - `index.json` is replaced by rename, under an exclusive lock;
//! - whoever adds blobs holds a [`Lease`] until they are tagged; the collector runs only when nobody holds one, so
//!   a blob can't vanish between its writing and its tag.
//!
//! Every read hashes again: what an attacker or a failing disk changed is an error that names the blob.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Hasher};

mod blob;
mod gc;
mod lock;
mod tags;
mod verified;

pub use blob::BlobWriter;
pub use gc::Collected;
pub use lock::Lease;
pub use tags::{Attached, Tagged};
pub use verified::Verification;

/// Where root's store is.
pub const SYSTEM_ROOT: &str = "/var/lib/gadgetry";

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A user without a home has no store.
    #[error("no place for the store: neither XDG_DATA_HOME nor HOME is set; name one with --store")]
    NoRoot,
    /// Someone else could change what is run.
    #[error(
        "{path} {reason}; the store must belong to the user who runs gadgets (uid {uid}), and only they may write to it"
    )]
    Unsafe {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
        /// Who asks.
        uid: u32,
    },
    /// A layout of a version that this program does not know.
    #[error(
        "{path} is no image layout of version 1.0.0 (found `{found}`); choose another folder for the store"
    )]
    Layout {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: String,
    },
    /// The blob is not there.
    #[error("the store has no blob {digest}; pull or build the image again")]
    Missing {
        /// Its address.
        digest: Digest,
    },
    /// The blob's bytes are not those that its name promises.
    #[error(
        "blob {digest} was changed on disk: {path} now hashes to {found}; remove the image and pull it again"
    )]
    Corrupt {
        /// Its address.
        digest: Digest,
        /// What its bytes hash to.
        found: Digest,
        /// The file.
        path: PathBuf,
    },
    /// The bytes written are not those announced.
    #[error("content does not match its digest: expected {expected}, got {found}")]
    WrongDigest {
        /// The address announced.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// More or fewer bytes than announced.
    #[error("content of {digest} does not have its stated size: expected {expected} bytes, got {found}")]
    WrongSize {
        /// The address announced.
        digest: Digest,
        /// The size announced.
        expected: u64,
        /// How many came (at least).
        found: u64,
    },
    /// Larger than this kind of content may be.
    #[error("{digest} has {size} bytes, more than the {cap} allowed for it")]
    TooLarge {
        /// Its address.
        digest: Digest,
        /// Its size.
        size: u64,
        /// The cap.
        cap: u64,
    },
    /// The list of images, or a record, can't be read.
    #[error("{path} is damaged: {reason}; remove it and pull the images again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Nothing can be tagged that is not there.
    #[error("`{name}` can't be stored as a name: {reason}")]
    BadName {
        /// The name.
        name: String,
        /// Why.
        reason: &'static str,
    },
}

impl StoreError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }
}

/// A store; cheap to clone, safe to share between threads and processes.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Where the store is unless told otherwise: [`SYSTEM_ROOT`] for root, the user's data folder for others.
    pub fn default_root() -> Result<PathBuf, StoreError> {
        if rustix::process::geteuid().is_root() {
            return Ok(SYSTEM_ROOT.into());
        }
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        absolute("XDG_DATA_HOME")
            .or_else(|| Some(absolute("HOME")?.join(".local/share")))
            .map(|data| data.join("gadgetry"))
            .ok_or(StoreError::NoRoot)
    }

    /// Opens the store at `root`, making it if it is not there.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        for folder in [root.clone(), root.join("blobs/sha256"), root.join("ingest"), root.join("verified")] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(StoreError::io(&folder))?;
            only_ours(&folder)?;
        }
        let store = Self { root };
        store.check_layout()?;
        Ok(store)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the blob is there. Its bytes are checked when they are read.
    pub fn has(&self, digest: &Digest) -> bool {
        self.blob_path(digest).is_file()
    }

    /// The blob's length, if it is there.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let path = self.blob_path(digest);
        match fs::metadata(&path) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::Io { path, source: e }),
        }
    }

    /// The blob's bytes, hashed again; refuses one longer than `cap` before reading it.
    pub fn read(&self, digest: &Digest, cap: u64) -> Result<Vec<u8>, StoreError> {
        let path = self.blob_path(digest);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Missing { digest: *digest });
            }
            Err(e) => return Err(StoreError::Io { path, source: e }),
        };
        let size = file.metadata().map_err(StoreError::io(&path))?.len();
        if size > cap {
            return Err(StoreError::TooLarge { digest: *digest, size, cap });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        // The file may grow while it is read; one byte past the cap shows it.
        file.take(cap.saturating_add(1)).read_to_end(&mut bytes).map_err(StoreError::io(&path))?;
        let mut hasher = Hasher::default();
        hasher.update(&bytes);
        if hasher.digest() != *digest {
            return Err(StoreError::Corrupt { digest: *digest, found: hasher.digest(), path });
        }
        Ok(bytes)
    }

    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// Writes `oci-layout` if it is missing, refuses a version we do not know.
    fn check_layout(&self) -> Result<(), StoreError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Layout {
            image_layout_version: String,
        }
        let path = self.root.join("oci-layout");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let _alone = self.lock_index()?;
                return blob::replace(&self.root, &path, br#"{"imageLayoutVersion":"1.0.0"}"#);
            }
            Err(e) => return Err(StoreError::Io { path, source: e }),
        };
        let found = serde_json::from_slice(&text)
            .map_or_else(|_| "not JSON".to_owned(), |layout: Layout| layout.image_layout_version);
        if found == "1.0.0" { Ok(()) } else { Err(StoreError::Layout { path, found }) }
    }
}

/// Refuses a folder that another user owns or may write to: what lies in it is run as this user.
fn only_ours(folder: &Path) -> Result<(), StoreError> {
    let meta = fs::metadata(folder).map_err(StoreError::io(folder))?;
    let uid = rustix::process::geteuid().as_raw();
    let reason = if meta.uid() != uid {
        "belongs to another user"
    } else if meta.mode() & 0o022 != 0 {
        "may be written to by others"
    } else {
        return Ok(());
    };
    Err(StoreError::Unsafe { path: folder.to_owned(), reason, uid })
}

#[cfg(test)]
mod tests;
