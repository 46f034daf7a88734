//! Execs and exits. A program that starts is seen where the kernel has made the new process image; one that fails to
//! start, at the return of the call; the end of a process, when its last thread exits.
#![no_std]
#![no_main]

use gadget::{fields, prelude::*};

mod event;
use event::Exec;

gadget::kernel_field! {
    static BINPRM_ARGC: linux_binprm.argc => u32;
    static BINPRM_FILENAME: linux_binprm.filename => Addr;
}

/// `OVERLAYFS_SUPER_MAGIC`.
const OVERLAY: u64 = 0x794c_7630;
const NOTHING: Exec = Exec {
    start: 0,
    exe_inode: 0,
    exe_device: 0,
    loginuid: 0,
    sessionid: 0,
    ret: 0,
    exit_status: 0,
    args_count: 0,
    args_size: 0,
    args_len: 0,
    file_len: 0,
    cwd_len: 0,
    exe_len: 0,
    parent_exe_len: 0,
    kind: event::KIND_EXEC,
    notes: 0,
    tty: [0; 30],
};

/// Arguments: the task, its thread id before, and the `linux_binprm`.
#[gadget::program("tp_btf/sched_process_exec")]
fn exec(ctx: BtfTracepoint) -> Option<()> {
    let mut record = gadget::begin::<Exec>()?;
    let task = Task::current();
    let binary = ctx.pointer(2);

    let (first, end) = task.arguments();
    let size = end - first;
    let args = record.user_bytes(first, size);
    let file = record.kernel_str(BINPRM_FILENAME.read_or_zero(binary.addr()));
    let mut event = Exec {
        args_count: BINPRM_ARGC.load(binary),
        args_size: size as u32,
        args_len: args.len,
        file_len: file.len,
        ..NOTHING
    };
    note(&mut event, args.cut, event::ARGS_CUT);
    note(&mut event, args.unreadable | file.unreadable, event::UNREADABLE);
    places(&mut record, &mut event, task);
    record.set(event);
    record.emit()
}

#[gadget::program("tracepoint/syscalls/sys_exit_execve")]
fn execve(ctx: Tracepoint) -> Option<()> {
    let ret = ctx.ret();
    if ret >= 0 {
        return None;
    }
    let syscall = Syscall::current();
    failed(ret as i32, syscall.arg::<0>(), syscall.arg::<1>())
}

#[gadget::program("tracepoint/syscalls/sys_exit_execveat")]
fn execveat(ctx: Tracepoint) -> Option<()> {
    let ret = ctx.ret();
    if ret >= 0 {
        return None;
    }
    let syscall = Syscall::current();
    failed(ret as i32, syscall.arg::<1>(), syscall.arg::<2>())
}

/// Arguments: the task.
#[gadget::program("tp_btf/sched_process_exit")]
fn exit(_: BtfTracepoint) -> Option<()> {
    let task = Task::current();
    if task.live_threads() != 0 {
        return None;
    }
    let mut record = gadget::begin::<Exec>()?;
    record.set(Exec {
        start: task.leader().start(),
        loginuid: task.login_uid(),
        sessionid: task.session(),
        exit_status: task.exit_status(),
        kind: event::KIND_EXIT,
        tty: task.terminal(),
        ..NOTHING
    });
    record.emit()
}

/// There is no new process image to take the arguments from: they are read as the caller gave them.
#[inline(always)]
fn failed(ret: i32, file: u64, arguments: u64) -> Option<()> {
    let mut record = gadget::begin::<Exec>()?;
    let args = record.user_strs(arguments);
    let file = record.user_str(file);
    let mut event = Exec {
        ret,
        args_count: args.count,
        args_size: args.bytes.len,
        args_len: args.bytes.len,
        file_len: file.len,
        kind: event::KIND_FAILED,
        ..NOTHING
    };
    note(&mut event, args.bytes.cut, event::ARGS_CUT);
    note(&mut event, args.bytes.unreadable | file.unreadable, event::UNREADABLE);
    places(&mut record, &mut event, Task::current());
    record.set(event);
    record.emit()
}

/// What successful and failed execs have in common: who, where, and by which executable.
#[inline(always)]
fn places(record: &mut Record<Exec>, event: &mut Exec, task: Task) {
    event.start = task.leader().start();
    event.loginuid = task.login_uid();
    event.sessionid = task.session();
    event.tty = task.terminal();

    let cwd = record.path(task.working_directory());
    event.cwd_len = cwd.len;
    let mut cut = cwd.cut;
    // After a failure the process still runs its caller's executable.
    if event.kind == event::KIND_EXEC {
        let file = task.exe_file();
        let inode = fields::FILE_INODE.read_or_zero(file);
        event.exe_inode = fields::INODE_NUMBER.read_or_zero(inode);
        event.exe_device = fields::SB_DEV.read_or_zero(fields::INODE_SB.read_or_zero(inode));
        note(event, in_upper_layer(inode), event::UPPER_LAYER);
        let exe = record.path(Path::of_file(file));
        event.exe_len = exe.len;
        cut |= exe.cut;
    }
    let file = task.parent().exe_file();
    note(event, in_upper_layer(fields::FILE_INODE.read_or_zero(file)), event::PARENT_UPPER_LAYER);
    let parent = record.path(Path::of_file(file));
    event.parent_exe_len = parent.len;
    note(event, cut | parent.cut, event::PATH_CUT);
}

/// Whether a file lies in the upper layer of an overlay: the overlay keeps that layer's directory entry right behind
/// the inode that it shows.
#[inline(always)]
fn in_upper_layer(inode: Addr) -> bool {
    if fields::SB_MAGIC.read_or_zero(fields::INODE_SB.read_or_zero(inode)) != OVERLAY {
        return false;
    }
    gadget::raw::read_kernel_or_zero::<u64>(inode.plus(u64::from(fields::INODE.bytes()))) != 0
}

#[inline(always)]
fn note(event: &mut Exec, when: bool, bit: u8) {
    if when {
        event.notes |= bit;
    }
}
