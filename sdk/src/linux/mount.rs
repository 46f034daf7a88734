//! What `mount` and its siblings take: flags and attributes by name.

use super::{Bits, bits};

/// `mountflags` of `mount`: `MS_*`. The magic number that very old programs put in the upper half is left out.
pub const fn mount_flags(flags: u64) -> Bits {
    const MAGIC: u64 = 0xc0ed_0000;
    Bits::new(&MS, if flags & 0xffff_0000 == MAGIC { flags & !0xffff_0000 } else { flags })
}

/// `flags` of `umount2`.
pub const fn umount_flags(flags: u64) -> Bits {
    Bits::new(&UMOUNT, flags)
}

/// `attr_flags` of `fsmount`, and the attributes that `mount_setattr` sets and clears: `MOUNT_ATTR_*`.
pub const fn mount_attributes(attributes: u64) -> Bits {
    Bits::new(&ATTRIBUTES, attributes)
}

/// `flags` of `move_mount`.
pub const fn move_mount_flags(flags: u64) -> Bits {
    Bits::new(&MOVE_MOUNT, flags)
}

/// `flags` of `open_tree` and `mount_setattr`.
pub const fn tree_flags(flags: u64) -> Bits {
    Bits::new(&TREE, flags)
}

/// `flags` of `fsopen` and `fsmount`.
pub const fn fsopen_flags(flags: u64) -> Bits {
    Bits::new(&FSOPEN, flags)
}

/// `flags` of `fspick`.
pub const fn fspick_flags(flags: u64) -> Bits {
    Bits::new(&FSPICK, flags)
}

const MS: [bits::Name; 28] = [
    (1 << 0, "MS_RDONLY"),
    (1 << 1, "MS_NOSUID"),
    (1 << 2, "MS_NODEV"),
    (1 << 3, "MS_NOEXEC"),
    (1 << 4, "MS_SYNCHRONOUS"),
    (1 << 5, "MS_REMOUNT"),
    (1 << 6, "MS_MANDLOCK"),
    (1 << 7, "MS_DIRSYNC"),
    (1 << 8, "MS_NOSYMFOLLOW"),
    (1 << 10, "MS_NOATIME"),
    (1 << 11, "MS_NODIRATIME"),
    (1 << 12, "MS_BIND"),
    (1 << 13, "MS_MOVE"),
    (1 << 14, "MS_REC"),
    (1 << 15, "MS_SILENT"),
    (1 << 16, "MS_POSIXACL"),
    (1 << 17, "MS_UNBINDABLE"),
    (1 << 18, "MS_PRIVATE"),
    (1 << 19, "MS_SLAVE"),
    (1 << 20, "MS_SHARED"),
    (1 << 21, "MS_RELATIME"),
    (1 << 22, "MS_KERNMOUNT"),
    (1 << 23, "MS_I_VERSION"),
    (1 << 24, "MS_STRICTATIME"),
    (1 << 25, "MS_LAZYTIME"),
    (1 << 29, "MS_BORN"),
    (1 << 30, "MS_ACTIVE"),
    (1 << 31, "MS_NOUSER"),
];

const UMOUNT: [bits::Name; 4] =
    [(1, "MNT_FORCE"), (2, "MNT_DETACH"), (4, "MNT_EXPIRE"), (8, "UMOUNT_NOFOLLOW")];

const ATTRIBUTES: [bits::Name; 9] = [
    (0x01, "MOUNT_ATTR_RDONLY"),
    (0x02, "MOUNT_ATTR_NOSUID"),
    (0x04, "MOUNT_ATTR_NODEV"),
    (0x08, "MOUNT_ATTR_NOEXEC"),
    (0x10, "MOUNT_ATTR_NOATIME"),
    (0x20, "MOUNT_ATTR_STRICTATIME"),
    (0x80, "MOUNT_ATTR_NODIRATIME"),
    (0x10_0000, "MOUNT_ATTR_IDMAP"),
    (0x20_0000, "MOUNT_ATTR_NOSYMFOLLOW"),
];

const MOVE_MOUNT: [bits::Name; 8] = [
    (0x001, "MOVE_MOUNT_F_SYMLINKS"),
    (0x002, "MOVE_MOUNT_F_AUTOMOUNTS"),
    (0x004, "MOVE_MOUNT_F_EMPTY_PATH"),
    (0x010, "MOVE_MOUNT_T_SYMLINKS"),
    (0x020, "MOVE_MOUNT_T_AUTOMOUNTS"),
    (0x040, "MOVE_MOUNT_T_EMPTY_PATH"),
    (0x100, "MOVE_MOUNT_SET_GROUP"),
    (0x200, "MOVE_MOUNT_BENEATH"),
];

const TREE: [bits::Name; 6] = [
    (0x0001, "OPEN_TREE_CLONE"),
    (0x0100, "AT_SYMLINK_NOFOLLOW"),
    (0x0800, "AT_NO_AUTOMOUNT"),
    (0x1000, "AT_EMPTY_PATH"),
    (0x8000, "AT_RECURSIVE"),
    (0x8_0000, "OPEN_TREE_CLOEXEC"),
];

const FSOPEN: [bits::Name; 1] = [(1, "CLOEXEC")];

const FSPICK: [bits::Name; 4] = [
    (1, "FSPICK_CLOEXEC"),
    (2, "FSPICK_SYMLINK_NOFOLLOW"),
    (4, "FSPICK_NO_AUTOMOUNT"),
    (8, "FSPICK_EMPTY_PATH"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_by_name() {
        let names = |bits: Bits| bits.names().collect::<Vec<_>>().join(",");
        let cases = [
            (mount_flags(0), ""),
            (mount_flags(0x5001), "MS_RDONLY,MS_BIND,MS_REC"),
            (mount_flags(0xc0ed_0001), "MS_RDONLY"),
            (mount_flags(0x4_4000), "MS_REC,MS_PRIVATE"),
            (umount_flags(10), "MNT_DETACH,UMOUNT_NOFOLLOW"),
            (mount_attributes(0x10_0001), "MOUNT_ATTR_RDONLY,MOUNT_ATTR_IDMAP"),
            (move_mount_flags(0x44), "MOVE_MOUNT_F_EMPTY_PATH,MOVE_MOUNT_T_EMPTY_PATH"),
            (tree_flags(0x8_9001), "OPEN_TREE_CLONE,AT_EMPTY_PATH,AT_RECURSIVE,OPEN_TREE_CLOEXEC"),
            (fsopen_flags(1), "CLOEXEC"),
            (fspick_flags(9), "FSPICK_CLOEXEC,FSPICK_EMPTY_PATH"),
        ];
        for (bits, expected) in cases {
            assert_eq!(names(bits), expected);
        }
        assert_eq!(umount_flags(0x80).unknown(), Some(0x80));
    }
}
