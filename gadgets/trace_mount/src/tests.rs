use gadget::{
    serde_json::{Value, json},
    testing::{Batch, header, own_row, run},
};

use super::*;

const MOUNT: Mount = Mount {
    flags: 0,
    attributes: 0,
    cleared: 0,
    propagation: 0,
    ret: 0,
    dfd: AT_FDCWD,
    other: AT_FDCWD,
    command: 0,
    source_len: 0,
    target_len: 0,
    fs_len: 0,
    data_len: 0,
    call: event::CALL_MOUNT,
    notes: 0,
    reserved: [0; 6],
};

/// The gadget's own fields of the row that one event makes.
fn row(mount: Mount, [source, target, fs, data]: [&str; 4]) -> Value {
    let len = |text: &str| text.len() as u32;
    let mount = Mount {
        source_len: len(source),
        target_len: len(target),
        fs_len: len(fs),
        data_len: len(data),
        ..mount
    };
    let batch = Batch::new().event(&header(), &mount, format!("{source}{target}{fs}{data}").as_bytes());
    let text = run::<TraceMount>(&json!({}), &batch).expect("a well-formed batch");
    own_row(&text)
}

#[test]
fn each_call_has_its_own_arguments() {
    let cases = [
        (
            Mount { flags: 0x5001, ..MOUNT },
            ["/dev/sda1", "/mnt", "ext4", "noload"],
            json!({"call": "mount", "source": "/dev/sda1", "target": "/mnt", "fs": "ext4", "data": "noload",
                "flags": ["MS_RDONLY", "MS_BIND", "MS_REC"]}),
        ),
        (
            Mount { call: event::CALL_UMOUNT, flags: 0x82, ret: -16, ..MOUNT },
            ["", "/mnt", "", ""],
            json!({"call": "umount", "error": "EBUSY", "target": "/mnt", "flags": ["MNT_DETACH"], "flags_unknown": 0x80}),
        ),
        (
            Mount { call: event::CALL_FSOPEN, flags: 1, ret: 4, ..MOUNT },
            ["", "", "tmpfs", ""],
            json!({"call": "fsopen", "fs": "tmpfs", "flags": ["CLOEXEC"], "fd": 4}),
        ),
        (
            Mount { call: event::CALL_FSCONFIG, dfd: 4, command: 1, other: 0, ..MOUNT },
            ["size", "", "tmpfs", "1M"],
            json!({"call": "fsconfig", "source": "size", "fs": "tmpfs", "data": "1M", "command": "set_string", "dirfd": 4}),
        ),
        (
            Mount { call: event::CALL_FSCONFIG, dfd: 4, command: 5, other: 9, ret: -22, ..MOUNT },
            ["fd", "", "", ""],
            json!({"call": "fsconfig", "error": "EINVAL", "source": "fd", "command": "set_fd", "dirfd": 4, "other_fd": 9}),
        ),
        (
            Mount { call: event::CALL_FSMOUNT, dfd: 4, attributes: 3, ret: 5, ..MOUNT },
            ["", "", "tmpfs", ""],
            json!({"call": "fsmount", "fs": "tmpfs", "attributes": ["MOUNT_ATTR_RDONLY", "MOUNT_ATTR_NOSUID"],
                "fd": 5, "dirfd": 4}),
        ),
        (
            Mount { call: event::CALL_MOVE_MOUNT, dfd: 5, flags: 4, ..MOUNT },
            ["", "/mnt", "tmpfs", ""],
            json!({"call": "move_mount", "target": "/mnt", "fs": "tmpfs", "flags": ["MOVE_MOUNT_F_EMPTY_PATH"],
                "dirfd": 5}),
        ),
        (
            Mount { call: event::CALL_OPEN_TREE, flags: 1, ret: 6, ..MOUNT },
            ["/srv", "", "ext4", ""],
            json!({"call": "open_tree", "source": "/srv", "fs": "ext4", "flags": ["OPEN_TREE_CLONE"], "fd": 6}),
        ),
        (
            Mount { call: event::CALL_SETATTR, dfd: 6, cleared: 1, propagation: 1 << 18, notes: 3, ..MOUNT },
            ["", "sub", "", ""],
            json!({"call": "mount_setattr", "target": "sub", "attributes_cleared": ["MOUNT_ATTR_RDONLY"],
                "propagation": ["MS_PRIVATE"], "dirfd": 6, "notes": ["cut", "unreadable"]}),
        ),
        (
            Mount { call: event::CALL_FSPICK, flags: 8, ret: -2, ..MOUNT },
            ["", "/none", "", ""],
            json!({"call": "fspick", "error": "ENOENT", "target": "/none", "flags": ["FSPICK_EMPTY_PATH"]}),
        ),
    ];
    for (mount, texts, fields) in cases {
        assert_eq!(row(mount, texts), fields);
    }
}

#[test]
fn a_tail_that_is_too_short_is_a_failure() {
    let batch = Batch::new().event(&header(), &Mount { data_len: 4, ..MOUNT }, b"abc");
    assert!(run::<TraceMount>(&json!({}), &batch).unwrap_err().message.contains("build both halves"));
}
