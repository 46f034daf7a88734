//! TCP connections, by the changes of their state.
//!
//! A connect begins in the caller's context; its answer, and the end of a connection, come by in a softirq as often as
//! not. So the caller's header is kept from the beginning to the end. An accept is seen at the exit of the call, where
//! the connection has an owner at last. Connections that exist already are gone over when the run begins.
#![no_std]
#![no_main]

use core::mem::offset_of;

use gadget::{Header, prelude::*, socket::owner::tcp_of_file, socket_fields as fields};

mod event;
use event::Tcp;

gadget::params! {
    /// Only connects.
    connect_only: bool,
    /// Only accepts.
    accept_only: bool,
    /// Only what failed.
    failure_only: bool,
}

gadget::kernel_field! {
    static BYTES_SENT: tcp_sock.bytes_sent => u64;
    static BYTES_RETRANS: tcp_sock.bytes_retrans => u64;
    static BYTES_RECEIVED: tcp_sock.bytes_received => u64;
}

gadget::event! {
    /// A connection from its beginning to its end.
    struct Connection {
        header: Header,
        start: u64,
        role: u8,
        reserved: [u8; 7],
    }
}

gadget::map! {
    /// By the socket's address. At its close every socket is removed.
    static CONNECTIONS: Hash<u64, Connection> = 65_536;
}

const START: usize = offset_of!(Connection, start);
const ROLE: usize = offset_of!(Connection, role);

const ESTABLISHED: i32 = 1;
const SYN_SENT: i32 = 2;
const SYN_RECV: i32 = 3;
const CLOSE: i32 = 7;
const LISTEN: i32 = 10;
const PROTOCOL_TCP: u16 = 6;
/// Bit of a socket's flags: the other end has sent its last byte.
const SOCK_DONE: u64 = 1 << 1;

const EINTR: i32 = 4;
const EAGAIN: i32 = 11;
const ERESTARTSYS: i32 = 512;

#[gadget::program("tp_btf/inet_sock_set_state")]
fn state(ctx: BtfTracepoint) -> Option<()> {
    let (old, new): (i32, i32) = (ctx.number(1), ctx.number(2));
    let socket = Socket::new(ctx.pointer(0).addr());
    match (old, new) {
        (CLOSE, SYN_SENT) => begin(socket),
        (SYN_SENT, ESTABLISHED) => connected(socket),
        (SYN_SENT, CLOSE) => not_connected(socket),
        // Never accepted, or no connection at all.
        (SYN_RECV | LISTEN | CLOSE, CLOSE) => None,
        (_, CLOSE) => closed(socket),
        _ => None,
    }
}

#[gadget::program("tracepoint/syscalls/sys_exit_accept")]
fn accept(ctx: Tracepoint) -> Option<()> {
    accepted(ctx)
}

#[gadget::program("tracepoint/syscalls/sys_exit_accept4")]
fn accept4(ctx: Tracepoint) -> Option<()> {
    accepted(ctx)
}

#[gadget::program("iter/task_file")]
fn existing(ctx: Iter<OpenFile>) -> Option<()> {
    let open = ctx.object()?;
    let socket = tcp_of_file(open.file)?;
    let state = i32::from(socket.state());
    let key = socket.addr().get();
    if state == CLOSE || state == LISTEN || CONNECTIONS.contains(key) {
        return None;
    }
    let header = gadget::header_of(open.task)?;
    CONNECTIONS.insert(key, Connection { header, start: 0, role: event::EXISTING, reserved: [0; 7] });
    Some(())
}

// Functions of their own, each with a stack of its own.

/// A connect, in the caller's context.
#[inline(never)]
fn begin(socket: Socket) -> Option<()> {
    if socket.protocol() != PROTOCOL_TCP {
        return None;
    }
    let header = gadget::header_of_current()?;
    let connection =
        Connection { header, start: gadget::raw::boot_ns(), role: event::CLIENT, reserved: [0; 7] };
    CONNECTIONS.begin(socket.addr().get(), connection);
    Some(())
}

