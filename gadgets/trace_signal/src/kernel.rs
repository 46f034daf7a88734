//! Signals where the kernel makes them, which is the same place for calls, faults, timers and children; and calls that
//! failed before they came there.
#![no_std]
#![no_main]

use gadget::prelude::*;

mod event;
use event::Signal;

gadget::params! {
    /// Only calls that failed.
    failed: bool,
    /// Only signals that a process sent by a call.
    kill_only: bool,
}

gadget::kernel_field! {
    static INFO_CODE: kernel_siginfo.si_code => i32;
    static INFO_ADDRESS: kernel_siginfo._sifields._sigfault._addr => u64;
}

const SI_USER: i32 = 0;
const SI_KERNEL: i32 = 0x80;
const SI_QUEUE: i32 = -1;
const SI_TKILL: i32 = -6;
/// `SEND_SIG_PRIV`, which stands for a signal of the kernel's; `SEND_SIG_NOINFO`, null, for one of a process.
const PRIVATE: u64 = 1;
/// SIGILL, SIGBUS, SIGFPE and SIGSEGV.
const FAULTS: u32 = 1 << 4 | 1 << 7 | 1 << 8 | 1 << 11;

const NOTHING: Signal = Signal {
    address: 0,
    signal: 0,
    code: 0,
    target_pid: 0,
    target_tid: 0,
    target_uid: 0,
    result: 0,
    target_comm: [0; 16],
    kind: event::KIND_SIGNAL,
    to_thread: 0,
    reserved: [0; 6],
};

/// Arguments: the signal, its `kernel_siginfo`, the task it is for, the kind of target (0: a thread), the result.
#[gadget::program("tp_btf/signal_generate")]
fn generate(ctx: BtfTracepoint) -> Option<()> {
    if params::failed() {
        return None;
    }
    let signal = ctx.number::<i32>(0).cast_unsigned();
    let info = ctx.pointer(1).addr();
    let code = match info.get() {
        0 => SI_USER,
        PRIVATE => SI_KERNEL,
        _ => INFO_CODE.read_or_zero(info),
    };
    if params::kill_only() && !matches!(code, SI_USER | SI_QUEUE | SI_TKILL) {
        return None;
    }
    let mut record = gadget::begin::<Signal>()?;
    let target = Task::new(ctx.pointer(2).addr());
    let fault = signal < 32 && FAULTS & 1 << signal != 0 && code > 0 && code < SI_KERNEL;
    record.set(Signal {
        address: if fault { INFO_ADDRESS.read_or_zero(info) } else { 0 },
        signal,
        code,
        target_pid: target.pid().cast_signed(),
        target_tid: target.tid().cast_signed(),
        target_uid: target.uid(),
        result: ctx.number(4),
        target_comm: target.name(),
        to_thread: u8::from(ctx.number::<i32>(3) == 0),
        ..NOTHING
    });
    record.emit()
}

#[gadget::program("tracepoint/syscalls/sys_exit_kill")]
fn kill(ctx: Tracepoint) -> Option<()> {
    failed(ctx, event::KIND_KILL)
}

#[gadget::program("tracepoint/syscalls/sys_exit_tkill")]
fn tkill(ctx: Tracepoint) -> Option<()> {
    failed(ctx, event::KIND_TKILL)
}

#[gadget::program("tracepoint/syscalls/sys_exit_tgkill")]
fn tgkill(ctx: Tracepoint) -> Option<()> {
    failed(ctx, event::KIND_TGKILL)
}

#[gadget::program("tracepoint/syscalls/sys_exit_rt_sigqueueinfo")]
fn rt_sigqueueinfo(ctx: Tracepoint) -> Option<()> {
    failed(ctx, event::KIND_SIGQUEUE)
}

#[gadget::program("tracepoint/syscalls/sys_exit_rt_tgsigqueueinfo")]
fn rt_tgsigqueueinfo(ctx: Tracepoint) -> Option<()> {
    failed(ctx, event::KIND_TGSIGQUEUE)
}

#[gadget::program("tracepoint/syscalls/sys_exit_pidfd_send_signal")]
fn pidfd_send_signal(ctx: Tracepoint) -> Option<()> {
    failed(ctx, event::KIND_PIDFD)
}

#[inline(always)]
fn failed(ctx: Tracepoint, kind: u8) -> Option<()> {
    let ret = ctx.ret();
    if ret >= 0 {
        return None;
    }
    let mut record = gadget::begin::<Signal>()?;
    let syscall = Syscall::current();
    let [first, second, third] =
        [syscall.arg::<0>() as i32, syscall.arg::<1>() as i32, syscall.arg::<2>() as i32];
    let (target_pid, target_tid, signal) = match kind {
        event::KIND_TKILL => (0, first, second),
        event::KIND_TGKILL | event::KIND_TGSIGQUEUE => (first, second, third),
        _ => (first, 0, second),
    };
    record.set(Signal {
        signal: signal.cast_unsigned(),
        target_pid,
        target_tid,
        result: ret as i32,
        kind,
        to_thread: u8::from(target_tid != 0),
        ..NOTHING
    });
    record.emit()
}
