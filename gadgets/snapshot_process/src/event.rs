//! What both halves know of a process: the fixed part of the record, and how its tail is laid out.
//!
//! The header describes the process itself, not whoever took the snapshot. The tail is the absolute path of the
//! executable ([`Process::exe_len`] bytes, no closing NUL).

/// Bit of [`Process::notes`]: a thread of the kernel, without an executable.
pub const KERNEL_THREAD: u8 = 1 << 0;
/// Bit of [`Process::notes`]: the path of the executable lacks its first components.
pub const EXE_CUT: u8 = 1 << 1;

gadget::event! {
    /// One process, or one thread.
    pub struct Process {
        /// When it was forked, nanoseconds since boot.
        pub start: u64,
        /// Number of threads of the process.
        pub threads: u32,
        /// Bytes of the executable's path in the tail.
        pub exe_len: u32,
        /// State, the letter that `ps` shows: R, S, D, T, t, X, Z, P or I.
        pub state: u8,
        /// Bits: what is special about this process.
        pub notes: u8,
        /// Zero.
        pub reserved: [u8; 6],
    }
}