/// The answer came: from here on the connection's time counts.
#[inline(never)]
fn connected(socket: Socket) -> Option<()> {
    let slot = CONNECTIONS.slot(socket.addr().get())?;
    let nanos = since(slot.field::<START, u64>());
    slot.put::<START, u64>(gadget::raw::boot_ns());
    if params::failure_only() || params::accept_only() {
        return None;
    }
    gadget::emit_with(&slot, Tcp { flow: socket.flow(), nanos, kind: event::CONNECT, ..NOTHING })
}

/// It was refused, nobody answered, or the caller gave up.
#[inline(never)]
fn not_connected(socket: Socket) -> Option<()> {
    let key = socket.addr().get();
    let slot = CONNECTIONS.slot(key)?;
    if !params::accept_only() {
        let error = socket.error();
        let notes = if error == 0 { event::GIVEN_UP } else { 0 };
        let nanos = since(slot.field::<START, u64>());
        let flow = socket.flow();
        gadget::emit_with(&slot, Tcp { flow, nanos, error, kind: event::CONNECT, notes, ..NOTHING });
    }
    CONNECTIONS.remove(key);
    Some(())
}

#[inline(never)]
fn closed(socket: Socket) -> Option<()> {
    let key = socket.addr().get();
    let slot = CONNECTIONS.slot(key)?;
    let error = socket.error();
    if !(params::connect_only() || params::accept_only() || (params::failure_only() && error == 0)) {
        let addr = socket.addr();
        let received = BYTES_RECEIVED.read_or_zero(addr);
        // The end itself takes a number, too.
        let end = u64::from(fields::FLAGS.read_or_zero(addr) & SOCK_DONE != 0 && received > 0);
        gadget::emit_with(
            &slot,
            Tcp {
                flow: socket.flow(),
                nanos: since(slot.field::<START, u64>()),
                sent: BYTES_SENT.read_or_zero(addr).wrapping_sub(BYTES_RETRANS.read_or_zero(addr)),
                received: received - end,
                error,
                kind: event::CLOSE,
                role: slot.field::<ROLE, u8>(),
                ..NOTHING
            },
        );
    }
    CONNECTIONS.remove(key);
    Some(())
}

#[inline(always)]
fn accepted(ctx: Tracepoint) -> Option<()> {
    let ret = ctx.ret() as i32;
    if ret < 0 { not_accepted(-ret) } else { now_accepted(ret) }
}

#[inline(never)]
fn now_accepted(fd: i32) -> Option<()> {
    let socket = tcp_of_file(Task::current().file(fd))?;
    // A connection that was reset while it waited has seen its end already.
    if i32::from(socket.state()) != CLOSE {
        server(socket)?;
    }
    if params::connect_only() || params::failure_only() {
        return None;
    }
    let flow = socket.flow();
    gadget::emit_current(Tcp { flow, fd, kind: event::ACCEPT, role: event::SERVER, ..NOTHING })
}

#[inline(never)]
fn server(socket: Socket) -> Option<()> {
    let header = gadget::header_of_current()?;
    let connection =
        Connection { header, start: gadget::raw::boot_ns(), role: event::SERVER, reserved: [0; 7] };
    CONNECTIONS.begin(socket.addr().get(), connection);
    Some(())
}

/// Not for want of a connection, or because of a signal, but because something is wrong.
#[inline(never)]
fn not_accepted(error: i32) -> Option<()> {
    if params::connect_only() || error == EAGAIN || error == EINTR || error == ERESTARTSYS {
        return None;
    }
    let listener = Syscall::current().arg::<0>() as i32;
    let flow = tcp_of_file(Task::current().file(listener))?.flow();
    gadget::emit_current(Tcp { flow, error, kind: event::ACCEPT, role: event::SERVER, ..NOTHING })
}

/// Nanoseconds since `start`; 0 when that is not known.
#[inline(always)]
fn since(start: u64) -> u64 {
    if start == 0 { 0 } else { gadget::raw::boot_ns() - start }
}

const NOTHING: Tcp = Tcp {
    flow: Flow::NONE,
    nanos: 0,
    sent: 0,
    received: 0,
    error: 0,
    fd: -1,
    kind: event::CONNECT,
    role: event::CLIENT,
    notes: 0,
    reserved: [0; 5],
};
