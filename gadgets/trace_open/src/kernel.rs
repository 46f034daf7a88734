//! Opens, at the exit of each call that does one. See `gadget::syscall` for why there is no program at the entry.
#![no_std]
#![no_main]

use gadget::prelude::*;

mod event;
use event::Open;

gadget::params! {
    /// Only opens that failed.
    failed: bool,
    /// Also the absolute path.
    absolute: bool,
}

const AT_FDCWD: i32 = -100;
const O_CREAT: u64 = 0o100;
const O_TMPFILE: u64 = 0o20_000_000;
/// What `creat` opens with: `O_CREAT | O_WRONLY | O_TRUNC`.
const CREAT_FLAGS: u64 = 0o1101;

/// What a call was asked to do.
struct Asked {
    call: u8,
    dfd: i32,
    path: u64,
    flags: u64,
    mode: u32,
}

#[gadget::program("tracepoint/syscalls/sys_exit_open")]
fn open(ctx: Tracepoint) -> Option<()> {
    exit(ctx, event::CALL_OPEN)
}

#[gadget::program("tracepoint/syscalls/sys_exit_openat")]
fn openat(ctx: Tracepoint) -> Option<()> {
    exit(ctx, event::CALL_OPENAT)
}

#[gadget::program("tracepoint/syscalls/sys_exit_openat2")]
fn openat2(ctx: Tracepoint) -> Option<()> {
    exit(ctx, event::CALL_OPENAT2)
}

#[gadget::program("tracepoint/syscalls/sys_exit_creat")]
fn creat(ctx: Tracepoint) -> Option<()> {
    exit(ctx, event::CALL_CREAT)
}

#[inline(always)]
fn exit(ctx: Tracepoint, call: u8) -> Option<()> {
    let ret = ctx.ret() as i32;
    if params::failed() && ret >= 0 {
        return None;
    }
    let mut record = gadget::begin::<Open>()?;
    let syscall = Syscall::current();
    let mut notes = 0;
    let mut resolve = 0;
    let asked = match call {
        event::CALL_OPEN => Asked {
            call,
            dfd: AT_FDCWD,
            path: syscall.arg::<0>(),
            flags: syscall.arg::<1>(),
            mode: syscall.arg::<2>() as u32,
        },
        event::CALL_OPENAT => Asked {
            call,
            dfd: syscall.arg::<0>() as i32,
            path: syscall.arg::<1>(),
            flags: syscall.arg::<2>(),
            mode: syscall.arg::<3>() as u32,
        },
        event::CALL_OPENAT2 => {
            // `struct open_how`: flags, mode, resolve.
            let how = gadget::raw::read_user::<[u64; 3]>(syscall.arg::<2>());
            if how.is_none() {
                notes |= event::HOW_UNREADABLE;
            }
            let [flags, mode, how_resolve] = how.unwrap_or_default();
            resolve = how_resolve;
            Asked { call, dfd: syscall.arg::<0>() as i32, path: syscall.arg::<1>(), flags, mode: mode as u32 }
        }
        _ => Asked {
            call,
            dfd: AT_FDCWD,
            path: syscall.arg::<0>(),
            flags: CREAT_FLAGS,
            mode: syscall.arg::<1>() as u32,
        },
    };
    // The kernel looks at the low half only, but for openat2; and without a file to create there is no mode.
    let flags = if call == event::CALL_OPENAT2 { asked.flags } else { asked.flags & 0xffff_ffff };
    let mode = if flags & (O_CREAT | O_TMPFILE) == 0 { 0 } else { asked.mode };

    let path = record.user_str(asked.path);
    if path.cut {
        notes |= event::PATH_CUT;
    }
    if path.unreadable {
        notes |= event::PATH_UNREADABLE;
    }
    let mut absolute = Piece::EMPTY;
    if params::absolute() {
        if ret < 0 {
            notes |= event::ABSOLUTE_IS_BASE;
        }
        absolute = record.path(place(ret, asked.dfd));
        if absolute.cut {
            notes |= event::ABSOLUTE_CUT;
        }
    }
    record.set(Open {
        flags,
        resolve,
        mode,
        dfd: asked.dfd,
        ret,
        path_len: path.len,
        absolute_len: absolute.len,
        call: asked.call,
        notes,
        reserved: [0; 2],
    });
    record.emit()
}

/// What was opened; or, of a call that failed, the directory its path starts from.
#[inline(always)]
fn place(ret: i32, dfd: i32) -> Path {
    let task = Task::current();
    if ret < 0 && dfd == AT_FDCWD {
        return task.working_directory();
    }
    Path::of_file(task.file(if ret < 0 { dfd } else { ret }))
}
