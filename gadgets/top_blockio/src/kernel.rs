//! Requests to disks, from when they are handed to the driver to their completion, added up by who issued them.
//!
//! A request is completed in an interrupt, where the current task is anyone: so it is kept from its issue on whose it is,
//! if that is wanted at all.
#![no_std]
#![no_main]

use core::mem::offset_of;

use gadget::prelude::*;

mod event;
use event::Usage;

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
        pid: u32,
        device: u32,
        op: u32,
        reserved: u32,
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
    /// What each process did with each disk.
    static USAGES: Table<Key, Usage> = 8192;
}

/// `REQ_OP_MASK`.
const OP: u32 = 0xff;

#[gadget::program("tp_btf/block_rq_issue")]
fn issue(ctx: BtfTracepoint) -> Option<()> {
    let request = ctx.pointer(0).addr();
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
    let key = Key { pid: Task::current().pid(), device, op, reserved: 0 };
    if USAGES.slot(key).is_none() {
        let mut record = gadget::begin::<Usage>()?;
        let name = bytes(DISK_NAME.read_or_zero(disk));
        record.set(Usage { requests: 0, bytes: 0, total_ns: 0, disk: name, device, op });
        USAGES.insert(key, record)?;
    }
    let bytes = u64::from(REQUEST_BYTES.read_or_zero(request));
    STARTS.insert(request.get(), Start { at: gadget::raw::boot_ns(), bytes, key });
    Some(())
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
    let slot = USAGES.slot(start.key)?;
    slot.add::<{ offset_of!(Usage, requests) }>(1);
    slot.add::<{ offset_of!(Usage, bytes) }>(start.bytes);
    slot.add::<{ offset_of!(Usage, total_ns) }>(gadget::raw::boot_ns().saturating_sub(start.at));
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
