//! The two locks. `lease.lock` is held shared by whoever adds blobs and exclusively by the collector; `index.lock`
//! is held for as long as it takes to rewrite `index.json`. Both are advisory locks of the kernel on files that are
//! never removed, so a process that dies lets go of them.

use std::fs::{File, OpenOptions, TryLockError};
use std::time::{Duration, Instant};

use super::{Store, StoreError};

/// The right to add content. The collector waits until every lease is gone, so hold it from the first blob to the
/// tag, and no longer.
#[derive(Debug)]
pub struct Lease {
    pub(super) store: Store,
    _lock: File,
}

impl Lease {
    /// The store it is for.
    pub const fn store(&self) -> &Store {
        &self.store
    }
}

impl Store {
    /// Takes a lease; waits while the collector is at work, which is short.
    pub fn lease(&self) -> Result<Lease, StoreError> {
        let (file, path) = self.lock_file("lease.lock")?;
        file.lock_shared().map_err(StoreError::io(path))?;
        Ok(Lease { store: self.clone(), _lock: file })
    }

    /// Holds off every lease, unless some are still held after `patience`.
    pub(super) fn exclude_leases(&self, patience: Duration) -> Result<Option<File>, StoreError> {
        let (file, path) = self.lock_file("lease.lock")?;
        let give_up = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < give_up => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(e)) => return Err(StoreError::Io { path, source: e }),
            }
        }
    }

    /// Holds off other writers of `index.json` until the file is dropped.
    pub(super) fn lock_index(&self) -> Result<File, StoreError> {
        let (file, path) = self.lock_file("index.lock")?;
        file.lock().map_err(StoreError::io(path))?;
        Ok(file)
    }

    fn lock_file(&self, name: &str) -> Result<(File, std::path::PathBuf), StoreError> {
        let path = self.root.join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io(&path))?;
        Ok((file, path))
    }
}
