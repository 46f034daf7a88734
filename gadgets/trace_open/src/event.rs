//! What both halves know of an open: the fixed part of the event, and how its tail is laid out.
//!
//! The tail is `path` (as given to the call, [`Open::path_len`] bytes), then `absolute` ([`Open::absolute_len`]
//! bytes), neither with a closing NUL.

/// `open(path, flags, mode)`.
pub const CALL_OPEN: u8 = 0;
/// `openat(dfd, path, flags, mode)`.
pub const CALL_OPENAT: u8 = 1;
/// `openat2(dfd, path, {flags, mode, resolve}, size)`.
pub const CALL_OPENAT2: u8 = 2;
/// `creat(path, mode)`.
pub const CALL_CREAT: u8 = 3;

/// Bit of [`Open::notes`]: the path was longer than the kernel takes, and is cut.
pub const PATH_CUT: u8 = 1 << 0;
/// Bit of [`Open::notes`]: the path's pointer was bad, or its page was not in memory; `path_len` is 0.
pub const PATH_UNREADABLE: u8 = 1 << 1;
/// Bit of [`Open::notes`]: the call failed and there is no file, so `absolute` is the directory that `path` starts from
/// if it is relative. (If it starts with `/`, it is absolute itself.)
pub const ABSOLUTE_IS_BASE: u8 = 1 << 2;
/// Bit of [`Open::notes`]: `absolute` lacks its first components: the path is deeper than the walk goes.
pub const ABSOLUTE_CUT: u8 = 1 << 3;
/// Bit of [`Open::notes`]: the third argument of `openat2` could not be read; `flags`, `mode` and `resolve` are 0.
pub const HOW_UNREADABLE: u8 = 1 << 4;

gadget::event! {
    /// One call that opens a file, at its return.
    pub struct Open {
        /// `O_*`, as given; for `creat` what it stands for (`O_CREAT | O_WRONLY | O_TRUNC`).
        pub flags: u64,
        /// `RESOLVE_*` of `openat2`; 0 for the others.
        pub resolve: u64,
        /// Permissions of a file to be created, as given; 0 where the call ignores it.
        pub mode: u32,
        /// The directory a relative path starts from; `AT_FDCWD` (-100) for the working directory.
        pub dfd: i32,
        /// The file descriptor, or the negated error.
        pub ret: i32,
        /// Bytes of the path in the tail.
        pub path_len: u32,
        /// Bytes of the absolute path in the tail; 0 unless asked for.
        pub absolute_len: u32,
        /// Which call: `CALL_*`.
        pub call: u8,
        /// Bits: what is special about this event.
        pub notes: u8,
        /// Zero.
        pub reserved: [u8; 2],
    }
}
