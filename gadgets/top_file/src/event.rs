//! What both halves know of a file's use: the counters of one file and one process. The tail is the absolute path, of
//! which [`PATH_MAX`] bytes are kept.

/// Bytes of a path that are kept.
pub const PATH_MAX: usize = 512;

/// Bit of [`File::notes`]: the path is longer than what is kept, or deeper than the walk goes.
pub const PATH_CUT: u32 = 1 << 0;

gadget::event! {
    /// One file, as one process uses it.
    pub struct File {
        /// Calls that read.
        pub reads: u64,
        /// Calls that wrote.
        pub writes: u64,
        /// Bytes read.
        pub read_bytes: u64,
        /// Bytes written.
        pub write_bytes: u64,
        /// The file's inode number.
        pub inode: u64,
        /// The device that the inode is on, as the kernel numbers it.
        pub device: u32,
        /// Type and permissions: `i_mode`.
        pub mode: u32,
        /// Bytes of the path in the tail.
        pub path_len: u32,
        /// Bits: what is special about this file.
        pub notes: u32,
    }
}
