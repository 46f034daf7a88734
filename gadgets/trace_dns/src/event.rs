//! What both halves know of a DNS message: the fixed part of the event, and its tail: the message
//! ([`Packet::message_len`] bytes).

use gadget::Flow;

/// A query leaves.
pub const QUERY: u8 = 0;
/// An answer arrives.
pub const ANSWER: u8 = 1;

gadget::event! {
    /// One message. The header of a query is of its sender; that of an answer only tells the time.
    pub struct Packet {
        /// The two ends: the process that asks, and the name server.
        pub flow: Flow,
        /// Bytes of the message in the tail.
        pub message_len: u32,
        /// Which way it goes.
        pub kind: u8,
        /// Zero.
        pub reserved: [u8; 3],
    }
}
