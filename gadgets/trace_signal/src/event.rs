//! What both halves know of a signal. The header is the sender's; there is no tail.

/// What the kernel half saw: a signal made.
pub const KIND_SIGNAL: u8 = 0;
/// A call that was to send one, and failed: `kill(pid, signal)`.
pub const KIND_KILL: u8 = 1;
/// `tkill(tid, signal)`.
pub const KIND_TKILL: u8 = 2;
/// `tgkill(pid, tid, signal)`.
pub const KIND_TGKILL: u8 = 3;
/// `rt_sigqueueinfo(pid, signal, info)`.
pub const KIND_SIGQUEUE: u8 = 4;
/// `rt_tgsigqueueinfo(pid, tid, signal, info)`.
pub const KIND_TGSIGQUEUE: u8 = 5;
/// `pidfd_send_signal(fd, signal, info, flags)`.
pub const KIND_PIDFD: u8 = 6;

gadget::event! {
    /// One signal, or one call that failed to send one.
    pub struct Signal {
        /// The address at fault, for SIGSEGV, SIGBUS, SIGILL and SIGFPE that the processor caused.
        pub address: u64,
        /// Number of the signal.
        pub signal: u32,
        /// `si_code`: why it was sent.
        pub code: i32,
        /// Process it is for; of a failed call as given, so it may be 0 or negative (a group), or a pidfd.
        pub target_pid: i32,
        /// Thread it is for; of a failed call as given, 0 if none was.
        pub target_tid: i32,
        /// User of the target.
        pub target_uid: u32,
        /// What became of it, `TRACE_SIGNAL_*`; of a failed call the negated error.
        pub result: i32,
        /// Name of the target's thread; zeroes when there is none.
        pub target_comm: [u8; 16],
        /// `KIND_*`.
        pub kind: u8,
        /// 1 when it is for one thread, not for the process.
        pub to_thread: u8,
        /// Zero.
        pub reserved: [u8; 6],
    }
}
