//! Events without a tail, written where the host reads them: for programs that may interrupt each other on one CPU, as
//! those of the network do. They would find the scratch memory of [`Record`](crate::Record) taken, and their event would
//! be lost.

use core::mem::offset_of;

use gadget_abi::{Header, Plain};

use crate::{
    header::{self, Of},
    map::Slot,
    raw, ring,
};

/// Hands an event to the host, with a header that was kept. Its time is now. Always `Some`, so that a program can end
/// with it.
#[inline(always)]
pub fn emit<E: Plain>(header: &Header, event: E) -> Option<()> {
    from(core::ptr::from_ref(header).cast(), event)
}

/// As [`emit`], with the header that lies at the beginning of a map's value.
#[inline(always)]
pub fn emit_with<V: Plain, E: Plain>(slot: &Slot<V>, event: E) -> Option<()> {
    const { assert!(size_of::<V>() >= size_of::<Header>(), "the value begins with no header") };
    from(slot.as_ptr(), event)
}

/// As [`emit`], for an event that the current task caused. `None` when it is filtered out.
#[inline(always)]
pub fn emit_current<E: Plain>(event: E) -> Option<()> {
    let Some(to) = ring::reserve(size::<E>()) else { return Some(()) };
    if header::write(to, Of::Current).is_none() {
        raw::ring_discard(to);
        return None;
    }
    raw::store(to, size_of::<Header>(), event);
    raw::ring_submit(to);
    Some(())
}

const fn size<E: Plain>() -> usize {
    const {
        assert!(
            size_of::<E>().is_multiple_of(8),
            "the event's size is not a multiple of 8: add reserved bytes"
        )
    }
    size_of::<Header>() + size_of::<E>()
}

#[inline(always)]
fn from<E: Plain>(header: *const u8, event: E) -> Option<()> {
    let Some(to) = ring::reserve(size::<E>()) else { return Some(()) };
    for word in 0..size_of::<Header>() / 8 {
        raw::store(to, word * 8, raw::load::<u64>(header, word * 8));
    }
    raw::store(to, offset_of!(Header, timestamp), raw::boot_ns());
    raw::store(to, size_of::<Header>(), event);
    raw::ring_submit(to);
    Some(())
}
