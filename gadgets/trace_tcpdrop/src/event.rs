//! What both halves know of a dropped packet: the fixed part of the event. There is no tail.

use gadget::Flow;

/// The packet came in.
pub const IN: u8 = 0;
/// The packet was to go out.
pub const OUT: u8 = 1;

gadget::event! {
    /// A packet that was dropped.
    pub struct Drop {
        /// The two ends, as the packet names them; the state is the socket's, 0 without one.
        pub flow: Flow,
        /// The kernel's number of the reason.
        pub reason: u32,
        /// Bytes of the packet.
        pub length: u32,
        /// The interface it came in by; 0 for none.
        pub interface: i32,
        /// Flags of its header.
        pub flags: u8,
        /// Which way it went.
        pub direction: u8,
        /// Zero.
        pub reserved: [u8; 2],
    }
}
