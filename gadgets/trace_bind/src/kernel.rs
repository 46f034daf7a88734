//! Binds, at the exit of the call: there the socket has the port that the kernel chose, and the arguments can still be
//! read (see `gadget::syscall`).
#![no_std]
#![no_main]

use gadget::{
    flow::{AF_INET, AF_INET6},
    prelude::*,
    raw, socket_fields as fields,
};

mod event;
use event::Bind;

gadget::params! {
    /// Only binds that failed.
    failed: bool,
}

/// Bits of `inet_sock.inet_flags`.
const INET_FREEBIND: u64 = 1 << 11;
const INET_TRANSPARENT: u64 = 1 << 15;
const INET_NO_PORT: u64 = 1 << 18;

#[gadget::program("tracepoint/syscalls/sys_exit_bind")]
fn bind(ctx: Tracepoint) -> Option<()> {
    let ret = ctx.ret() as i32;
    if params::failed() && ret >= 0 {
        return None;
    }
    let syscall = Syscall::current();
    let fd = syscall.arg::<0>() as i32;
    let address = syscall.arg::<1>();
    // `sa_family` and the port lie in the same place for both.
    let asked: Option<[u16; 2]> = raw::read_user(address);
    let [asked_family, asked_port] = asked.unwrap_or_default();
    let socket = Socket::of_file(Task::current().file(fd));
    // Without a socket, what was asked for tells whether it is about IP.
    let family = socket.map_or(asked_family, |socket| socket.family());
    if family != AF_INET && family != AF_INET6 {
        return None;
    }
    let mut record = gadget::begin::<Bind>()?;
    let mut bytes = [0; 16];
    if asked_family == AF_INET6 {
        bytes = raw::read_user_or_zero(address + 8);
    } else {
        bytes[..4].copy_from_slice(&raw::read_user_or_zero::<[u8; 4]>(address + 4));
    }
    let mut event = Bind {
        flow: Flow::default(),
        asked: bytes,
        asked_port: u16::from_be(asked_port),
        asked_family,
        fd,
        ret,
        interface: 0,
        options: 0,
        notes: if asked.is_none() { event::UNREADABLE } else { 0 },
        reserved: [0; 6],
    };
    if let Some(socket) = socket {
        event.flow = socket.flow();
        event.interface = fields::BOUND_IF.read_or_zero(socket.addr());
        event.options = options(socket);
    }
    record.set(event);
    record.emit()
}

#[inline(always)]
fn options(socket: Socket) -> u8 {
    let reuse = socket.reuse();
    let mut options = 0;
    if reuse & 0x0f != 0 {
        options |= event::REUSE_ADDR;
    }
    if reuse & 0x10 != 0 {
        options |= event::REUSE_PORT;
    }
    if reuse & 0x20 != 0 {
        options |= event::V6_ONLY;
    }
    if fields::INET_FLAGS.exists() {
        let flags = fields::INET_FLAGS.read_or_zero(socket.addr());
        if flags & INET_FREEBIND != 0 {
            options |= event::FREEBIND;
        }
        if flags & INET_TRANSPARENT != 0 {
            options |= event::TRANSPARENT;
        }
        if flags & INET_NO_PORT != 0 {
            options |= event::NO_PORT;
        }
    }
    options
}
