//! Maps of a gadget's own: what one program learns and another needs, or the same one later.
//!
//! Keys and values are plain, so nothing of the kernel's stack gets into a map. [`Hash`] keeps what was put there until
//! it is removed, and counts as lost what it has no room for; [`LruHash`] drops what was not used for longest, for
//! things whose end may go unseen. What the host is to read is a [`Table`](crate::table::Table).
//!
//! ```ignore
//! gadget::event! { struct Start { header: Header, at: u64 } }
//! gadget::map! {
//!     /// Requests on their way, by address.
//!     static INFLIGHT: LruHash<u64, Start> = 10240;
//! }
//! // ... INFLIGHT.insert(request, Start { .. });
//! // ... let start = INFLIGHT.take(request)?;
//! ```

use core::{ffi::c_void, marker::PhantomData};

use aya_ebpf::bindings::{
    BPF_NOEXIST,
    bpf_map_type::{BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY},
};
use gadget_abi::Plain;

use crate::{raw, ring};

/// A map's definition, as loaders expect it in the section `maps`.
#[repr(C)]
pub(crate) struct Map {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    id: u32,
    pinning: u32,
}

impl Map {
    pub(crate) const fn new(
        kind: u32,
        key_size: usize,
        value_size: usize,
        max_entries: u32,
        flags: u32,
    ) -> Self {
        Self {
            kind,
            key_size: key_size as u32,
            value_size: value_size as u32,
            max_entries,
            flags,
            id: 0,
            pinning: 0,
        }
    }

    #[inline(always)]
    pub(crate) fn handle(&'static self) -> *const c_void {
        core::ptr::from_ref(self).cast()
    }
}

/// A value where it lies in a map: what is written there is seen at once by every CPU.
pub struct Slot<V> {
    at: *mut u8,
    value: PhantomData<V>,
}

impl<V: Plain> Slot<V> {
    /// The value that lies `skip` bytes into what a lookup found.
    #[inline(always)]
    pub(crate) fn found(at: *mut u8, skip: usize) -> Option<Self> {
        if at.is_null() { None } else { Some(Self { at: at.wrapping_add(skip), value: PhantomData }) }
    }

    /// Where it lies.
    #[inline(always)]
    pub(crate) fn as_ptr(&self) -> *const u8 {
        self.at
    }

    /// A copy of the value.
    #[inline(always)]
    pub fn get(&self) -> V {
        raw::load(self.at, 0)
    }

    /// Replaces the value, which other CPUs may see half written.
    #[inline(always)]
    pub fn set(&mut self, value: V) {
        raw::store(self.at, 0, value);
    }

    /// Adds `amount` to the `u64` at byte `OFFSET` of the value, whatever other CPUs do:
    /// `slot.add::<{ offset_of!(File, reads) }>(1)`.
    #[inline(always)]
    pub fn add<const OFFSET: usize>(&self, amount: u64) {
        const { assert!(OFFSET.is_multiple_of(8) && OFFSET + 8 <= size_of::<V>(), "no u64 lies there") };
        raw::atomic_add(self.at, OFFSET, amount);
    }

    /// Adds `amount` to number `index` of the `LEN` that begin at byte `OFFSET`: a histogram's slot. An index beyond
    /// the last is the last.
    #[inline(always)]
    pub fn add_at<const OFFSET: usize, const LEN: usize>(&self, index: u64, amount: u64) {
        const {
            assert!(
                OFFSET.is_multiple_of(8) && OFFSET + 8 * LEN <= size_of::<V>(),
                "no such array lies there"
            )
        };
        const { assert!(LEN.is_power_of_two(), "the verifier wants a mask") };
        let last = LEN as u64 - 1;
        let index = if index > last { last } else { index };
        raw::atomic_add(self.at.wrapping_add((index & last) as usize * 8), OFFSET, amount);
    }

    /// Sets the `T` at byte `OFFSET` of the value.
    #[inline(always)]
    pub fn put<const OFFSET: usize, T: Plain>(&self, value: T) {
        const { assert!(OFFSET.is_multiple_of(align_of::<T>()) && OFFSET + size_of::<T>() <= size_of::<V>()) };
        raw::store(self.at, OFFSET, value);
    }

    /// The `T` at byte `OFFSET` of the value.
    #[inline(always)]
    pub fn field<const OFFSET: usize, T: Plain>(&self) -> T {
        const { assert!(OFFSET.is_multiple_of(align_of::<T>()) && OFFSET + size_of::<T>() <= size_of::<V>()) };
        raw::load(self.at, OFFSET)
    }
}

