//! Values that gadgets keep between runs: a shelf each, within a quota, in memory.
//!
//! Memory is what answers; with a folder for state, changes are also written to a file there, from which shelves are
//! filled when the process starts. What does not fit is refused and said so: nothing is dropped unless the gadget asked
//! for that when it set a value, and then it is told how much.

mod disk;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use gadget_registry::descriptor::StorePermission;
use gadgetry_guest::lent::store::{Error, Store};

use self::disk::{Change, Disk};
use crate::LendError;

/// Bytes of a key, and of a value.
const KEY: usize = 512;
const VALUE: usize = 1 << 20;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    value: Vec<u8>,
    /// When it is too old: milliseconds since 1970, or never.
    until: u64,
    /// Its place in the order of setting.
    order: u64,
}

/// One gadget's values.
#[derive(Debug, Default)]
struct Kept {
    entries: BTreeMap<String, Entry>,
    /// Keys in the order in which they were set.
    order: BTreeMap<u64, String>,
    bytes: u64,
    /// Nothing is too old before this, so that a full shelf need not be gone through for each value.
    soonest: u64,
}

/// All gadgets' values.
pub(crate) struct Shelves {
    all: Mutex<HashMap<String, Arc<Mutex<Kept>>>>,
    disk: Option<Arc<Disk>>,
}

/// One gadget's way to its values. Clones share them.
#[derive(Clone)]
pub(crate) struct Shelf {
    owner: Arc<str>,
    quota: StorePermission,
    kept: Arc<Mutex<Kept>>,
    disk: Option<Arc<Disk>>,
}

impl Shelves {
    /// With what `state` holds.
    pub(crate) fn open(state: Option<PathBuf>) -> Result<Self, LendError> {
        let Some(state) = state else { return Ok(Self { all: Mutex::default(), disk: None }) };
        let mut all: HashMap<String, Kept> = HashMap::new();
        let now = now();
        let disk = Disk::open(&state, |owner, key, entry| {
            let fresh = now < entry.until;
            if fresh {
                all.entry(owner).or_default().put(key, entry);
            }
            fresh
        })?;
        let all = all.into_iter().map(|(owner, kept)| (owner, Arc::new(Mutex::new(kept)))).collect();
        Ok(Self { all: Mutex::new(all), disk: Some(Arc::new(disk)) })
    }

    /// That of `owner`.
    pub(crate) fn shelf(&self, owner: &str, quota: StorePermission) -> Shelf {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(owner.to_owned()).or_default().clone();
        Shelf { owner: owner.into(), quota, kept, disk: self.disk.clone() }
    }
}

impl Kept {
    fn put(&mut self, key: String, entry: Entry) {
        self.take(&key);
        self.bytes += size(&key, &entry.value);
        self.soonest = if self.entries.is_empty() { entry.until } else { self.soonest.min(entry.until) };
        self.order.insert(entry.order, key.clone());
        self.entries.insert(key, entry);
    }

    fn take(&mut self, key: &str) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.order);
        self.bytes -= size(key, &entry.value);
        Some(entry)
    }

    /// Whether one more of `size` fits, once that of `key` is replaced.
    fn fits(&self, key: &str, more: u64, quota: &StorePermission) -> bool {
        let (entries, bytes) = match self.entries.get(key) {
            Some(entry) => (self.entries.len() - 1, self.bytes - size(key, &entry.value)),
            None => (self.entries.len(), self.bytes),
        };
        bytes + more <= quota.bytes && (entries as u64) < quota.entries
    }
}

