//! What both halves know of a call: the fixed part of the event, and how its tail is laid out.
//!
//! A call is two events, so that one that never returns is seen too. The tail holds the arguments that are strings, in
//! their order ([`Call::text_len`] bytes each, no closing NULs): at the return, when the kernel has read them and their
//! pages are in memory; but of `execve`, after which they are gone, at the entry.

/// A call begins.
pub const KIND_ENTER: u8 = 0;
/// A call returns.
pub const KIND_EXIT: u8 = 1;
/// A thread ends; [`Call::ret`] says how.
pub const KIND_END: u8 = 2;

/// Bit of [`Call::notes`]: the run is limited by nothing; the event is only to say so.
pub const UNLIMITED: u8 = 1 << 0;
/// Bit of [`Call::notes`]: the tail has this call's strings, but those of [`Call::unreadable`].
pub const HAS_TEXT: u8 = 1 << 1;

/// Arguments that may be strings: the sixth never is.
pub const TEXTS: usize = 5;

gadget::event! {
    /// A call's entry or return, or the end of a thread.
    pub struct Call {
        /// The arguments; at the entry.
        pub args: [u64; 6],
        /// What the call returned; of a thread's end its exit status.
        pub ret: i64,
        /// Number of the call.
        pub number: u32,
        /// Bytes in the tail of each argument that is a string.
        pub text_len: [u32; TEXTS],
        /// `KIND_*`.
        pub kind: u8,
        /// Bits: what is special about this event.
        pub notes: u8,
        /// Bit N: argument N is a string that could not be read.
        pub unreadable: u8,
        /// Zero.
        pub reserved: [u8; 5],
    }
}
