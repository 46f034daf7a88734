//! Tables: what the kernel half adds up, for the host to read. What happens a million times a second is counted where it
//! happens, and only the sums cross to the host.
//!
//! A value is a whole record: the header of whoever caused the first event of its key, the gadget's event, and a tail of
//! `TAIL` bytes. The host reads every value about once a second and when the run ends, and the post-processor gets each
//! as an event, its container looked up as for any other. So counters only ever grow, and what happened between two
//! readings is the post-processor's to subtract.
//!
//! ```ignore
//! gadget::map! {
//!     static FILES: Table<Key, File, 256> = 8192;
//! }
//! // `wanted`: the table may have the key already, so nobody asked the filters.
//! if !gadget::wanted() { return None; }
//! let slot = match FILES.slot(key) {
//!     Some(slot) => slot,
//!     None => {
//!         let mut record = gadget::begin::<File>()?;
//!         let path = record.path(Path::of_file(file));
//!         record.set(File { path_len: path.len, .. });
//!         FILES.insert(key, record)?
//!     }
//! };
//! slot.add::<{ offset_of!(File, reads) }>(1);
//! ```

use core::{marker::PhantomData, mem::offset_of};

use aya_ebpf::bindings::{BPF_NOEXIST, bpf_map_type::BPF_MAP_TYPE_HASH};
use gadget_abi::{Header, Plain};

use crate::{
    Record,
    map::{Map, Slot},
    raw, ring,
};

/// A table of events `E` by key. Made by [`map!`](crate::map!).
#[repr(transparent)]
pub struct Table<K, E, const TAIL: usize = 0> {
    map: Map,
    content: PhantomData<fn() -> (K, E)>,
}

impl<K: Plain, E: Plain, const TAIL: usize> Table<K, E, TAIL> {
    const VALUE: usize = size_of::<Header>() + size_of::<E>() + TAIL;

    /// A table for `entries` keys.
    #[doc(hidden)]
    pub const fn new(entries: u32) -> Self {
        Self {
            map: Map::new(BPF_MAP_TYPE_HASH, size_of::<K>(), Self::VALUE, entries, 0),
            content: PhantomData,
        }
    }

    /// The event of `key` where it lies, to add to its fields.
    #[inline(always)]
    pub fn slot(&'static self, key: K) -> Option<Slot<E>> {
        Slot::found(raw::lookup(self.map.handle(), key), size_of::<Header>())
    }

    /// Adds `key` with `record`, of whose tail the first `TAIL` bytes are kept; its event where it lies. If another CPU
    /// came first, its record stands. `None` when the table is full, which is counted as a lost event.
    #[inline(always)]
    pub fn insert(&'static self, key: K, mut record: Record<E>) -> Option<Slot<E>> {
        let value = record.padded::<TAIL>();
        raw::update_from(self.map.handle(), key, value, u64::from(BPF_NOEXIST));
        drop(record);
        let slot = self.slot(key);
        if slot.is_none() {
            ring::lost();
        }
        slot
    }

    /// Hands what `key` holds to the host as an event of now, of its tail the first `tail` bytes, and removes it: for what
    /// begins here and ends there, and is read by the host only while it lasts.
    #[inline(always)]
    pub fn emit(&'static self, key: K, slot: Slot<E>, tail: u32) -> Option<()> {
        let record = slot.as_ptr().cast_mut().wrapping_sub(size_of::<Header>());
        raw::store(record, offset_of!(Header, timestamp), raw::boot_ns());
        ring::output(record, size_of::<Header>() + size_of::<E>() + raw::clamp::<TAIL>(tail as usize));
        self.remove(key);
        Some(())
    }

    /// Hands the record of `key` to the host as an event of its own, timed now, and removes it: for what ends, and comes
    /// and goes too often to stay in the table until the run does. Whether it was there.
    #[inline(always)]
    pub fn hand_on(&'static self, key: K) -> bool {
        let value = raw::lookup(self.map.handle(), key);
        if value.is_null() {
            return false;
        }
        raw::store(value, offset_of!(Header, timestamp), raw::boot_ns());
        ring::output(value, Self::VALUE);
        raw::delete(self.map.handle(), key)
    }

    /// Removes `key`: for a key that the kernel uses again for something else. Its counters are gone; whoever
    /// removes it has handed them on.
    #[inline(always)]
    pub fn remove(&'static self, key: K) -> bool {
        raw::delete(self.map.handle(), key)
    }
}
