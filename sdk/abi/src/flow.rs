//! The two ends of a socket, as every network gadget's event holds them: written by the kernel half's `Socket`, read by
//! the post-processor's `net` module, so that all of them name addresses and ports in the same way.

use crate::event;

/// `AF_INET`.
pub const AF_INET: u16 = 2;
/// `AF_INET6`.
pub const AF_INET6: u16 = 10;

event! {
    /// The two ends of a socket. An address that is not set is all zeroes.
    #[derive(Debug, Default, PartialEq, Eq)]
    pub struct Flow {
        /// The end on this machine, in network order; of IPv4 the first four bytes.
        pub local: [u8; 16],
        /// The other end, likewise.
        pub remote: [u8; 16],
        /// Port of the end on this machine.
        pub local_port: u16,
        /// Port of the other end.
        pub remote_port: u16,
        /// `AF_INET` or `AF_INET6`.
        pub family: u16,
        /// `IPPROTO_*`.
        pub protocol: u16,
        /// Inode number of the network namespace.
        pub netns: u32,
        /// `TCP_*`: the state of the socket, whatever its protocol.
        pub state: u32,
    }
}

impl Flow {
    /// No socket.
    pub const NONE: Self = Self {
        local: [0; 16],
        remote: [0; 16],
        local_port: 0,
        remote_port: 0,
        family: 0,
        protocol: 0,
        netns: 0,
        state: 0,
    };
}
