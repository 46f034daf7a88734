//! What both halves know of a retransmission: the fixed part of the event. There is no tail.

use gadget::Flow;

/// The acknowledgement did not come in time.
pub const TIMEOUT: u8 = 0;
/// The other end's acknowledgements tell that something is missing.
pub const FAST: u8 = 1;
/// The last segment, sent again early to provoke an acknowledgement.
pub const LOSS_PROBE: u8 = 2;
/// The segment that opens a connection.
pub const SYN: u8 = 3;
/// The answer to it.
pub const SYN_ACK: u8 = 4;

gadget::event! {
    /// A segment sent again.
    pub struct Retransmit {
        /// The two ends.
        pub flow: Flow,
        /// Its first sequence number.
        pub sequence: u32,
        /// Its length in sequence numbers.
        pub length: u32,
        /// Flags of its header.
        pub flags: u8,
        /// Why.
        pub reason: u8,
        /// Timeouts in a row, this one included.
        pub timeouts: u8,
        /// Zero.
        pub reserved: [u8; 5],
    }
}
