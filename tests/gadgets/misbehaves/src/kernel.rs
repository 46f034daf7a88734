//! Every process, so that there is something to misbehave about.
#![no_std]
#![no_main]

use gadget::prelude::*;

mod event;
use event::Seen;

#[gadget::program("iter/task")]
fn tasks(ctx: Iter<Task>) -> Option<()> {
    let task = ctx.object()?;
    if task.pid() != task.tid() {
        return None;
    }
    let mut record = gadget::begin_for::<Seen>(task)?;
    record.set(Seen { reserved: 0 });
    record.emit_to(ctx.sequence())
}
