//! Requests to disks, from when they are handed to the driver to their completion, added up by who issued them.
//!
//! A request is completed in an interrupt, where the current task is anyone: so it is kept from its issue on whose it is,
//! if that is wanted at all.
#![no_std]
#![no_main]

use core::mem::offset_of;

use gadget::{
    block::{self, Done, Key, Request},
    prelude::*,
};

mod event;
use event::Usage;

gadget::map! {
    /// What each process did with each disk.
    static USAGES: Table<Key, Usage> = 8192;
}

#[gadget::program("tp_btf/block_rq_issue")]
fn issue(ctx: BtfTracepoint) -> Option<()> {
    if !gadget::wanted() {
        return None;
    }
    let request = Request::of(&ctx);
    let disk = request.disk()?;
    let (device, op) = (disk.device(), request.op());
    let key = Key { pid: Task::current().pid(), device, op, reserved: 0 };
    if USAGES.slot(key).is_none() {
        let mut record = gadget::begin::<Usage>()?;
        record.set(Usage { requests: 0, bytes: 0, total_ns: 0, disk: disk.name(), device, op });
        USAGES.insert(key, record)?;
    }
    request.begin(key);
    Some(())
}

#[gadget::program("tp_btf/block_rq_complete")]
fn complete(ctx: BtfTracepoint) -> Option<()> {
    let Done { key, bytes, nanos } = block::end(&ctx)?;
    let slot = USAGES.slot(key)?;
    slot.add::<{ offset_of!(Usage, requests) }>(1);
    slot.add::<{ offset_of!(Usage, bytes) }>(bytes);
    slot.add::<{ offset_of!(Usage, total_ns) }>(nanos);
    Some(())
}
