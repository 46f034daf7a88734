//! Reads and writes, at the exit of each call that does one, added up by file and process.
//!
//! At the exit, not in `vfs_read`: functions of the kernel can't be probed on every kernel, and the system calls are the
//! same on all; so the same thing is counted everywhere.
#![no_std]
#![no_main]

use core::mem::offset_of;

use gadget::{fields, prelude::*};

mod event;
use event::File;

gadget::params! {
    /// Also what is no regular file.
    all: bool,
}

gadget::event! {
    struct Key {
        inode: u64,
        device: u32,
        pid: u32,
    }
}

gadget::map! {
    /// What each process did with each file.
    static FILES: Table<Key, File, 512> = 8192;
}

const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;

macro_rules! calls {
    ($($name:ident, $section:literal, $write:literal;)*) => { $(
        #[gadget::program($section)]
        fn $name(ctx: Tracepoint) -> Option<()> {
            exit(ctx, $write)
        }
    )* };
}

calls! {
    read, "tracepoint/syscalls/sys_exit_read", false;
    pread, "tracepoint/syscalls/sys_exit_pread64", false;
    readv, "tracepoint/syscalls/sys_exit_readv", false;
    preadv, "tracepoint/syscalls/sys_exit_preadv", false;
    preadv2, "tracepoint/syscalls/sys_exit_preadv2", false;
    write, "tracepoint/syscalls/sys_exit_write", true;
    pwrite, "tracepoint/syscalls/sys_exit_pwrite64", true;
    writev, "tracepoint/syscalls/sys_exit_writev", true;
    pwritev, "tracepoint/syscalls/sys_exit_pwritev", true;
    pwritev2, "tracepoint/syscalls/sys_exit_pwritev2", true;
}

#[inline(always)]
fn exit(ctx: Tracepoint, write: bool) -> Option<()> {
    let bytes = ctx.ret();
    if bytes < 0 || !gadget::wanted() {
        return None;
    }
    let task = Task::current();
    let file = task.file(Syscall::current().arg::<0>() as i32);
    let inode = fields::FILE_INODE.read(file)?;
    let mode = u32::from(fields::INODE_MODE.read(inode)?);
    if !params::all() && mode & S_IFMT != S_IFREG {
        return None;
    }
    let key = Key {
        inode: fields::INODE_NUMBER.read_or_zero(inode),
        device: fields::SB_DEV.read_or_zero(fields::INODE_SB.read_or_zero(inode)),
        pid: task.pid(),
    };
    let slot = match FILES.slot(key) {
        Some(slot) => slot,
        None => first(key, file, mode)?,
    };
    if write {
        slot.add::<{ offset_of!(File, writes) }>(1);
        slot.add::<{ offset_of!(File, write_bytes) }>(bytes.cast_unsigned());
    } else {
        slot.add::<{ offset_of!(File, reads) }>(1);
        slot.add::<{ offset_of!(File, read_bytes) }>(bytes.cast_unsigned());
    }
    Some(())
}

/// The first use of a file by a process.
#[inline(always)]
fn first(key: Key, file: Addr, mode: u32) -> Option<Slot<File>> {
    let mut record = gadget::begin::<File>()?;
    let path = record.path(Path::of_file(file));
    let kept = if path.len > event::PATH_MAX as u32 { event::PATH_MAX as u32 } else { path.len };
    let notes = if path.cut || kept < path.len { event::PATH_CUT } else { 0 };
    record.set(File {
        reads: 0,
        writes: 0,
        read_bytes: 0,
        write_bytes: 0,
        inode: key.inode,
        device: key.device,
        mode,
        path_len: kept,
        notes,
    });
    FILES.insert(key, record)
}
