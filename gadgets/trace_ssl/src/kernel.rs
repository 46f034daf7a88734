//! Calls that read or write through TLS, at their return; and the sockets that are used while they last, by which it is
//! known who is at the other end.
//!
//! A call is remembered by the thread that makes it, of Go by the goroutine, which may go on in another thread. A call that
//! is made within another one is not told of: `SSL_read_ex` may be made of `SSL_read`, and TLS within TLS shows what the
//! program wrote, not what that was turned into.
#![no_std]
#![no_main]

use gadget::{prelude::*, raw, syscall::number};

mod calls;
mod event;

use calls::{InFlight, Outcome, Strand};

gadget::params! {
    /// Bytes of payload at most.
    payload: u32,
    /// `read`, `write`, or nothing for both.
    direction: [u8; 8],
    /// Also calls that moved nothing.
    all_calls: bool,
}

/// The functions of the sections, by their place in the list: the second and fourth write, the others read.
const SSL_READ_EX: u64 = 2;

#[gadget::program("uprobe/SSL_read,SSL_write,SSL_read_ex,SSL_write_ex")]
fn openssl_call(ctx: Uprobe) -> Option<()> {
    let function = ctx.function();
    // Only the `_ex` functions have a fourth argument: where they tell how many bytes they moved.
    let moved_at = if function >= SSL_READ_EX { ctx.arg::<3>() } else { 0 };
    let call = in_flight(ctx.frame(), ctx.arg::<0>(), ctx.arg::<1>(), function);
    calls::begin(Strand::thread(), InFlight { moved_at, ..call })
}

#[gadget::program("uretprobe/SSL_read,SSL_write,SSL_read_ex,SSL_write_ex")]
fn openssl_return(ctx: Uprobe) -> Option<()> {
    let call = calls::end(Strand::thread(), ctx.frame_at_return())?;
    let result = i64::from(ctx.ret() as i32);
    let bytes = match call.moved_at {
        0 => moved(result),
        at if result == 1 => raw::read_user_or_zero(at),
        _ => 0,
    };
    tell(&call, &Outcome { library: event::OPENSSL, result, bytes, failed: false })
}

#[gadget::program("uprobe/gnutls_record_recv,gnutls_record_send")]
fn gnutls_call(ctx: Uprobe) -> Option<()> {
    calls::begin(Strand::thread(), in_flight(ctx.frame(), ctx.arg::<0>(), ctx.arg::<1>(), ctx.function()))
}

#[gadget::program("uretprobe/gnutls_record_recv,gnutls_record_send")]
fn gnutls_return(ctx: Uprobe) -> Option<()> {
    let call = calls::end(Strand::thread(), ctx.frame_at_return())?;
    let result = ctx.ret().cast_signed();
    tell(&call, &Outcome { library: event::GNUTLS, result, bytes: moved(result), failed: false })
}

#[gadget::program("uprobe/go:crypto/tls.(*Conn).Read,go:crypto/tls.(*Conn).Write")]
fn go_call(ctx: Uprobe) -> Option<()> {
    let call = in_flight(ctx.go_frame(), ctx.go::<0>(), ctx.go::<1>(), ctx.function());
    calls::begin(Strand::goroutine(ctx.goroutine()), call)
}

#[gadget::program("uprobe/go-return:crypto/tls.(*Conn).Read,go-return:crypto/tls.(*Conn).Write")]
fn go_return(ctx: Uprobe) -> Option<()> {
    let call = calls::end(Strand::goroutine(ctx.goroutine()), ctx.go_frame())?;
    let result = ctx.go::<0>().cast_signed();
    // The error is an interface: it has a type, or there is none.
    tell(&call, &Outcome { library: event::GO, result, bytes: moved(result), failed: ctx.go::<1>() != 0 })
}

#[gadget::program("tp_btf/sock_send_length")]
fn sent(ctx: BtfTracepoint) -> Option<()> {
    calls::uses(&calls::current()?, Socket::new(ctx.pointer(0).addr()))
}

#[gadget::program("tp_btf/sock_recv_length")]
fn received(ctx: BtfTracepoint) -> Option<()> {
    calls::uses(&calls::current()?, Socket::new(ctx.pointer(0).addr()))
}

// For kernels before 6.3, which do not tell when a socket is used.
#[gadget::program("raw_tracepoint/sys_enter")]
fn enters_write(ctx: RawTracepoint) -> Option<()> {
    descriptor(&ctx, [number::WRITE, number::WRITEV, number::SENDTO, number::SENDMSG])
}

#[gadget::program("raw_tracepoint/sys_enter")]
fn enters_read(ctx: RawTracepoint) -> Option<()> {
    descriptor(&ctx, [number::READ, number::READV, number::RECVFROM, number::RECVMSG])
}

/// Notes the socket of a system call, if it is one of these.
#[inline(always)]
fn descriptor(ctx: &RawTracepoint, numbers: [u32; 4]) -> Option<()> {
    let call = ctx.number(1);
    if !numbers.iter().any(|it| u64::from(*it) == call) {
        return None;
    }
    let slot = calls::current()?;
    let fd = Syscall::current().arg::<0>() as i32;
    calls::uses(&slot, Socket::of_file(Task::current().file(fd))?)
}

/// A call that begins.
#[inline(always)]
fn in_flight(frame: u64, connection: u64, buffer: u64, function: u64) -> InFlight {
    InFlight {
        frame,
        connection,
        buffer,
        moved_at: 0,
        start: raw::boot_ns(),
        socket: 0,
        writes: function & 1,
    }
}

/// Bytes that a call moved whose result says so, or that it failed.
#[inline(always)]
fn moved(result: i64) -> u64 {
    if result > 0 { result.cast_unsigned() } else { 0 }
}

/// Whether reads (0) or writes (1) are wanted.
#[inline(always)]
fn wants(writes: u64) -> bool {
    match params::direction()[0] {
        b'r' => writes == 0,
        b'w' => writes == 1,
        _ => true,
    }
}

/// Tells of a call that returned.
#[inline(always)]
fn tell(call: &InFlight, outcome: &Outcome) -> Option<()> {
    let nanos = raw::boot_ns().wrapping_sub(call.start);
    let flow = calls::flow(call);
    if !wants(call.writes) || (outcome.bytes == 0 && !params::all_calls()) {
        return None;
    }
    let mut record = gadget::begin::<event::Call>()?;
    let most = u64::from(params::payload());
    let payload = record.user_bytes(call.buffer, if outcome.bytes < most { outcome.bytes } else { most });
    let mut notes = if payload.unreadable { event::UNREADABLE } else { 0 };
    if outcome.failed {
        notes |= event::FAILED;
    }
    record.set(event::Call {
        flow,
        bytes: outcome.bytes,
        nanos,
        result: outcome.result,
        payload_len: payload.len,
        library: outcome.library,
        direction: if call.writes == 1 { event::WRITE } else { event::READ },
        notes,
        reserved: 0,
    });
    record.emit()
}
