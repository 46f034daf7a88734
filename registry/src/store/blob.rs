//! Writing: content goes to a file of its own in `ingest/`, is hashed on the way, and is renamed into place only
//! when size and digest are what was announced.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::{Lease, Store, StoreError};
use crate::digest::{Digest, Hasher};

/// Content on its way into the store; dropped without [`BlobWriter::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    store: Store,
    file: NamedTempFile,
    hasher: Hasher,
    digest: Digest,
    size: u64,
}

impl Lease {
    /// Starts a blob of which digest and size are known. Any number may be written at once, also the same one.
    pub fn begin_blob(&self, digest: &Digest, size: u64) -> Result<BlobWriter, StoreError> {
        let ingest = self.store.root.join("ingest");
        let file = NamedTempFile::new_in(&ingest).map_err(StoreError::io(ingest))?;
        Ok(BlobWriter { store: self.store.clone(), file, hasher: Hasher::default(), digest: *digest, size })
    }

    /// Stores `bytes`, unless they are there already.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        let size = bytes.len() as u64;
        // A file of the right length may still be damaged; one read tells, and writing it anew repairs it.
        if self.store.size(&digest)? == Some(size) && self.store.read(&digest, size).is_ok() {
            return Ok(digest);
        }
        let mut writer = self.begin_blob(&digest, size)?;
        let path = writer.file.path().to_owned();
        writer.write_all(bytes).map_err(StoreError::io(path))?;
        writer.commit()?;
        Ok(digest)
    }
}

impl BlobWriter {
    /// Bytes written so far.
    pub const fn written(&self) -> u64 {
        self.hasher.len()
    }

    /// Checks size and digest, makes the file durable and puts it in its place.
    pub fn commit(self) -> Result<(), StoreError> {
        let Self { store, file, hasher, digest, size } = self;
        if hasher.len() != size {
            return Err(StoreError::WrongSize { digest, expected: size, found: hasher.len() });
        }
        if hasher.digest() != digest {
            return Err(StoreError::WrongDigest { expected: digest, found: hasher.digest() });
        }
        place(file, &store.blob_path(&digest))
    }
}

impl Write for BlobWriter {
    /// Refuses the first byte past the stated size, so that a server can't fill the disk.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let total = self.hasher.len() + bytes.len() as u64;
        if total > self.size {
            return Err(io::Error::other(StoreError::WrongSize {
                digest: self.digest,
                expected: self.size,
                found: total,
            }));
        }
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Replaces `path` by `bytes`: a reader sees the old content or the new, also after a crash.
pub(super) fn replace(store_root: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let ingest = store_root.join("ingest");
    let mut file = NamedTempFile::new_in(&ingest).map_err(StoreError::io(&ingest))?;
    file.write_all(bytes).map_err(StoreError::io(file.path()))?;
    place(file, path)
}

/// Makes a written file durable under its final name.
fn place(file: NamedTempFile, path: &Path) -> Result<(), StoreError> {
    file.as_file().sync_all().map_err(StoreError::io(file.path()))?;
    file.persist(path).map_err(|e| StoreError::Io { path: path.to_owned(), source: e.error })?;
    let Some(folder) = path.parent() else { return Ok(()) };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::io(folder))
}
