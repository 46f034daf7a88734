//! A socket, and what can be told of it, at whatever hook it comes by.
//!
//! Read by helper, like the fields of a task: many hooks give the socket as a bare number, and a socket that is in the
//! middle of being made or taken down lacks some of its parts, which then read as zero.

pub mod fields;
pub mod moved;
pub mod owner;
pub(crate) mod unowned;

pub use unowned::unowned_header;

use gadget_abi::{
    Flow,
    flow::{AF_INET, AF_INET6},
};

use crate::{fields as kernel, kernel::Addr, raw};

/// A `struct sock`.
#[derive(Clone, Copy)]
pub struct Socket(Addr);

/// `S_IFMT` and `S_IFSOCK`.
const TYPE_OF_FILE: u16 = 0o170_000;
const IS_SOCKET: u16 = 0o140_000;

impl Socket {
    /// The socket whose `struct sock` lies at `address`.
    #[inline(always)]
    pub const fn new(address: Addr) -> Self {
        Self(address)
    }

    /// Where its `struct sock` lies: its name among the sockets that exist now, and where further fields are read.
    #[inline(always)]
    pub const fn addr(&self) -> Addr {
        self.0
    }

    /// The socket behind an open file; `None` when the file is something else.
    #[inline(always)]
    pub fn of_file(file: Addr) -> Option<Self> {
        // An iterator's file may be null as far as the verifier knows.
        if file.is_null() {
            return None;
        }
        let mode = kernel::INODE_MODE.read_or_zero(kernel::FILE_INODE.read_or_zero(file));
        if mode & TYPE_OF_FILE != IS_SOCKET {
            return None;
        }
        // Null for a socket's name in the file system that was opened with `O_PATH`.
        let sock = fields::SOCKET_SOCK.read_or_zero(kernel::FILE_PRIVATE.read_or_zero(file));
        if sock.is_null() { None } else { Some(Self(sock)) }
    }

    /// `AF_*`.
    #[inline(always)]
    pub fn family(&self) -> u16 {
        fields::FAMILY.read_or_zero(self.0)
    }

    /// Whether it speaks IPv4 or IPv6.
    #[inline(always)]
    pub fn is_ip(&self) -> bool {
        let family = self.family();
        family == AF_INET || family == AF_INET6
    }

    /// `IPPROTO_*`, for a full socket.
    #[inline(always)]
    pub fn protocol(&self) -> u16 {
        fields::PROTOCOL.read_or_zero(self.0)
    }

    /// `TCP_*`, also where the protocol is another.
    #[inline(always)]
    pub fn state(&self) -> u8 {
        fields::STATE.read_or_zero(self.0)
    }

    /// Inode number of the network namespace.
    #[inline(always)]
    pub fn netns(&self) -> u32 {
        fields::NET_INUM.read_or_zero(fields::NET.read_or_zero(self.0))
    }

    /// The user who made it, in the initial user namespace.
    #[inline(always)]
    pub fn uid(&self) -> u32 {
        fields::UID.read_or_zero(self.0)
    }

    /// Id of the v2 cgroup it was made in.
    #[inline(always)]
    pub fn cgroup(&self) -> u64 {
        let cgroup = fields::CGROUP.read_or_zero(self.0);
        kernel::KERNFS_ID.read_or_zero(kernel::CGROUP_NODE.read_or_zero(cgroup))
    }

    /// The error that waits for the next call on it, as a positive number.
    #[inline(always)]
    pub fn error(&self) -> i32 {
        fields::ERROR.read_or_zero(self.0)
    }

    /// The file that user space has of it; null when there is none (any more, or yet).
    #[inline(always)]
    pub fn file(&self) -> Addr {
        fields::SOCKET_FILE.read_or_zero(fields::SOCKET.read_or_zero(self.0))
    }

    /// Inode number of its file; 0 without one.
    #[inline(always)]
    pub fn inode(&self) -> u64 {
        kernel::INODE_NUMBER.read_or_zero(kernel::FILE_INODE.read_or_zero(self.file()))
    }

    /// Its two ends. Also for the small sockets of connections that wait for their handshake or their end
    /// (`TCP_NEW_SYN_RECV`, `TCP_TIME_WAIT`), whose protocol is TCP.
    #[inline(always)]
    pub fn flow(&self) -> Flow {
        let family = self.family();
        let state = self.state();
        let (mut local, mut remote) = ([0; 16], [0; 16]);
        if family == AF_INET6 {
            local = fields::LOCAL6.read_or_zero(self.0);
            remote = fields::REMOTE6.read_or_zero(self.0);
        } else if family == AF_INET {
            local[..4].copy_from_slice(&fields::LOCAL4.read_or_zero(self.0));
            remote[..4].copy_from_slice(&fields::REMOTE4.read_or_zero(self.0));
        }
        let small = is_small(state);
        let local_port = if small {
            fields::LOCAL_PORT.read_or_zero(self.0)
        } else {
            u16::from_be_bytes(fields::LOCAL_PORT_KEPT.read_or_zero(self.0))
        };
        Flow {
            local,
            remote,
            local_port,
            remote_port: u16::from_be_bytes(fields::REMOTE_PORT.read_or_zero(self.0)),
            family,
            protocol: if small { PROTOCOL_TCP } else { self.protocol() },
            netns: self.netns(),
            state: u32::from(state),
        }
    }

    /// Whether it is one of the small sockets of connections that wait for their handshake or their end: of those, only
    /// [`Self::flow`] can be told.
    #[inline(always)]
    pub fn is_small(&self) -> bool {
        is_small(self.state())
    }

    /// `skc_reuse` (bits 0 to 3), `skc_reuseport` (4) and `skc_ipv6only` (5): bit fields, which have no offset of their
    /// own; they lie in the byte behind the state.
    #[inline(always)]
    pub fn reuse(&self) -> u8 {
        raw::read_kernel_or_zero(fields::STATE.at(self.0).plus(1))
    }
}

const PROTOCOL_TCP: u16 = 6;
const TIME_WAIT: u8 = 6;
const NEW_SYN_RECV: u8 = 12;

/// Whether a socket in this state is no full `struct sock`: only the part that all share may be read.
#[inline(always)]
const fn is_small(state: u8) -> bool {
    state == TIME_WAIT || state == NEW_SYN_RECV
}
