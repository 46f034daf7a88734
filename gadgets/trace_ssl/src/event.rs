//! What both halves know of a call: the fixed part of the event, and its tail: the first bytes of what was read or written
//! ([`Call::payload_len`] of them).

use gadget::Flow;

/// OpenSSL, and what has its functions.
pub const OPENSSL: u8 = 0;
/// GnuTLS.
pub const GNUTLS: u8 = 1;
/// Go's crypto/tls.
pub const GO: u8 = 2;

/// The program reads.
pub const READ: u8 = 0;
/// The program writes.
pub const WRITE: u8 = 1;

/// The payload could not be read.
pub const UNREADABLE: u8 = 1;
/// The call returned an error; only of Go, where the result does not tell.
pub const FAILED: u8 = 2;

gadget::event! {
    /// One call that returned.
    pub struct Call {
        /// The connection below it; [`Flow::NONE`] when that is not known.
        pub flow: Flow,
        /// Bytes read or written.
        pub bytes: u64,
        /// How long it took, in nanoseconds.
        pub nanos: u64,
        /// What it returned.
        pub result: i64,
        /// Bytes of payload in the tail.
        pub payload_len: u32,
        /// [`OPENSSL`], [`GNUTLS`] or [`GO`].
        pub library: u8,
        /// [`READ`] or [`WRITE`].
        pub direction: u8,
        /// Bits: [`UNREADABLE`], [`FAILED`].
        pub notes: u8,
        /// Zero.
        pub reserved: u8,
    }
}
