//! On the CPU: a clock on every CPU, and each time it strikes, the stacks of what runs there. Off the CPU: the stacks of
//! every thread that begins to wait, kept until it runs again.
#![no_std]
#![no_main]

use core::mem::offset_of;

use gadget::{fields, prelude::*};

mod event;
use event::Sample;

gadget::params! {
    /// Not the user's stacks.
    kernel_only: bool,
    /// Not the kernel's stacks.
    user_only: bool,
    /// Shorter waits are not told of, in microseconds.
    min_block_us: u64,
}

gadget::map! {
    /// Threads that wait, by thread id. The tail has room for both stacks. The host reads those that are there when it
    /// looks: waits that are not over.
    static WAITING: Table<u32, Sample, 2032> = 8192;
}

#[gadget::program("perf_event/cpu-clock")]
fn sample(ctx: PerfEventContext) -> Option<()> {
    // The idle thread.
    if Task::current().pid() == 0 {
        return None;
    }
    stacks(&ctx, 0)?.emit()
}

#[gadget::program("tp_btf/sched_switch")]
fn switch(ctx: BtfTracepoint) -> Option<()> {
    runs_again(Task::new(ctx.pointer(2).addr()).tid());
    // The task that leaves the CPU is still the current one.
    let task = Task::current();
    let preempted = ctx.number::<u8>(0) != 0;
    if preempted || !waits(fields::TASK_STATE.read_or_zero(task.addr())) {
        return None;
    }
    let record = stacks(&ctx, gadget::raw::boot_ns())?;
    WAITING.insert(task.tid(), record)?;
    Some(())
}

/// The thread that comes to the CPU: if it waited for long, the host is told.
#[inline(always)]
fn runs_again(tid: u32) -> Option<()> {
    let slot = WAITING.slot(tid)?;
    let Sample { kernel_len, user_len, began, .. } = slot.get();
    let waited = gadget::raw::boot_ns().saturating_sub(began);
    if waited < params::min_block_us() * 1000 {
        WAITING.remove(tid);
        return None;
    }
    slot.put::<{ offset_of!(Sample, waited) }, u64>(waited);
    WAITING.emit(tid, slot, kernel_len + user_len)
}

/// Whether a thread that leaves the CPU in this state waits for something: not one that could go on, that ends or that was
/// stopped, and not a thread of the kernel that has nothing to do (`TASK_IDLE`).
#[inline(always)]
fn waits(state: u32) -> bool {
    const INTERRUPTIBLE: u32 = 0x1;
    const UNINTERRUPTIBLE: u32 = 0x2;
    const NO_LOAD: u32 = 0x400;
    const RT_LOCK_WAIT: u32 = 0x1000;
    state & (INTERRUPTIBLE | UNINTERRUPTIBLE | RT_LOCK_WAIT) != 0 && state & NO_LOAD == 0
}

/// A record of the current task with both its stacks.
#[inline(always)]
fn stacks(ctx: &impl gadget::aya_ebpf::EbpfContext, began: u64) -> Option<Record<Sample>> {
    let mut record = gadget::begin::<Sample>()?;
    let kernel = if params::user_only() { Piece::EMPTY } else { record.kernel_stack(ctx) };
    let user = if params::kernel_only() { Piece::EMPTY } else { record.user_stack(ctx) };
    record.set(Sample { kernel_len: kernel.len, user_len: user.len, began, waited: 0 });
    Some(record)
}
