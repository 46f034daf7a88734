//! What both halves know of a connection: the fixed part of the event. There is no tail.

use gadget::Flow;

/// A connection was made, or could not be.
pub const CONNECT: u8 = 0;
/// A connection was accepted, or could not be.
pub const ACCEPT: u8 = 1;
/// A connection ended.
pub const CLOSE: u8 = 2;

/// This end began the connection.
pub const CLIENT: u8 = 0;
/// This end accepted it.
pub const SERVER: u8 = 1;
/// It is older than the run.
pub const EXISTING: u8 = 2;

/// Bit of [`Tcp::notes`]: the caller gave up before there was an answer.
pub const GIVEN_UP: u8 = 1 << 0;

gadget::event! {
    /// Something that happened to a connection.
    pub struct Tcp {
        /// The two ends.
        pub flow: Flow,
        /// Of a connect: how long it took. Of a close: how long the connection lasted; 0 when it is older than the run.
        pub nanos: u64,
        /// Payload sent so far, in bytes.
        pub sent: u64,
        /// Payload received so far, in bytes.
        pub received: u64,
        /// 0, or the error.
        pub error: i32,
        /// Of an accept: the new descriptor; -1 otherwise.
        pub fd: i32,
        /// What happened.
        pub kind: u8,
        /// Who began.
        pub role: u8,
        /// Bits: what is special about this event.
        pub notes: u8,
        /// Zero.
        pub reserved: [u8; 5],
    }
}
