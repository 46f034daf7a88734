//! A clock on every CPU: each time it strikes, the stacks of what runs there.
#![no_std]
#![no_main]

use gadget::prelude::*;

mod event;
use event::Sample;

gadget::params! {
    /// Not the user's stacks.
    kernel_only: bool,
    /// Not the kernel's stacks.
    user_only: bool,
}

#[gadget::program("perf_event/cpu-clock")]
fn sample(ctx: PerfEventContext) -> Option<()> {
    // The idle thread.
    if Task::current().pid() == 0 {
        return None;
    }
    let mut record = gadget::begin::<Sample>()?;
    let kernel = if params::user_only() { Piece::EMPTY } else { record.kernel_stack(&ctx) };
    let user = if params::kernel_only() { Piece::EMPTY } else { record.user_stack(&ctx) };
    record.set(Sample { kernel_len: kernel.len, user_len: user.len });
    record.emit()
}
