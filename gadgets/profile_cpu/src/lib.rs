//! The post-processor: samples to stacks with names, added up.
//!
//! Names are asked for when a stack comes, not at the end, since its process may be gone then; each address of a process
//! once.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;
mod names;

use std::collections::HashMap;

use event::Sample;
use gadget::{
    Common, Context, Event, Failure, Gadget, Reduce, Rows,
    top::{self, Ranked, Top, number},
};
use names::Names;

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Samples a second, of each CPU.
    #[param(default = 49, min = 1, max = 1000)]
    pub frequency: u32,
    /// Only the kernel's part of stacks.
    pub kernel_only: bool,
    /// Only the user's part of stacks.
    pub user_only: bool,
    /// Seconds between two looks of the live view.
    #[param(default = 1, min = 1, max = 60)]
    pub interval: u32,
}

/// One stack of one process. The time and the thread are of a sample of it.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// How often it was found.
    #[column(width = 8)]
    samples: u64,
    /// Its share of all samples, in percent.
    #[column(title = "%", width = 6)]
    percent: f64,
    /// Functions, the outermost first, separated by semicolons; those of the kernel end with `_[k]`. A line of the
    /// folded format is comm, a semicolon, this, a space and samples.
    stack: &'a str,
}

/// Samples of one stack.
type Counts = [u64; 1];

/// The post-processor.
pub struct ProfileCpu {
    names: Names,
    /// By process and folded stack: its number in `top`, and samples so far.
    stacks: HashMap<(u32, String), (usize, u64)>,
    top: Top<usize, String, 1>,
}

impl Gadget for ProfileCpu {
    type Params = Params;
    type Event = Sample;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        let Params { kernel_only, user_only, interval, .. } = context.params;
        if kernel_only && user_only {
            let message = "excludes `kernel_only`: nothing would be left";
            return Err(Failure::of("user_only", message));
        }
        let top = Top::new(&context, interval);
        Ok(Self { names: Names::default(), stacks: HashMap::new(), top })
    }

    fn event(&mut self, event: &Event<'_, Sample>, _: &mut Rows<Self>) -> Result<(), Failure> {
        let mut parts = event.parts();
        let kernel = parts.text(event.data.kernel_len)?;
        let user = parts.text(event.data.user_len)?;
        let pid = event.header.pid;
        let stack = self.names.folded(pid, kernel.0, user.0);
        let next = self.stacks.len();
        let (index, samples) = self.stacks.entry((pid, stack.clone())).or_insert((next, 0));
        *samples += 1;
        self.top.count(*index, event, [*samples], || Ok(stack))?;
        Ok(())
    }

    fn tick(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        push(&self.top.interval(weight), rows);
        Ok(())
    }

    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        push(&self.top.run(weight), rows);
        Ok(())
    }
}

impl Reduce for ProfileCpu {
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure> {
        top::merge(parts, rows, |row| number(row, "samples"))
    }
}

fn weight(counts: &Counts) -> u64 {
    counts[0]
}

fn push(stacks: &[Ranked<'_, String, 1>], rows: &mut Rows<ProfileCpu>) {
    let all: u64 = stacks.iter().map(|it| it.counts[0]).sum();
    for it in stacks {
        let [samples] = it.counts;
        // To a tenth of a percent.
        let percent = (samples * 1000 / all.max(1)) as f64 / 10.0;
        rows.push(&Row { common: it.common, samples, percent, stack: it.what });
    }
}

gadget::export!(stream + merge ProfileCpu);

#[cfg(test)]
mod tests;
