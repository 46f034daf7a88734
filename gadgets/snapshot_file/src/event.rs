//! What both halves know of an open file: the fixed part of the record, and how its tail is laid out.
//!
//! The header describes the process that has the file open. The tail is the path as the walk found it
//! ([`File::path_len`] bytes, no closing NUL); of sockets, pipes and the like only the entry's name, if it has one.

/// Bit of [`File::notes`]: the path lacks its first components.
pub const PATH_CUT: u8 = 1 << 0;

gadget::event! {
    /// One open file of one process.
    pub struct File {
        /// Inode number.
        pub inode: u64,
        /// Size in bytes.
        pub size: u64,
        /// Where the next read or write goes.
        pub position: u64,
        /// Magic number of the file system.
        pub magic: u64,
        /// File descriptor.
        pub fd: u32,
        /// Flags it was opened with, as the kernel keeps them.
        pub flags: u32,
        /// Device of the file system.
        pub device: u32,
        /// Number of names.
        pub links: u32,
        /// Bytes of the path in the tail.
        pub path_len: u32,
        /// Kind and permissions, as `stat` gives them.
        pub mode: u16,
        /// Bits: what is special about this file.
        pub notes: u8,
        /// Zero.
        pub reserved: u8,
    }
}
