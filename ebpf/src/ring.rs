//! The maps of every gadget: the ring of events, the count of those it had no room for, the scope, and the scratch
//! memory in which records are built (the stack of a program is 512 bytes).
#![expect(unsafe_code, reason = "the host finds maps by section and symbol")]

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    bindings::bpf_map_type::{BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_RINGBUF},
};

use crate::{map::Map, raw};

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

/// Room for a record of `len` bytes in the ring, to be submitted or discarded; counted as lost when there is none.
#[inline(always)]
pub(crate) fn reserve(len: usize) -> Option<*mut u8> {
    let room = raw::ring_reserve(EVENTS.handle(), len);
    if room.is_null() {
        lost();
        return None;
    }
    Some(room)
}

/// Counts an event as lost. In one step, as a program in a softirq may count between another's reading and writing.
#[inline(always)]
pub(crate) fn lost() {
    let count = raw::lookup(LOST.handle(), 0u32);
    if !count.is_null() {
        raw::atomic_add(count, 0, 1);
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
    let memory = raw::lookup(SCRATCH.handle(), 0u32);
    if memory.is_null() { None } else { Some(memory) }
}

/// This CPU's scratch memory for paths.
#[inline(always)]
pub(crate) fn path_buffer() -> Option<*mut u8> {
    let memory = raw::lookup(PATH.handle(), 0u32);
    if memory.is_null() { None } else { Some(memory) }
}
