//! Calls that mount, at their exit. See `gadget::syscall` for why there is no program at the entry.
#![no_std]
#![no_main]

use gadget::{fields, prelude::*};

mod event;
use event::Mount;

gadget::params! {
    /// Only calls that failed.
    failed: bool,
}

gadget::kernel_field! {
    static CONTEXT_TYPE: fs_context.fs_type => Addr;
    static SB_TYPE: super_block.s_type => Addr;
    static TYPE_NAME: file_system_type.name => Addr;
}

/// Commands of `fsconfig` whose value is a string.
const SET_STRING: u32 = 1;
const SET_PATH: u32 = 3;
const SET_PATH_EMPTY: u32 = 4;

const NOTHING: Mount = Mount {
    flags: 0,
    attributes: 0,
    cleared: 0,
    propagation: 0,
    ret: 0,
    dfd: 0,
    other: 0,
    command: 0,
    source_len: 0,
    target_len: 0,
    fs_len: 0,
    data_len: 0,
    call: 0,
    notes: 0,
    reserved: [0; 6],
};

/// An event being filled in: the tail's parts must come in their order.
struct Call {
    record: Record<Mount>,
    event: Mount,
    syscall: Syscall,
}

impl Call {
    #[inline(always)]
    fn begin(ctx: Tracepoint, call: u8) -> Option<Self> {
        let ret = ctx.ret() as i32;
        if params::failed() && ret >= 0 {
            return None;
        }
        let record = gadget::begin::<Mount>()?;
        Some(Self { record, event: Mount { ret, call, ..NOTHING }, syscall: Syscall::current() })
    }

    /// A string of the caller's; null is none.
    #[inline(always)]
    fn string(&mut self, from: u64) -> u32 {
        if from == 0 {
            return 0;
        }
        let piece = self.record.user_str(from);
        if piece.cut {
            self.event.notes |= event::CUT;
        }
        if piece.unreadable {
            self.event.notes |= event::UNREADABLE;
        }
        piece.len
    }

    /// The name of a `struct file_system_type`.
    #[inline(always)]
    fn fs(&mut self, kind: Addr) {
        if !kind.is_null() {
            self.event.fs_len = self.record.kernel_str(TYPE_NAME.read_or_zero(kind)).len;
        }
    }

    /// The file system that the file of a descriptor lies on.
    #[inline(always)]
    fn fs_of_file(&mut self, fd: i32) {
        let inode = fields::FILE_INODE.read_or_zero(Task::current().file(fd));
        self.fs(SB_TYPE.read_or_zero(fields::INODE_SB.read_or_zero(inode)));
    }

    /// The file system that a descriptor of `fsopen` or `fspick` is to configure. Only after a call that succeeded:
    /// then the kernel has checked that it is one.
    #[inline(always)]
    fn fs_of_context(&mut self, fd: i32) {
        let context = fields::FILE_PRIVATE.read_or_zero(Task::current().file(fd));
        self.fs(CONTEXT_TYPE.read_or_zero(context));
    }

    #[inline(always)]
    fn emit(mut self) -> Option<()> {
        self.record.set(self.event);
        self.record.emit()
    }
}

#[gadget::program("tracepoint/syscalls/sys_exit_mount")]
fn mount(ctx: Tracepoint) -> Option<()> {
    let mut call = Call::begin(ctx, event::CALL_MOUNT)?;
    call.event.source_len = call.string(call.syscall.arg::<0>());
    call.event.target_len = call.string(call.syscall.arg::<1>());
    call.event.fs_len = call.string(call.syscall.arg::<2>());
    call.event.flags = call.syscall.arg::<3>();
    call.event.data_len = call.string(call.syscall.arg::<4>());
    call.emit()
}

#[gadget::program("tracepoint/syscalls/sys_exit_umount")]
fn umount(ctx: Tracepoint) -> Option<()> {
    let mut call = Call::begin(ctx, event::CALL_UMOUNT)?;
    call.event.target_len = call.string(call.syscall.arg::<0>());
    call.event.flags = call.syscall.arg::<1>() & 0xffff_ffff;
    call.emit()
}

#[gadget::program("tracepoint/syscalls/sys_exit_fsopen")]
fn fsopen(ctx: Tracepoint) -> Option<()> {
    let mut call = Call::begin(ctx, event::CALL_FSOPEN)?;
    call.event.fs_len = call.string(call.syscall.arg::<0>());
    call.event.flags = call.syscall.arg::<1>() & 0xffff_ffff;
    call.emit()
}

