//! Events of sockets that no process is known for: they are not accepted yet, or closed already, or older than the run.
//!
//! What is told of the user and the container is the socket's own, and the user is -1 where not even that is known;
//! there is no process, so a filter by process, name or group does not want them, nor does a scope, which goes by mount
//! namespace.

use gadget_abi::{Header, Plain};

use super::Socket;
use crate::{Record, begin_with, filter, raw};

/// As the kernel says it of users and groups.
const UNKNOWN: u32 = u32::MAX;

/// The header of an event of `socket`, whose maker is `uid`. `None` when a filter does not want it.
#[inline(always)]
pub(crate) fn header(socket: Socket, uid: u32) -> Option<Header> {
    let wanted = filter::ids(0, 0) && filter::owner(uid, UNKNOWN) && filter::comm([0; 2]) && filter::scope(0);
    if !wanted {
        return None;
    }
    Some(Header {
        timestamp: raw::boot_ns(),
        cgroup: if socket.is_small() { 0 } else { socket.cgroup() },
        mntns: 0,
        pid: 0,
        tid: 0,
        uid,
        gid: UNKNOWN,
        ppid: 0,
        comm: [0; 16],
        parent_comm: [0; 16],
    })
}

/// The header of an event about no socket, or one of which only the address is known. `None` when a filter does not
/// want it.
#[inline(always)]
pub fn unowned_header(socket: Socket) -> Option<Header> {
    header(socket, UNKNOWN)
}

/// Begins a record about a socket without a process. `None` when it is filtered out, or lost (and counted).
#[inline(always)]
pub fn begin_unowned<E: Plain>(socket: Socket, uid: u32) -> Option<Record<E>> {
    begin_with(&header(socket, uid)?)
}
