//! What both halves know of a bind: the fixed part of the event. There is no tail.

use gadget::Flow;

/// Bit of [`Bind::options`]: `SO_REUSEADDR`.
pub const REUSE_ADDR: u8 = 1 << 0;
/// Bit of [`Bind::options`]: `SO_REUSEPORT`.
pub const REUSE_PORT: u8 = 1 << 1;
/// Bit of [`Bind::options`]: `IPV6_V6ONLY`.
pub const V6_ONLY: u8 = 1 << 2;
/// Bit of [`Bind::options`]: `IP_FREEBIND`.
pub const FREEBIND: u8 = 1 << 3;
/// Bit of [`Bind::options`]: `IP_TRANSPARENT`.
pub const TRANSPARENT: u8 = 1 << 4;
/// Bit of [`Bind::options`]: `IP_BIND_ADDRESS_NO_PORT`.
pub const NO_PORT: u8 = 1 << 5;

/// Bit of [`Bind::notes`]: the address given to the call could not be read.
pub const UNREADABLE: u8 = 1 << 0;

gadget::event! {
    /// One call of `bind`, at its return.
    pub struct Bind {
        /// The socket after the call.
        pub flow: Flow,
        /// The address asked for; of IPv4 the first four bytes.
        pub asked: [u8; 16],
        /// The port asked for.
        pub asked_port: u16,
        /// The family of the address asked for.
        pub asked_family: u16,
        /// The file descriptor.
        pub fd: i32,
        /// 0, or the negated error.
        pub ret: i32,
        /// Index of the interface that the socket is bound to; 0 for none.
        pub interface: i32,
        /// Bits: the socket's options.
        pub options: u8,
        /// Bits: what is special about this event.
        pub notes: u8,
        /// Zero.
        pub reserved: [u8; 6],
    }
}
