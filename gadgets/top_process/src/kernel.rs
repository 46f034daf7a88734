//! Time on a CPU, added up by process: whenever a thread is taken off a CPU, and by a clock, so that one which runs for
//! seconds is not seen only when it stops.
#![no_std]
#![no_main]

use core::mem::offset_of;

use gadget::{fields, prelude::*};

mod event;
use event::Process;

gadget::kernel_field! {
    // An array of per-CPU counters from 6.2 on, before that one of numbers behind a name of its own.
    static MM_RSS: mm_struct.rss_stat => Addr;
    optional static OLD_COUNTS: mm_rss_stat.count => Addr;
    static COUNTER_COUNT: percpu_counter.count => u64;
}

gadget::kernel_size! {
    static COUNTER: percpu_counter;
}

gadget::map! {
    /// What each process used.
    static PROCESSES: Table<u32, Process> = 16384;
    /// When this CPU's time was last added to someone.
    static SINCE: PerCpuArray<u64> = 1;
}

#[gadget::program("tp_btf/sched_switch")]
fn switch(_: BtfTracepoint) -> Option<()> {
    let slot = account()?;
    slot.add::<{ offset_of!(Process, switches) }>(1);
    Some(())
}

#[gadget::program("perf_event/cpu-clock")]
fn clock(_: PerfEventContext) -> Option<()> {
    account()?;
    Some(())
}

/// Adds the time since the last call on this CPU to the process that runs.
#[inline(always)]
fn account() -> Option<Slot<Process>> {
    let mut since = SINCE.slot(0)?;
    let (from, now) = (since.get(), gadget::raw::boot_ns());
    since.set(now);
    let task = Task::current();
    let pid = task.pid();
    // Not what ran before the run began, and not the idle thread.
    if from == 0 || pid == 0 || !gadget::wanted_of(task.leader()) {
        return None;
    }
    let slot = match PROCESSES.slot(pid) {
        Some(slot) => slot,
        None => first(task, pid)?,
    };
    slot.add::<{ offset_of!(Process, cpu_ns) }>(now.saturating_sub(from));
    // A process that ends has given up its memory before it runs for the last time.
    let resident = resident(task);
    if resident > 0 {
        slot.put::<{ offset_of!(Process, resident) }, u64>(resident);
    }
    slot.put::<{ offset_of!(Process, comm) }, [u64; 2]>(task.leader().comm());
    slot.put::<{ offset_of!(Process, threads) }, u32>(task.threads());
    Some(slot)
}

/// The first time that a process runs.
#[inline(always)]
fn first(task: Task, pid: u32) -> Option<Slot<Process>> {
    let mut record = gadget::begin_for::<Process>(task.leader())?;
    let notes = if task.is_kernel_thread() { event::KERNEL_THREAD } else { 0 };
    record.set(Process { cpu_ns: 0, switches: 0, resident: 0, comm: [0; 2], threads: 0, notes });
    PROCESSES.insert(pid, record)
}

/// Pages of files, anonymous memory and shared memory; the second of the four counts is that of swapped pages.
#[inline(always)]
fn resident(task: Task) -> u64 {
    let mm = fields::TASK_MM.read_or_zero(task.addr());
    if mm.is_null() {
        return 0;
    }
    let count = |n: u64| -> u64 {
        let counter = if OLD_COUNTS.exists() {
            OLD_COUNTS.at(MM_RSS.at(mm)).plus(n * 8)
        } else {
            COUNTER_COUNT.at(MM_RSS.at(mm).plus(n * u64::from(COUNTER.bytes())))
        };
        let pages: i64 = gadget::raw::read_kernel_or_zero(counter);
        if pages < 0 { 0 } else { pages.cast_unsigned() }
    };
    count(0) + count(1) + count(3)
}
