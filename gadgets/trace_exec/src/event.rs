//! What both halves know of an exec or exit: the fixed part of the event, and how its tail is laid out.
//!
//! The tail is, in this order and without closing NULs between the parts: the arguments ([`Exec::args_len`] bytes,
//! each argument closed by a NUL but for one that was cut), the file as given to the call, the working directory,
//! the executable's absolute path, and the parent's executable. There are at most 8192 bytes of arguments; of a call
//! that failed, also at most 64 arguments, each of at most 4096 bytes.

/// [`Exec::kind`]: a program was started.
pub const KIND_EXEC: u8 = 0;
/// [`Exec::kind`]: a program could not be started; `ret` says why.
pub const KIND_FAILED: u8 = 1;
/// [`Exec::kind`]: a process ended; `exit_status` says how.
pub const KIND_EXIT: u8 = 2;

/// Bit of [`Exec::notes`]: there were more arguments, or longer ones, than the event carries.
pub const ARGS_CUT: u8 = 1 << 0;
/// Bit of [`Exec::notes`]: the executable lies in the upper layer of an overlay: it is not part of its image.
pub const UPPER_LAYER: u8 = 1 << 1;
/// Bit of [`Exec::notes`]: so does the parent's executable.
pub const PARENT_UPPER_LAYER: u8 = 1 << 2;
/// Bit of [`Exec::notes`]: one of the absolute paths lacks its first components: it is deeper than the walk goes.
pub const PATH_CUT: u8 = 1 << 3;
/// Bit of [`Exec::notes`]: arguments or file could not be read: a bad pointer, or a page not in memory.
pub const UNREADABLE: u8 = 1 << 4;

gadget::event! {
    /// One exec or exit.
    pub struct Exec {
        /// When the process was forked, nanoseconds since boot: with the header's timestamp, how long it ran.
        pub start: u64,
        /// Inode of the executable.
        pub exe_inode: u64,
        /// Device of the executable's filesystem, as the kernel numbers it: `major << 20 | minor`.
        pub exe_device: u32,
        /// The user who logged in, `u32::MAX` when none did.
        pub loginuid: u32,
        /// The audit session, `u32::MAX` when there is none.
        pub sessionid: u32,
        /// 0, or the negated error of a failed exec.
        pub ret: i32,
        /// How the process ended, as `wait` gives it: `code << 8 | core << 7 | signal`.
        pub exit_status: u32,
        /// Number of arguments; of a failed exec those in the tail.
        pub args_count: u32,
        /// Bytes that all arguments have, NULs included, if the kernel knows; else `args_len`.
        pub args_size: u32,
        /// Bytes of arguments in the tail.
        pub args_len: u32,
        /// Bytes of the file as given.
        pub file_len: u32,
        /// Bytes of the working directory.
        pub cwd_len: u32,
        /// Bytes of the executable's path.
        pub exe_len: u32,
        /// Bytes of the parent's executable's path.
        pub parent_exe_len: u32,
        /// What happened: `KIND_*`.
        pub kind: u8,
        /// Bits: what is special about this event.
        pub notes: u8,
        /// Name of the controlling terminal (`pts0`), NUL-padded; empty when there is none.
        pub tty: [u8; 30],
    }
}
