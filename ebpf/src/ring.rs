//! The maps of every gadget: the ring of events, the count of those it had no room for, the scope, and the scratch
//! memory in which records are built (the stack of a program is 512 bytes).
#![expect(unsafe_code, reason = "the host finds maps by section and symbol")]

use core::ffi::c_void;

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    bindings::bpf_map_type::{BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_RINGBUF},
};

use crate::raw;

/// A map's definition, as loaders expect it in the section `maps`.
#[repr(C)]
struct Map {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    id: u32,
    pinning: u32,
}

impl Map {
    const fn new(kind: u32, key_size: usize, value_size: usize, max_entries: u32, flags: u32) -> Self {
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
    fn handle(&'static self) -> *const c_void {
        core::ptr::from_ref(self).cast()
    }
}

#[unsafe(link_section = "maps")]
#[unsafe(export_name = "gadget_events")]
static EVENTS: Map = Map::new(BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 20, 0);

#[unsafe(link_section = "maps")]
#[unsafe(export_name = "gadget_lost")]
static LOST: Map = Map::new(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1, 0);

#[unsafe(link_section = "maps")]
#[unsafe(export_name = "gadget_scope")]
static SCOPE: Map = Map::new(BPF_MAP_TYPE_HASH, 4, 1, 8192, BPF_F_NO_PREALLOC);

#[unsafe(link_section = "maps")]
#[unsafe(export_name = "gadget_scratch")]
static SCRATCH: Map = Map::new(BPF_MAP_TYPE_PERCPU_ARRAY, 4, crate::record::SCRATCH_SIZE, 1, 0);

#[unsafe(link_section = "maps")]
#[unsafe(export_name = "gadget_paths")]
static PATH: Map = Map::new(BPF_MAP_TYPE_PERCPU_ARRAY, 4, crate::path::BUFFER_SIZE, 1, 0);

/// Copies a record to the ring; counts it as lost when there is no room.
#[inline(always)]
pub(crate) fn output(record: *mut u8, len: usize) {
    if raw::ring_output(EVENTS.handle(), record, len, 0) < 0 {
        lost();
    }
}

/// Counts an event as lost.
#[inline(always)]
pub(crate) fn lost() {
    let count = raw::lookup(LOST.handle(), 0);
    if !count.is_null() {
        raw::store(count, 0, raw::load::<u64>(count, 0) + 1);
    }
}

/// Whether a mount namespace is in scope.
#[inline(always)]
pub(crate) fn in_scope(mount_namespace: u32) -> bool {
    !raw::lookup(SCOPE.handle(), mount_namespace).is_null()
}

/// This CPU's scratch memory for records.
#[inline(always)]
pub(crate) fn scratch() -> Option<*mut u8> {
    let memory = raw::lookup(SCRATCH.handle(), 0);
    if memory.is_null() { None } else { Some(memory) }
}

/// This CPU's scratch memory for paths.
#[inline(always)]
pub(crate) fn path_buffer() -> Option<*mut u8> {
    let memory = raw::lookup(PATH.handle(), 0);
    if memory.is_null() { None } else { Some(memory) }
}
