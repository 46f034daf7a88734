//! What processes send and receive over TCP, added up by process and connection where the call ends that did it.
//!
//! That is where it is complete and cheap. Complete: connections that are older than the run count from its beginning;
//! the process is the one that made the call, also where several share a connection; and a connection that begins and
//! ends between two looks is handed on as an event when the kernel takes it down, which is also what keeps the table from
//! filling up with connections that are no more. Cheap: a call costs one look-up and one addition, and only calls on
//! sockets cost anything at all. The alternatives fall short: the counters in the kernel's own socket do not say which
//! process, and must be read for all sockets at every look; packets (`cgroup_skb`) are many, and belong to no process.
#![no_std]
#![no_main]

use core::mem::offset_of;

use gadget::{
    prelude::*,
    socket::moved::{self, Moved},
};

mod event;
use event::Usage;

gadget::event! {
    struct Key {
        socket: u64,
        pid: u32,
        reserved: u32,
    }
}

gadget::map! {
    /// What each process did with each connection.
    static USAGES: Table<Key, Usage> = 16384;
    /// The process that was last to begin to use a socket: the others follow from there.
    static USERS: Hash<u64, u32> = 16384;
}

/// Processes that are looked for when a connection ends.
const SHARED: u32 = 32;
const BEFORE: usize = offset_of!(Usage, before);
const ENDED: usize = offset_of!(Usage, ended);

#[gadget::program("tp_btf/sock_send_length")]
fn send(ctx: BtfTracepoint) -> Option<()> {
    sent(moved::sent(&ctx)?)
}

#[gadget::program("tp_btf/sys_exit")]
fn send_call(ctx: BtfTracepoint) -> Option<()> {
    sent(moved::sent_by_call(&ctx)?)
}

#[gadget::program("tp_btf/sock_recv_length")]
fn receive(ctx: BtfTracepoint) -> Option<()> {
    received(moved::received(&ctx)?)
}

#[gadget::program("tp_btf/sys_exit")]
fn receive_call(ctx: BtfTracepoint) -> Option<()> {
    received(moved::received_by_call(&ctx)?)
}

/// The kernel is done with a socket, and may use its address for another. No call uses it any more.
#[gadget::program("tp_btf/tcp_destroy_sock")]
fn end(ctx: BtfTracepoint) -> Option<()> {
    let socket = ctx.pointer(0).addr().get();
    let mut pid = USERS.take(socket)?;
    let mut left = SHARED;
    while left > 0 && pid != 0 {
        let key = Key { socket, pid, reserved: 0 };
        let slot = USAGES.slot(key)?;
        pid = slot.field::<BEFORE, u32>();
        slot.put::<ENDED, u32>(1);
        USAGES.hand_on(key);
        left -= 1;
    }
    Some(())
}

#[inline(always)]
fn sent(moved: Moved) -> Option<()> {
    usage(moved.socket)?.add::<{ offset_of!(Usage, sent) }>(u64::from(moved.bytes));
    Some(())
}

#[inline(always)]
fn received(moved: Moved) -> Option<()> {
    usage(moved.socket)?.add::<{ offset_of!(Usage, received) }>(u64::from(moved.bytes));
    Some(())
}

/// What the current process does with a connection; `None` when that is not wanted, or there is no room (which is
/// counted).
#[inline(always)]
fn usage(socket: Socket) -> Option<Slot<Usage>> {
    if !gadget::wanted() {
        return None;
    }
    let pid = Task::current().pid();
    let key = Key { socket: socket.addr().get(), pid, reserved: 0 };
    if let Some(slot) = USAGES.slot(key) {
        return Some(slot);
    }
    let mut record = gadget::begin::<Usage>()?;
    let before = USERS.get(key.socket).unwrap_or(0);
    record.set(Usage {
        flow: socket.flow(),
        started: gadget::raw::boot_ns(),
        sent: 0,
        received: 0,
        before,
        ended: 0,
    });
    let slot = USAGES.insert(key, record)?;
    USERS.insert(key.socket, pid);
    Some(slot)
}