fn size(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: String, entry: Option<Entry>) {
        if let Some(disk) = &self.disk {
            disk.write(Change { owner: self.owner.clone(), key, entry });
        }
    }

    fn drop_old(&self, kept: &mut Kept, now: u64) {
        if now < kept.soonest {
            return;
        }
        let old: Vec<_> =
            kept.entries.iter().filter(|(_, it)| it.until <= now).map(|(key, _)| key.clone()).collect();
        for key in old {
            kept.take(&key);
            self.write(key, None);
        }
        kept.soonest = kept.entries.values().map(|it| it.until).min().unwrap_or(u64::MAX);
    }

    fn set_at(
        &self,
        now: u64,
        key: String,
        value: Vec<u8>,
        ttl: Option<u64>,
        evict: bool,
    ) -> Result<u32, Error> {
        if key.is_empty() || key.len() > KEY || value.len() > VALUE {
            let (found, value) = (key.len(), value.len());
            return Err(Error::TooLarge(format!(
                "the key has {found} bytes and the value {value}; a key may have 1 to {KEY}, a value up to {VALUE}"
            )));
        }
        let size = size(&key, &value);
        let StorePermission { bytes, entries } = self.quota;
        let mut kept = self.lock();
        if !kept.fits(&key, size, &self.quota) {
            self.drop_old(&mut kept, now);
        }
        let mut evicted = 0;
        while !kept.fits(&key, size, &self.quota) {
            let oldest = kept.order.values().find(|it| **it != key).cloned();
            let (true, true, Some(oldest)) = (evict, size <= bytes, oldest) else {
                return Err(Error::Full(format!(
                    "{size} bytes more do not fit: {} of {bytes} bytes and {} of {entries} entries are taken",
                    kept.bytes,
                    kept.entries.len()
                )));
            };
            kept.take(&oldest);
            self.write(oldest, None);
            evicted += 1;
        }
        let until = ttl.map_or(u64::MAX, |ttl| now.saturating_add(ttl.saturating_mul(1000)));
        let order = kept.order.last_key_value().map_or(0, |(last, _)| last + 1);
        let entry = Entry { value, until, order };
        if self.disk.is_some() {
            self.write(key.clone(), Some(entry.clone()));
        }
        kept.put(key, entry);
        Ok(evicted)
    }

    fn get_at(&self, now: u64, key: &str) -> Option<Vec<u8>> {
        self.lock().entries.get(key).filter(|it| now < it.until).map(|it| it.value.clone())
    }

    fn keys_at(&self, now: u64, prefix: &str) -> Vec<String> {
        let kept = self.lock();
        let from = kept.entries.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        from.filter(|(_, it)| now < it.until).map(|(key, _)| key.clone()).collect()
    }

    fn delete_at(&self, now: u64, key: &str) -> bool {
        let taken = self.lock().take(key);
        if taken.is_some() {
            self.write(key.to_owned(), None);
        }
        taken.is_some_and(|it| now < it.until)
    }
}

impl Store for Shelf {
    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.get_at(now(), key)
    }

    fn set(&mut self, key: String, value: Vec<u8>, ttl: Option<u64>, evict: bool) -> Result<u32, Error> {
        self.set_at(now(), key, value, ttl, evict)
    }

    fn delete(&mut self, key: &str) -> bool {
        self.delete_at(now(), key)
    }

    fn keys(&mut self, prefix: &str) -> Vec<String> {
        self.keys_at(now(), prefix)
    }
}

