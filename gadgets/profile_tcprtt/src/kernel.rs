//! Round-trip times, as the kernel measures them for its own use, counted whenever a segment of an open connection arrives.
//!
//! Segments arrive in a softirq, where the current task is anyone. Whom a connection belongs to is known by
//! `socket_owners!`, and only asked when it matters: for a filter, or to tell processes apart.
#![no_std]
#![no_main]

use core::mem::offset_of;

use gadget::{
    Header,
    flow::{AF_INET, AF_INET6},
    histogram::{SLOTS, log2},
    prelude::*,
    socket::owner,
    socket_fields as fields,
};

mod event;
use event::Times;

gadget::socket_owners!();

gadget::params! {
    /// A histogram for each address.
    by_address: bool,
    /// A histogram for each process.
    by_process: bool,
    /// The time of the last segment, not the smoothed one.
    last: bool,
}

gadget::kernel_field! {
    /// Eight times the smoothed time, in microseconds.
    static SMOOTHED: tcp_sock.srtt_us => u32;
    /// That of the segment that was acknowledged last.
    static LAST: tcp_sock.rack.rtt_us => u32;
}

gadget::event! {
    struct Key {
        remote: [u8; 16],
        family: u32,
        pid: u32,
    }
}

gadget::map! {
    /// Histograms.
    static TIMES: Table<Key, Times> = 8192;
}

#[gadget::program("tp_btf/tcp_probe")]
fn segment(ctx: BtfTracepoint) -> Option<()> {
    let socket = Socket::new(ctx.pointer(0).addr());
    let addr = socket.addr();
    let micros = if params::last() { LAST.read_or_zero(addr) } else { SMOOTHED.read_or_zero(addr) >> 3 };
    // Nothing was measured yet.
    if micros == 0 {
        return None;
    }
    let owned = params::by_process() || gadget::filter::is_limited();
    let header = if owned { owner::header(socket)? } else { Header::NOBODY };
    let mut key = Key { remote: [0; 16], family: 0, pid: 0 };
    if params::by_process() {
        key.pid = header.pid;
    }
    if params::by_address() {
        (key.family, key.remote) = remote(socket);
    }
    let slot = match TIMES.slot(key) {
        Some(slot) => slot,
        None => first(&header, key)?,
    };
    slot.add_at::<{ offset_of!(Times, slots) }, SLOTS>(log2(u64::from(micros)), 1);
    slot.add::<{ offset_of!(Times, total_us) }>(u64::from(micros));
    Some(())
}

/// The other end's family and address. IPv4 within IPv6 is IPv4, so that an address has one histogram.
#[inline(always)]
fn remote(socket: Socket) -> (u32, [u8; 16]) {
    let addr = socket.addr();
    if socket.family() == AF_INET6 {
        let remote: [u8; 16] = fields::REMOTE6.read_or_zero(addr);
        let [zero, rest]: [u64; 2] = gadget::raw::read_kernel_or_zero(fields::REMOTE6.at(addr));
        if zero != 0 || rest as u32 != u32::from_ne_bytes([0, 0, 0xff, 0xff]) {
            return (u32::from(AF_INET6), remote);
        }
    }
    let mut remote = [0; 16];
    remote[..4].copy_from_slice(&fields::REMOTE4.read_or_zero(addr));
    (u32::from(AF_INET), remote)
}

#[inline(always)]
fn first(header: &Header, key: Key) -> Option<Slot<Times>> {
    let mut record = gadget::begin_with::<Times>(header)?;
    let Key { remote, family, .. } = key;
    record.set(Times { slots: [0; SLOTS], total_us: 0, remote, family, reserved: 0 });
    TIMES.insert(key, record)
}
