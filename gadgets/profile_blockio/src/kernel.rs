//! How long requests to disks take, from when they are handed to the driver (or were queued) to their completion.
//!
//! A request is completed in an interrupt, where the current task is anyone: so filters are asked when it is issued, and
//! only requests that were wanted then are found again.
#![no_std]
#![no_main]

use core::mem::offset_of;

use gadget::prelude::*;

mod event;
use event::{Latency, SLOTS};

gadget::params! {
    /// From when a request was queued.
    queued: bool,
}

gadget::kernel_field! {
    static REQUEST_FLAGS: request.cmd_flags => u32;
    static REQUEST_BYTES: request.__data_len => u32;
    static REQUEST_QUEUE: request.q => Addr;
    // The disk moved from the request to its queue in 5.17.
    optional static REQUEST_DISK: request.rq_disk => Addr;
    optional static QUEUE_DISK: request_queue.disk => Addr;
    static DISK_MAJOR: gendisk.major => u32;
    static DISK_MINOR: gendisk.first_minor => u32;
    static DISK_NAME: gendisk.disk_name => [u64; 4];
}

gadget::event! {
    struct Key {
        device: u32,
        op: u32,
    }
}

gadget::event! {
    /// A request on its way.
    struct Start {
        at: u64,
        bytes: u64,
        key: Key,
    }
}

gadget::map! {
    /// Requests on their way, by address.
    static STARTS: LruHash<u64, Start> = 16384;
    /// Histograms.
    static LATENCIES: Table<Key, Latency> = 1024;
}

/// `REQ_OP_MASK`.
const OP: u32 = 0xff;

#[gadget::program("tp_btf/block_rq_insert")]
fn insert(ctx: BtfTracepoint) -> Option<()> {
    begin(ctx.pointer(0).addr())
}

#[gadget::program("tp_btf/block_rq_issue")]
fn issue(ctx: BtfTracepoint) -> Option<()> {
    let request = ctx.pointer(0).addr();
    // What was queued began then; what goes to the driver at once begins now.
    if params::queued() && STARTS.contains(request.get()) {
        return None;
    }
    begin(request)
}

#[gadget::program("tp_btf/block_rq_complete")]
fn complete(ctx: BtfTracepoint) -> Option<()> {
    let request = ctx.pointer(0).addr();
    let start = STARTS.get(request.get())?;
    // A request may be completed in parts.
    let done: u32 = ctx.number(2);
    if done < REQUEST_BYTES.read_or_zero(request) {
        return None;
    }
    STARTS.remove(request.get());
    let slot = LATENCIES.slot(start.key)?;
    let took = gadget::raw::boot_ns().saturating_sub(start.at);
    slot.add_at::<{ offset_of!(Latency, slots) }, SLOTS>(log2(took / 1000), 1);
    slot.add::<{ offset_of!(Latency, total_ns) }>(took);
    slot.add::<{ offset_of!(Latency, bytes) }>(start.bytes);
    Some(())
}

#[inline(always)]
fn begin(request: Addr) -> Option<()> {
    if !gadget::wanted() {
        return None;
    }
    let disk = if REQUEST_DISK.exists() {
        REQUEST_DISK.read_or_zero(request)
    } else if QUEUE_DISK.exists() {
        QUEUE_DISK.read_or_zero(REQUEST_QUEUE.read_or_zero(request))
    } else {
        Addr::new(0)
    };
    // A request of a driver's own, to no disk.
    if disk.is_null() {
        return None;
    }
    let device = DISK_MAJOR.read_or_zero(disk) << 20 | DISK_MINOR.read_or_zero(disk) & 0xf_ffff;
    let op = REQUEST_FLAGS.read_or_zero(request) & OP;
    let key = Key { device, op };
    if LATENCIES.slot(key).is_none() {
        let mut record = gadget::begin::<Latency>()?;
        let name = bytes(DISK_NAME.read_or_zero(disk));
        record.set(Latency { slots: [0; SLOTS], total_ns: 0, bytes: 0, disk: name, device, op });
        LATENCIES.insert(key, record)?;
    }
    let bytes = u64::from(REQUEST_BYTES.read_or_zero(request));
    STARTS.insert(request.get(), Start { at: gadget::raw::boot_ns(), bytes, key });
    Some(())
}

#[inline(always)]
fn bytes(words: [u64; 4]) -> [u8; 32] {
    let mut all = [0; 32];
    let mut n = 0;
    while n < 32 {
        all[n] = (words[n / 8] >> (n % 8 * 8)) as u8;
        n += 1;
    }
    all
}

/// The logarithm, rounded down; 0 of 0. By halves, since the machine has no instruction for it.
#[inline(always)]
fn log2(value: u64) -> u64 {
    let mut value = value;
    let mut log = 0;
    if value >= 1 << 32 {
        return 32;
    }
    if value >= 1 << 16 {
        value >>= 16;
        log += 16;
    }
    if value >= 1 << 8 {
        value >>= 8;
        log += 8;
    }
    if value >= 1 << 4 {
        value >>= 4;
        log += 4;
    }
    if value >= 1 << 2 {
        value >>= 2;
        log += 2;
    }
    if value >= 1 << 1 {
        log += 1;
    }
    log
}
