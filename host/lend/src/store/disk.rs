//! The file in which stores outlive the process.
//!
//! A thread of its own writes it: a gadget that sets a value does not wait for the disk, and what was set while the
//! thread wrote goes into the next transaction together. A crash of the machine may so lose the last moment; the file
//! stays whole. When the process ends in order, all is written.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::Entry;
use crate::LendError;

/// By owner and key: until when, place in the order, value.
const ENTRIES: TableDefinition<'_, (&str, &str), (u64, u64, &[u8])> = TableDefinition::new("entries");
/// Changes that wait to be written; more hold up whoever makes them.
const WAITING: usize = 1024;
/// Changes of one transaction.
const TOGETHER: usize = 256;

/// What became of a key.
pub(super) struct Change {
    pub(super) owner: Arc<str>,
    pub(super) key: String,
    pub(super) entry: Option<Entry>,
}

/// Writes changes, until it is dropped.
pub(super) struct Disk {
    changes: Option<SyncSender<Change>>,
    thread: Option<JoinHandle<()>>,
}

impl Disk {
    /// Opens the file in `state`, and tells `each` entry in it; one for which it returns false is dropped.
    pub(super) fn open(
        state: &Path,
        each: impl FnMut(String, String, Entry) -> bool,
    ) -> Result<Self, LendError> {
        let path = state.join("store.redb");
        let failed = |reason: String| LendError::State { path: path.clone(), reason };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(state)
            .map_err(|error| failed(error.to_string()))?;
        let database = Database::create(&path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => {
                failed("another gadgetry uses it; give each its own --state-dir".into())
            }
            error => failed(format!("{error}; if the file is of no use any more, remove it")),
        })?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .map_err(|error| failed(error.to_string()))?;
        load(&database, each).map_err(|error| failed(format!("{error}; remove the file to start anew")))?;
        let (changes, waiting) = sync_channel(WAITING);
        let thread = thread::Builder::new()
            .name("lend-store".into())
            .spawn(move || run(&database, &path, &waiting))
            .map_err(|error| LendError::State { path: state.to_owned(), reason: error.to_string() })?;
        Ok(Self { changes: Some(changes), thread: Some(thread) })
    }

    /// Has it written soon.
    pub(super) fn write(&self, change: Change) {
        if let Some(changes) = &self.changes
            && changes.send(change).is_err()
        {
            tracing::error!("the store's thread has ended; what gadgets keep is in memory alone");
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            // It panics only by a bug, which is in the log then.
            let _ = thread.join();
        }
    }
}

fn load(database: &Database, mut each: impl FnMut(String, String, Entry) -> bool) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    // Made, if it is not there.
    write.open_table(ENTRIES)?;
    write.commit()?;
    let mut old = Vec::new();
    let read = database.begin_read()?;
    for entry in read.open_table(ENTRIES)?.iter()? {
        let (key, found) = entry?;
        let ((owner, key), (until, order, value)) = (key.value(), found.value());
        let entry = Entry { value: value.to_vec(), until, order };
        if !each(owner.to_owned(), key.to_owned(), entry) {
            old.push((owner.to_owned(), key.to_owned()));
        }
    }
    drop(read);
    let write = database.begin_write()?;
    {
        let mut table = write.open_table(ENTRIES)?;
        for (owner, key) in &old {
            table.remove((owner.as_str(), key.as_str()))?;
        }
    }
    write.commit()?;
    Ok(())
}

fn run(database: &Database, path: &Path, waiting: &Receiver<Change>) {
    while let Ok(first) = waiting.recv() {
        let changes: Vec<_> = std::iter::once(first).chain(waiting.try_iter().take(TOGETHER)).collect();
        if let Err(error) = write(database, &changes) {
            let (path, lost) = (path.display(), changes.len());
            tracing::error!(%path, %error, lost, "values of gadgets are not on disk, and will be gone after a restart");
        }
    }
}

fn write(database: &Database, changes: &[Change]) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    {
        let mut table = write.open_table(ENTRIES)?;
        for Change { owner, key, entry } in changes {
            let key = (owner.as_ref(), key.as_str());
            match entry {
                Some(Entry { value, until, order }) => {
                    table.insert(key, (*until, *order, value.as_slice()))?;
                }
                None => {
                    table.remove(key)?;
                }
            }
        }
    }
    write.commit()?;
    Ok(())
}
