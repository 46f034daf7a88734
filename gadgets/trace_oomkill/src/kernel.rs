//! The OOM killer where it has picked its victim, which still has all its memory.
#![no_std]
#![no_main]

use gadget::{fields, prelude::*};

mod event;
use event::Victim;

gadget::kernel_field! {
    static MM_TOTAL: mm_struct.total_vm => u64;
    static MM_RSS: mm_struct.rss_stat => u64;
    static MM_PAGE_TABLES: mm_struct.pgtables_bytes => u64;
    static COUNTER_COUNT: percpu_counter.count => i64;
    static SCORE_ADJ: signal_struct.oom_score_adj => i16;
}

gadget::kernel_size! {
    static COUNTER: percpu_counter;
}

/// Places in `mm_struct.rss_stat`.
const FILE: u64 = 0;
const ANONYMOUS: u64 = 1;
const SHARED: u64 = 3;

/// Arguments: the victim, its user. (Up to 6.8 a process id: there the load below is refused, and the run says so.)
#[gadget::program("tp_btf/mark_victim")]
fn mark_victim(ctx: BtfTracepoint) -> Option<()> {
    let victim = ctx.pointer(0);
    if fields::TASK_TGID.load(victim) == 0 {
        return None;
    }
    let victim = Task::new(victim.addr());
    let mut record = gadget::begin_for::<Victim>(victim)?;
    let mm = fields::TASK_MM.read_or_zero(victim.addr());
    let cause = Task::current();
    record.set(Victim {
        total_pages: MM_TOTAL.read_or_zero(mm),
        anonymous_pages: pages(mm, ANONYMOUS),
        file_pages: pages(mm, FILE),
        shared_pages: pages(mm, SHARED),
        page_tables: MM_PAGE_TABLES.read_or_zero(mm),
        cause_pid: cause.pid(),
        cause_mntns: cause.mount_namespace(),
        cause_comm: cause.name(),
        score_adj: SCORE_ADJ.read_or_zero(fields::TASK_SIGNAL.read_or_zero(victim.addr())),
        reserved: [0; 6],
    });
    record.emit()
}

/// A counter of resident pages, as the kernel's own message tells it: what CPUs have not yet added is missing, and a
/// sum below zero stands for none.
#[inline(always)]
fn pages(mm: Addr, which: u64) -> u64 {
    let counter = MM_RSS.at(mm).plus(which * u64::from(COUNTER.bytes()));
    COUNTER_COUNT.read_or_zero(counter).max(0).cast_unsigned()
}
