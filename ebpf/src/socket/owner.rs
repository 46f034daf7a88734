//! Which process a TCP socket belongs to, for events that come by where the current task is anyone: the network's
//! softirqs and timers.
//!
//! A socket is remembered with the header of whoever connects it, makes it listen, or accepts it, and, by an iterator
//! that the host runs when it has attached everything, of whoever has it open when the run begins. It is forgotten when
//! the kernel takes it down. Filters are applied when it is remembered: what a run does not want has no owner here.
//!
//! [`socket_owners!`](crate::socket_owners) declares the programs; the gadget's manifest names them as hooks.

#![expect(
    clippy::allow_attributes,
    reason = "the macro's, which serves crates that deny unsafe code and others"
)]

use gadget_abi::Header;

use super::{Socket, unowned};
use crate::{
    Task,
    context::{BtfTracepoint, Iter, OpenFile, Tracepoint},
    header_of, header_of_current, map,
};

map! {
    /// The owner of each socket, by the socket's address.
    static GADGET_SOCKET_OWNERS: Hash<u64, Header> = 65_536;
}

const PROTOCOL_TCP: u16 = 6;
const CLOSE: i32 = 7;
const SYN_SENT: i32 = 2;
const LISTEN: i32 = 10;

/// The header of an event of `socket`: its owner's, or, when that is not known, what the socket tells of itself. `None`
/// when a filter does not want it.
#[inline(always)]
pub fn header(socket: Socket) -> Option<Header> {
    match GADGET_SOCKET_OWNERS.get(socket.addr().get()) {
        Some(header) => Some(header),
        None if socket.is_small() => unowned::unowned_header(socket),
        None => unowned::header(socket, socket.uid()),
    }
}

/// Remembers the sockets that processes have open now.
#[inline(always)]
pub fn now(ctx: &Iter<OpenFile>) -> Option<()> {
    let open = ctx.object()?;
    let socket = tcp_of_file(open.file)?;
    let key = socket.addr().get();
    if !GADGET_SOCKET_OWNERS.contains(key) {
        GADGET_SOCKET_OWNERS.insert(key, header_of(open.task)?);
    }
    Some(())
}

/// Remembers a socket that begins to connect or to listen: `inet_sock_set_state`.
#[inline(always)]
pub fn state(ctx: &BtfTracepoint) -> Option<()> {
    let (old, new): (i32, i32) = (ctx.number(1), ctx.number(2));
    if old != CLOSE || (new != SYN_SENT && new != LISTEN) {
        return None;
    }
    let socket = Socket::new(ctx.pointer(0).addr());
    if socket.protocol() != PROTOCOL_TCP {
        return None;
    }
    GADGET_SOCKET_OWNERS.insert(socket.addr().get(), header_of_current()?);
    Some(())
}

/// Remembers a socket that was accepted: the exit of `accept` and `accept4`.
#[inline(always)]
pub fn accepted(ctx: &Tracepoint) -> Option<()> {
    let fd = i32::try_from(ctx.ret()).ok().filter(|fd| *fd >= 0)?;
    let socket = tcp_of_file(Task::current().file(fd))?;
    GADGET_SOCKET_OWNERS.insert(socket.addr().get(), header_of_current()?);
    Some(())
}

/// Forgets a socket: `tcp_destroy_sock`.
#[inline(always)]
pub fn end(ctx: &BtfTracepoint) {
    GADGET_SOCKET_OWNERS.remove(ctx.pointer(0).addr().get());
}

/// The TCP socket behind a file.
#[inline(always)]
pub fn tcp_of_file(file: crate::kernel::Addr) -> Option<Socket> {
    let socket = Socket::of_file(file)?;
    if socket.is_ip() && socket.protocol() == PROTOCOL_TCP { Some(socket) } else { None }
}

/// Declares the programs that keep the owners of TCP sockets: `owners_now`, `owners_state`, `owners_accept`,
/// `owners_accept4` and `owners_end`.
#[macro_export]
macro_rules! socket_owners {
    () => {
        #[gadget::program("iter/task_file")]
        fn owners_now(ctx: $crate::context::Iter<$crate::context::OpenFile>) -> Option<()> {
            $crate::socket::owner::now(&ctx)
        }

        #[gadget::program("tp_btf/inet_sock_set_state")]
        fn owners_state(ctx: $crate::context::BtfTracepoint) -> Option<()> {
            $crate::socket::owner::state(&ctx)
        }

        #[gadget::program("tracepoint/syscalls/sys_exit_accept")]
        fn owners_accept(ctx: $crate::context::Tracepoint) -> Option<()> {
            $crate::socket::owner::accepted(&ctx)
        }

        #[gadget::program("tracepoint/syscalls/sys_exit_accept4")]
        fn owners_accept4(ctx: $crate::context::Tracepoint) -> Option<()> {
            $crate::socket::owner::accepted(&ctx)
        }

        #[gadget::program("tp_btf/tcp_destroy_sock")]
        fn owners_end(ctx: $crate::context::BtfTracepoint) {
            $crate::socket::owner::end(&ctx);
        }
    };
}