#[gadget::program("tracepoint/syscalls/sys_exit_fspick")]
fn fspick(ctx: Tracepoint) -> Option<()> {
    let mut call = Call::begin(ctx, event::CALL_FSPICK)?;
    call.event.dfd = call.syscall.arg::<0>() as i32;
    call.event.target_len = call.string(call.syscall.arg::<1>());
    call.event.flags = call.syscall.arg::<2>() & 0xffff_ffff;
    if call.event.ret >= 0 {
        call.fs_of_context(call.event.ret);
    }
    call.emit()
}

#[gadget::program("tracepoint/syscalls/sys_exit_fsconfig")]
fn fsconfig(ctx: Tracepoint) -> Option<()> {
    let mut call = Call::begin(ctx, event::CALL_FSCONFIG)?;
    call.event.dfd = call.syscall.arg::<0>() as i32;
    call.event.command = call.syscall.arg::<1>() as u32;
    call.event.source_len = call.string(call.syscall.arg::<2>());
    if call.event.ret >= 0 {
        call.fs_of_context(call.event.dfd);
    }
    if matches!(call.event.command, SET_STRING | SET_PATH | SET_PATH_EMPTY) {
        call.event.data_len = call.string(call.syscall.arg::<3>());
    }
    call.event.other = call.syscall.arg::<4>() as i32;
    call.emit()
}

#[gadget::program("tracepoint/syscalls/sys_exit_fsmount")]
fn fsmount(ctx: Tracepoint) -> Option<()> {
    let mut call = Call::begin(ctx, event::CALL_FSMOUNT)?;
    call.event.dfd = call.syscall.arg::<0>() as i32;
    call.event.flags = call.syscall.arg::<1>() & 0xffff_ffff;
    call.event.attributes = call.syscall.arg::<2>() & 0xffff_ffff;
    if call.event.ret >= 0 {
        call.fs_of_context(call.event.dfd);
    }
    call.emit()
}

#[gadget::program("tracepoint/syscalls/sys_exit_open_tree")]
fn open_tree(ctx: Tracepoint) -> Option<()> {
    let mut call = Call::begin(ctx, event::CALL_OPEN_TREE)?;
    call.event.dfd = call.syscall.arg::<0>() as i32;
    call.event.source_len = call.string(call.syscall.arg::<1>());
    call.event.flags = call.syscall.arg::<2>() & 0xffff_ffff;
    if call.event.ret >= 0 {
        call.fs_of_file(call.event.ret);
    }
    call.emit()
}

#[gadget::program("tracepoint/syscalls/sys_exit_move_mount")]
fn move_mount(ctx: Tracepoint) -> Option<()> {
    let mut call = Call::begin(ctx, event::CALL_MOVE_MOUNT)?;
    call.event.dfd = call.syscall.arg::<0>() as i32;
    call.event.source_len = call.string(call.syscall.arg::<1>());
    call.event.other = call.syscall.arg::<2>() as i32;
    call.event.target_len = call.string(call.syscall.arg::<3>());
    call.event.flags = call.syscall.arg::<4>() & 0xffff_ffff;
    // What fsmount or open_tree gave is moved by its descriptor alone.
    if call.event.source_len == 0 {
        call.fs_of_file(call.event.dfd);
    }
    call.emit()
}

#[gadget::program("tracepoint/syscalls/sys_exit_mount_setattr")]
fn mount_setattr(ctx: Tracepoint) -> Option<()> {
    let mut call = Call::begin(ctx, event::CALL_SETATTR)?;
    call.event.dfd = call.syscall.arg::<0>() as i32;
    call.event.target_len = call.string(call.syscall.arg::<1>());
    call.event.flags = call.syscall.arg::<2>() & 0xffff_ffff;
    // `struct mount_attr`: set, clear, propagation.
    match gadget::raw::read_user::<[u64; 3]>(call.syscall.arg::<3>()) {
        Some([set, clear, propagation]) => {
            call.event.attributes = set;
            call.event.cleared = clear;
            call.event.propagation = propagation;
        }
        None => call.event.notes |= event::UNREADABLE,
    }
    call.emit()
}
