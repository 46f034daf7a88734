//! What both halves know of a call: the fixed part of the event, and how its tail is laid out.
//!
//! The tail is source, target, file system and data, of the lengths that the fixed part names, without closing NULs.
//! Which argument stands where, by call:
//!
//! | call | source | target | fs | data | flags |
//! |---|---|---|---|---|---|
//! | `mount` | source | target | type | data | flags |
//! | `umount2` | | target | | | flags |
//! | `fsopen` | | | name | | flags |
//! | `fspick` | | path | of the result | | flags |
//! | `fsconfig` | key | | of the context | value | |
//! | `fsmount` | | | of the context | | flags |
//! | `open_tree` | path | | of the result | | flags |
//! | `move_mount` | from | to | of what is moved | | flags |
//! | `mount_setattr` | | path | | | flags |

/// `mount(source, target, type, flags, data)`.
pub const CALL_MOUNT: u8 = 0;
/// `umount2(target, flags)`.
pub const CALL_UMOUNT: u8 = 1;
/// `fsopen(name, flags)`.
pub const CALL_FSOPEN: u8 = 2;
/// `fspick(dfd, path, flags)`.
pub const CALL_FSPICK: u8 = 3;
/// `fsconfig(fd, command, key, value, aux)`.
pub const CALL_FSCONFIG: u8 = 4;
/// `fsmount(fd, flags, attributes)`.
pub const CALL_FSMOUNT: u8 = 5;
/// `open_tree(dfd, path, flags)`.
pub const CALL_OPEN_TREE: u8 = 6;
/// `move_mount(from_dfd, from, to_dfd, to, flags)`.
pub const CALL_MOVE_MOUNT: u8 = 7;
/// `mount_setattr(dfd, path, flags, attributes, size)`.
pub const CALL_SETATTR: u8 = 8;

/// Bit of [`Mount::notes`]: an argument was longer than the kernel takes, and is cut.
pub const CUT: u8 = 1 << 0;
/// Bit of [`Mount::notes`]: an argument's pointer was bad, or its page was not in memory.
pub const UNREADABLE: u8 = 1 << 1;

gadget::event! {
    /// One call, at its return.
    pub struct Mount {
        /// Flags, as given.
        pub flags: u64,
        /// Attributes of `fsmount`; those that `mount_setattr` sets.
        pub attributes: u64,
        /// Attributes that `mount_setattr` clears.
        pub cleared: u64,
        /// Propagation that `mount_setattr` sets, as `MS_*`.
        pub propagation: u64,
        /// 0, a file descriptor, or the negated error.
        pub ret: i32,
        /// The descriptor it works on, or that `source` (or else `target`) starts from.
        pub dfd: i32,
        /// `move_mount`: the descriptor that `target` starts from; `fsconfig`: the last argument.
        pub other: i32,
        /// Command of `fsconfig`.
        pub command: u32,
        /// Bytes of the source in the tail.
        pub source_len: u32,
        /// Bytes of the target in the tail.
        pub target_len: u32,
        /// Bytes of the file system's name in the tail.
        pub fs_len: u32,
        /// Bytes of the data in the tail.
        pub data_len: u32,
        /// Which call: `CALL_*`.
        pub call: u8,
        /// Bits: what is special about this event.
        pub notes: u8,
        /// Zero.
        pub reserved: [u8; 6],
    }
}
