//! How long requests to disks take, from when they are handed to the driver (or were queued) to their completion.
//!
//! A request is completed in an interrupt, where the current task is anyone: so filters are asked when it is issued, and
//! only requests that were wanted then are found again.
#![no_std]
#![no_main]

use core::mem::offset_of;

use gadget::{
    block::{self, Done, Key, Request},
    histogram::{SLOTS, log2},
    prelude::*,
};

mod event;
use event::Latency;

gadget::params! {
    /// From when a request was queued.
    queued: bool,
}

gadget::map! {
    /// Histograms.
    static LATENCIES: Table<Key, Latency> = 1024;
}

#[gadget::program("tp_btf/block_rq_insert")]
fn insert(ctx: BtfTracepoint) -> Option<()> {
    begin(Request::of(&ctx))
}

#[gadget::program("tp_btf/block_rq_issue")]
fn issue(ctx: BtfTracepoint) -> Option<()> {
    let request = Request::of(&ctx);
    // What was queued began then; what goes to the driver at once begins now.
    if params::queued() && request.has_begun() {
        return None;
    }
    begin(request)
}

#[gadget::program("tp_btf/block_rq_complete")]
fn complete(ctx: BtfTracepoint) -> Option<()> {
    let Done { key, bytes, nanos } = block::end(&ctx)?;
    let slot = LATENCIES.slot(key)?;
    slot.add_at::<{ offset_of!(Latency, slots) }, SLOTS>(log2(nanos / 1000), 1);
    slot.add::<{ offset_of!(Latency, total_ns) }>(nanos);
    slot.add::<{ offset_of!(Latency, bytes) }>(bytes);
    Some(())
}

#[inline(always)]
fn begin(request: Request) -> Option<()> {
    if !gadget::wanted() {
        return None;
    }
    let disk = request.disk()?;
    let (device, op) = (disk.device(), request.op());
    let key = Key { pid: 0, device, op, reserved: 0 };
    if LATENCIES.slot(key).is_none() {
        let mut record = gadget::begin::<Latency>()?;
        record.set(Latency { slots: [0; SLOTS], total_ns: 0, bytes: 0, disk: disk.name(), device, op });
        LATENCIES.insert(key, record)?;
    }
    request.begin(key);
    Some(())
}