/// Milliseconds since 1970: what is kept may outlive the process, and so must its age.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(bytes: u64, entries: u64) -> Shelf {
        Shelves::open(None).unwrap().shelf("mine", StorePermission { bytes, entries })
    }

    fn set(shelf: &Shelf, now: u64, key: &str, len: usize, ttl: Option<u64>) -> Result<u32, Error> {
        shelf.set_at(now, key.to_owned(), vec![0; len], ttl, false)
    }

    #[test]
    fn values_grow_old() {
        let shelf = shelf(1000, 10);
        set(&shelf, 5_000, "a", 1, Some(2)).unwrap();
        set(&shelf, 5_000, "b", 1, None).unwrap();
        assert!(shelf.get_at(6_999, "a").is_some() && shelf.get_at(7_000, "a").is_none());
        assert_eq!((shelf.keys_at(6_999, "").len(), shelf.keys_at(7_000, "")), (2, vec!["b".to_owned()]));
        assert!(!shelf.delete_at(7_000, "a") && shelf.delete_at(7_000, "b"));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let shelf = shelf(10, 2);
        set(&shelf, 0, "a", 4, None).unwrap();
        set(&shelf, 0, "b", 4, Some(1)).unwrap();
        let full = set(&shelf, 0, "c", 0, None).unwrap_err();
        assert_eq!(
            full,
            Error::Full("1 bytes more do not fit: 10 of 10 bytes and 2 of 2 entries are taken".into())
        );
        assert!(set(&shelf, 0, "a", 5, None).is_err());
        assert_eq!(shelf.get_at(0, "a").unwrap().len(), 4);
        // What is replaced makes room, and so does what is too old.
        set(&shelf, 0, "a", 3, None).unwrap();
        assert_eq!(set(&shelf, 1_000, "c", 4, None), Ok(0));
        assert_eq!(shelf.keys_at(1_000, ""), ["a", "c"]);
    }

    #[test]
    fn the_oldest_make_room_when_that_is_asked_for() {
        let shelf = shelf(12, 3);
        for key in ["x", "y", "z"] {
            set(&shelf, 0, key, 3, None).unwrap();
        }
        set(&shelf, 0, "x", 3, None).unwrap();
        assert_eq!(shelf.set_at(0, "w".into(), vec![0; 5], None, true), Ok(2));
        assert_eq!(shelf.keys_at(0, ""), ["w", "x"]);
        let never = shelf.set_at(0, "v".into(), vec![0; 12], None, true);
        assert!(matches!(never, Err(Error::Full(_))), "{never:?}");
        assert_eq!(shelf.keys_at(0, "").len(), 2, "nothing is dropped for what never fits");
    }

    #[test]
    fn keys_and_values_have_a_size() {
        let shelf = shelf(u64::MAX, 10);
        for (key, len) in [("", 1), ("k".repeat(513).as_str(), 1), ("k", (1 << 20) + 1)] {
            assert!(matches!(set(&shelf, 0, key, len, None), Err(Error::TooLarge(_))));
        }
    }

    #[test]
    fn gadgets_do_not_see_each_other() {
        let shelves = Shelves::open(None).unwrap();
        let mine = shelves.shelf("mine", StorePermission::FREE);
        set(&mine, 0, "a", 1, None).unwrap();
        assert_eq!(shelves.shelf("r.example/mine", StorePermission::FREE).keys_at(0, ""), [""; 0]);
        assert_eq!(shelves.shelf("mine", StorePermission::FREE).keys_at(0, ""), ["a"]);
    }

    #[test]
    fn what_is_on_disk_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Shelves::open(Some(folder.path().join("state"))).unwrap();
        let (now, far) = (now(), Some(3600));
        let shelves = open();
        let mine = shelves.shelf("mine", StorePermission::FREE);
        set(&mine, now, "a", 7, far).unwrap();
        set(&mine, now, "b", 1, far).unwrap();
        set(&mine, now - 10_000, "old", 1, Some(1)).unwrap();
        mine.delete_at(now, "b");
        // A second process is told why not.
        let Err(error) = Shelves::open(Some(folder.path().join("state"))) else { panic!("opened twice") };
        assert!(error.to_string().contains("another gadgetry"), "{error}");
        drop((mine, shelves));
        let again = open().shelf("mine", StorePermission::FREE);
        assert_eq!(again.keys_at(now, ""), ["a"]);
        assert_eq!(again.get_at(now, "a").unwrap().len(), 7);
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("store.redb"),
            "no database, but long enough to be looked at".repeat(100),
        )
        .unwrap();
        let Err(error) = Shelves::open(Some(folder.path().to_owned())) else { panic!("opened garbage") };
        assert!(error.to_string().contains("store.redb"), "{error}");
    }
}
