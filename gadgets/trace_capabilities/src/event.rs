//! What both halves know of a check. There is no tail.

/// [`Check::options`] when the hook does not tell them.
pub const OPTIONS_UNKNOWN: u32 = u32::MAX;
/// Bit of [`Check::options`]: the kernel logs nothing of it.
pub const NO_AUDIT: u32 = 1 << 1;
/// Bit of [`Check::options`]: asked by setuid and its siblings. For the post-processor only.
#[cfg_attr(target_arch = "bpf", expect(dead_code, reason = "the kernel half passes the options on"))]
pub const IN_SET_ID: u32 = 1 << 2;
/// [`Check::syscall`] outside of a call, and in one of a 32-bit program.
pub const NO_SYSCALL: u32 = u32::MAX;

gadget::event! {
    /// One check.
    pub struct Check {
        /// Number of the capability.
        pub capability: u32,
        /// 0 when the task has it, or the negated error.
        pub ret: i32,
        /// Options of the check, or [`OPTIONS_UNKNOWN`].
        pub options: u32,
        /// Number of the system call at that moment, or [`NO_SYSCALL`].
        pub syscall: u32,
        /// Inode number of the user namespace that the capability is wanted in.
        pub target_namespace: u32,
        /// Inode number of the task's user namespace.
        pub namespace: u32,
    }
}
