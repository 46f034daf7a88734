//! What both halves know of DNS messages: the fixed part of the event, and its tail ([`Packet::message_len`] bytes). Over
//! UDP that is one message; over TCP what one call has sent or received, which may hold several messages, and begin and
//! end within one.

use gadget::Flow;

/// A query leaves.
pub const QUERY: u8 = 0;
/// An answer arrives.
pub const ANSWER: u8 = 1;

gadget::event! {
    /// One message, or a piece of a connection. Over UDP, the header of a query is of its sender and that of an answer
    /// only tells the time; over TCP it is of whoever made the call.
    pub struct Packet {
        /// The two ends: the process that asks, and the name server.
        pub flow: Flow,
        /// Bytes in the tail.
        pub message_len: u32,
        /// Over TCP: where in its direction of the connection the piece begins, in bytes from an arbitrary number.
        pub position: u32,
        /// Over TCP: bytes of the piece that follow those in the tail and are not there.
        pub missing: u32,
        /// Which way it goes.
        pub kind: u8,
        /// Zero.
        pub reserved: [u8; 3],
    }
}
