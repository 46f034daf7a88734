//! The kernel calls this once per thread and writes what it says to a file that the host reads.
#![no_std]
#![no_main]

use gadget::prelude::*;

mod event;
use event::Process;

gadget::params! {
    /// Each thread, not only each process.
    threads: bool,
}

#[gadget::program("iter/task")]
fn processes(ctx: Iter<Task>) -> Option<()> {
    let task = ctx.object()?;
    if !params::threads() && task.pid() != task.tid() {
        return None;
    }
    let mut record = gadget::begin_for::<Process>(task)?;
    let exe = record.path(Path::of_file(task.exe_file()));
    let mut notes = 0;
    if task.is_kernel_thread() {
        notes |= event::KERNEL_THREAD;
    }
    if exe.cut {
        notes |= event::EXE_CUT;
    }
    record.set(Process {
        start: task.start(),
        threads: task.threads(),
        exe_len: exe.len,
        state: task.state(),
        notes,
        reserved: [0; 6],
    });
    record.emit_to(ctx.sequence())
}