macro_rules! hash {
    ($(#[$meta:meta])* $name:ident, $kind:ident) => {
        $(#[$meta])*
        #[repr(transparent)]
        pub struct $name<K, V> {
            map: Map,
            content: PhantomData<fn() -> (K, V)>,
        }

        impl<K: Plain, V: Plain> $name<K, V> {
            /// A map for `entries` keys. Made by [`map!`](crate::map!).
            #[doc(hidden)]
            pub const fn new(entries: u32) -> Self {
                Self {
                    map: Map::new($kind, size_of::<K>(), size_of::<V>(), entries, 0),
                    content: PhantomData,
                }
            }

            /// A copy of the value of `key`.
            #[inline(always)]
            pub fn get(&'static self, key: K) -> Option<V> {
                Some(self.slot(key)?.get())
            }

            /// The value of `key` where it lies.
            #[inline(always)]
            pub fn slot(&'static self, key: K) -> Option<Slot<V>> {
                Slot::found(raw::lookup(self.map.handle(), key), 0)
            }

            /// Whether there is a value of `key`.
            #[inline(always)]
            pub fn contains(&'static self, key: K) -> bool {
                !raw::lookup(self.map.handle(), key).is_null()
            }

            /// Sets the value of `key`. Whether there was room; if not, it is counted as a lost event.
            #[inline(always)]
            pub fn insert(&'static self, key: K, value: V) -> bool {
                let done = raw::update(self.map.handle(), key, value, 0) == 0;
                if !done {
                    ring::lost();
                }
                done
            }

            /// Sets the value of a key that is new: of something that begins. One that is there already is of something
            /// whose end was not seen, as kernels may pass programs by without a word; that end is counted as a lost
            /// event. Whether there was room, as for [`Self::insert`].
            #[inline(always)]
            pub fn begin(&'static self, key: K, value: V) -> bool {
                raw::on_stack(value, |value| {
                    let set = |flags| raw::update_from(self.map.handle(), key, value.cast::<u8>(), flags) == 0;
                    if set(u64::from(BPF_NOEXIST)) {
                        return true;
                    }
                    ring::lost();
                    set(0)
                })
            }

            /// The value of `key` where it lies, which is `value` if there was none. `None` when there is no room,
            /// which is counted as a lost event.
            #[inline(always)]
            pub fn slot_or(&'static self, key: K, value: V) -> Option<Slot<V>> {
                if let Some(slot) = self.slot(key) {
                    return Some(slot);
                }
                // Another CPU may have come first; then its value stands.
                raw::update(self.map.handle(), key, value, u64::from(BPF_NOEXIST));
                let slot = self.slot(key);
                if slot.is_none() {
                    ring::lost();
                }
                slot
            }

            /// Removes `key`; whether it was there.
            #[inline(always)]
            pub fn remove(&'static self, key: K) -> bool {
                raw::delete(self.map.handle(), key)
            }

            /// Removes `key`, and hands over what its value was.
            #[inline(always)]
            pub fn take(&'static self, key: K) -> Option<V> {
                let value = self.get(key)?;
                self.remove(key);
                Some(value)
            }
        }
    };
}

hash! {
    /// Keeps what was put there until it is removed; what it has no room for is counted as lost.
    Hash, BPF_MAP_TYPE_HASH
}
hash! {
    /// Drops what was not used for longest when it has no room.
    LruHash, BPF_MAP_TYPE_LRU_HASH
}

/// An array of which every CPU has its own: memory too large for the stack, and counters without atomics. A program
/// that interrupts another on the same CPU sees the same memory.
#[repr(transparent)]
pub struct PerCpuArray<V> {
    map: Map,
    content: PhantomData<fn() -> V>,
}

impl<V: Plain> PerCpuArray<V> {
    /// An array of `entries` values. Made by [`map!`](crate::map!).
    #[doc(hidden)]
    pub const fn new(entries: u32) -> Self {
        Self { map: Map::new(BPF_MAP_TYPE_PERCPU_ARRAY, 4, size_of::<V>(), entries, 0), content: PhantomData }
    }

    /// This CPU's value number `index`, zero until it is set; `None` beyond the last.
    #[inline(always)]
    pub fn slot(&'static self, index: u32) -> Option<Slot<V>> {
        Slot::found(raw::lookup(self.map.handle(), index), 0)
    }
}

/// Declares maps: `Hash<K, V>`, `LruHash<K, V>`, `PerCpuArray<V>`, and `Table<K, E>` or `Table<K, E, TAIL>` for what the
/// host reads; after `=` how many entries there are at most.
///
/// ```ignore
/// gadget::map! {
///     /// Requests on their way, by address.
///     static INFLIGHT: LruHash<u64, Start> = 10240;
///     /// What each file was used for.
///     static FILES: Table<Key, File, 256> = 8192;
/// }
/// ```
#[macro_export]
macro_rules! map {
    () => {};
    ($(#[$meta:meta])* $vis:vis static $name:ident: Table<$key:ty, $event:ty $(, $tail:literal)?> = $entries:expr; $($rest:tt)*) => {
        $(#[$meta])*
        #[allow(unsafe_code, reason = "the loader finds maps by section and symbol")]
        #[unsafe(link_section = "maps")]
        #[unsafe(export_name = concat!("gadget_table_", stringify!($name)))]
        $vis static $name: $crate::table::Table<$key, $event $(, $tail)?> = $crate::table::Table::new($entries);
        $crate::map! { $($rest)* }
    };
    ($(#[$meta:meta])* $vis:vis static $name:ident: $kind:ident<$($type:ty),+> = $entries:expr; $($rest:tt)*) => {
        $(#[$meta])*
        #[allow(unsafe_code, reason = "the loader finds maps by section and symbol")]
        #[unsafe(link_section = "maps")]
        #[unsafe(export_name = stringify!($name))]
        $vis static $name: $crate::map::$kind<$($type),+> = $crate::map::$kind::new($entries);
        $crate::map! { $($rest)* }
    };
}
