//! Bytes that the current task has sent or received over a TCP socket, as the call ends that did it: so the process is
//! the one that made the call, whoever opened the socket; connections that are older than the run are seen like others;
//! and what was moved lies in the caller's memory.
//!
//! Kernels from 6.3 on have tracepoints for this, in sockets alone: [`sent`] and [`received`], for
//! `tp_btf/sock_send_length` and `tp_btf/sock_recv_length`. On older ones the end of every system call is looked at:
//! [`sent_by_call`] and [`received_by_call`], both for `tp_btf/sys_exit`. That costs all programs something, and does not
//! see io_uring and splice.

use gadget_abi::Plain;

use super::{Socket, owner::tcp_of_file};
use crate::{Record, Task, context::BtfTracepoint, raw, syscall::Syscall, syscall::number};

/// A call that has moved bytes.
#[derive(Clone, Copy)]
pub struct Moved {
    /// The socket, of TCP.
    pub socket: Socket,
    /// How many bytes; not zero.
    pub bytes: u32,
}

/// What a call has moved, in a record's tail.
#[derive(Clone, Copy)]
pub struct Payload {
    /// Bytes of it in the tail, its beginning.
    pub len: u32,
    /// Bytes of it that are not.
    pub missing: u32,
}

const PROTOCOL_TCP: u16 = 6;
/// `MSG_PEEK`, `MSG_ERRQUEUE`: what is looked at only, and what is no payload.
const NOT_RECEIVED: i32 = 0x2 | 0x2000;
/// Pieces of memory of a call that are looked at.
const PIECES: u64 = 8;

/// Of `sock_send_length`.
#[inline(always)]
pub fn sent(ctx: &BtfTracepoint) -> Option<Moved> {
    of_tracepoint(ctx)
}

/// Of `sock_recv_length`.
#[inline(always)]
pub fn received(ctx: &BtfTracepoint) -> Option<Moved> {
    if ctx.number::<i32>(2) & NOT_RECEIVED != 0 { None } else { of_tracepoint(ctx) }
}

/// Of `sys_exit`.
#[inline(always)]
pub fn sent_by_call(ctx: &BtfTracepoint) -> Option<Moved> {
    let bytes = bytes(ctx.number::<i64>(1))?;
    match Syscall::current().number()? {
        number::WRITE | number::WRITEV | number::SENDTO | number::SENDMSG | number::SENDFILE => {
            of_call(bytes)
        }
        _ => None,
    }
}

/// Of `sys_exit`.
#[inline(always)]
pub fn received_by_call(ctx: &BtfTracepoint) -> Option<Moved> {
    let bytes = bytes(ctx.number::<i64>(1))?;
    let call = Syscall::current();
    let flags = match call.number()? {
        number::READ | number::READV => 0,
        number::RECVFROM => call.arg::<3>() as i32,
        number::RECVMSG => call.arg::<2>() as i32,
        _ => return None,
    };
    if flags & NOT_RECEIVED != 0 { None } else { of_call(bytes) }
}

#[inline(always)]
fn bytes(ret: i64) -> Option<u32> {
    if ret > 0 { u32::try_from(ret).ok() } else { None }
}

#[inline(always)]
fn of_tracepoint(ctx: &BtfTracepoint) -> Option<Moved> {
    let bytes = bytes(i64::from(ctx.number::<i32>(1)))?;
    let socket = Socket::new(ctx.pointer(0).addr());
    if socket.protocol() != PROTOCOL_TCP || !socket.is_ip() {
        return None;
    }
    Some(Moved { socket, bytes })
}

/// Of a call whose first argument is the socket's descriptor.
#[inline(always)]
fn of_call(bytes: u32) -> Option<Moved> {
    let fd = Syscall::current().arg::<0>() as i32;
    let socket = tcp_of_file(Task::current().file(fd))?;
    Some(Moved { socket, bytes })
}

impl Moved {
    /// Appends what was moved to a record, from where the caller has it. Nothing of it when the call is none of `read`,
    /// `readv`, `recvfrom`, `recvmsg` and their counterparts, or a 32-bit program's.
    #[inline(always)]
    pub fn payload<E: Plain>(&self, record: &mut Record<E>) -> Payload {
        let call = Syscall::current();
        let len = match call.number() {
            Some(number::READ | number::WRITE | number::SENDTO | number::RECVFROM) => {
                record.user_bytes(call.arg::<1>(), u64::from(self.bytes)).len
            }
            Some(number::READV | number::WRITEV) => {
                pieces(record, call.arg::<1>(), call.arg::<2>(), self.bytes)
            }
            Some(number::SENDMSG | number::RECVMSG) => {
                // `struct msghdr` of user space: behind the name and its length, the pieces and their number.
                let [pieces_at, count]: [u64; 2] = raw::read_user_or_zero(call.arg::<1>().wrapping_add(16));
                pieces(record, pieces_at, count, self.bytes)
            }
            _ => 0,
        };
        Payload { len, missing: self.bytes.saturating_sub(len) }
    }
}

/// Appends `bytes` bytes that lie in `count` pieces; how many of them it could, without a hole.
#[inline(always)]
fn pieces<E: Plain>(record: &mut Record<E>, at: u64, count: u64, bytes: u32) -> u32 {
    let (mut taken, mut index) = (0, 0);
    while index < PIECES && index < count && taken < bytes {
        let [base, len]: [u64; 2] = raw::read_user_or_zero(at.wrapping_add(index * 16));
        let left = u64::from(bytes - taken);
        let wanted = if len < left { len } else { left };
        let piece = record.user_bytes(base, wanted);
        taken += piece.len;
        if u64::from(piece.len) < wanted {
            break;
        }
        index += 1;
    }
    taken
}
