//! What both halves know of a socket: the fixed part of the record, and how its tail is laid out.
//!
//! The header describes the process that has the socket open; of a socket without one, it has only the user who made it
//! and the cgroup. The tail is the name of a Unix socket ([`Sock::name_len`] bytes): a path, or, after a NUL, an abstract
//! name.

use gadget::Flow;

/// `AF_UNIX`.
pub const AF_UNIX: u16 = 1;

/// Bit of [`Sock::notes`]: no process has the socket open.
pub const NO_PROCESS: u8 = 1 << 0;

gadget::event! {
    /// One socket, as one process has it open.
    pub struct Sock {
        /// The two ends; of a Unix socket only family, state and network namespace.
        pub flow: Flow,
        /// By what the same socket is known when another process, or descriptor, has it too.
        pub id: u64,
        /// Inode number of its file; 0 without one.
        pub inode: u64,
        /// The user who made it.
        pub uid: u32,
        /// The file descriptor; -1 without a process.
        pub fd: i32,
        /// Of a listening socket: connections that wait to be accepted. Of another: bytes that wait to be read.
        pub receive_queue: u32,
        /// Of a listening socket: how many may wait. Of another: bytes that are not acknowledged.
        pub send_queue: u32,
        /// Bytes of the name in the tail.
        pub name_len: u32,
        /// `SOCK_*`.
        pub kind: u16,
        /// Bits: what is special about this socket.
        pub notes: u8,
        /// Zero.
        pub reserved: u8,
    }
}
