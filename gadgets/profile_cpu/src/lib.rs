//! The post-processor: samples and waits to stacks with names, added up.
//!
//! Names are asked for when a stack comes, not at the end, since its process may be gone then; each address of a process
//! once.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;
mod names;
mod stacks;

use event::Sample;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Reduce, Rows,
    top::{self, Ranked, number},
};
use stacks::Stacks;

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// on_cpu: where CPUs spend their time, by samples. off_cpu: where threads wait and for how long, by every wait.
    #[param(default = Mode::OnCpu)]
    pub mode: Mode,
    /// on_cpu: samples a second, of each CPU.
    #[param(default = 49, min = 1, max = 1000)]
    pub frequency: u32,
    /// off_cpu: only waits of at least so many microseconds.
    #[param(default = 1000, min = 0, max = 60_000_000)]
    pub min_block_us: u64,
    /// Only the kernel's part of stacks.
    pub kernel_only: bool,
    /// Only the user's part of stacks.
    pub user_only: bool,
    /// Seconds between two looks of the live view.
    #[param(default = 1, min = 1, max = 60)]
    pub interval: u32,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Mode {
    /// What runs.
    OnCpu,
    /// What waits.
    OffCpu,
}

/// One stack of one process. The time and the thread are of a sample or wait of it.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// on_cpu: how often it was found.
    #[column(width = 8)]
    samples: Option<u64>,
    /// off_cpu: how often a thread waited there.
    #[column(width = 8)]
    waits: Option<u64>,
    /// off_cpu: how long in all, in nanoseconds, from leaving the CPU to being on it again.
    #[column(width = 13)]
    wait_ns: Option<u64>,
    /// off_cpu: how many of the waits were not over when the run ended; their time is counted up to then.
    #[column(title = "STILL", width = 5)]
    still_waiting: Option<u64>,
    /// Its share of all samples, or of all time waited, in percent.
    #[column(title = "%", width = 6)]
    percent: f64,
    /// Functions, the outermost first, separated by semicolons; those of the kernel end with `_[k]`. A line of the
    /// folded format is comm, a semicolon, this, a space and samples or wait_ns.
    stack: &'a str,
}

/// The post-processor.
pub struct ProfileCpu {
    mode: Mode,
    min_block_ns: u64,
    stacks: Stacks,
}

impl Gadget for ProfileCpu {
    type Params = Params;
    type Event = Sample;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        let Params { mode, kernel_only, user_only, interval, min_block_us, .. } = context.params;
        if kernel_only && user_only {
            let message = "excludes `kernel_only`: nothing would be left";
            return Err(Failure::of("user_only", message));
        }
        let stacks = Stacks::new(&context, interval);
        Ok(Self { mode, min_block_ns: min_block_us * 1000, stacks })
    }

    fn event(&mut self, event: &Event<'_, Sample>, _: &mut Rows<Self>) -> Result<(), Failure> {
        let Sample { began, waited, .. } = *event.data;
        match (began, waited) {
            (0, _) => self.stacks.sample(event),
            // A wait that is not over: what the host found in the kernel's table when it looked.
            (began, 0) => match event.header.timestamp.saturating_sub(began) {
                so_far if so_far >= self.min_block_ns => self.stacks.waits(event, so_far),
                _ => Ok(()),
            },
            (_, waited) => self.stacks.waited(event, waited),
        }
    }

    fn tick(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let mode = self.mode;
        push(mode, &self.stacks.top.interval(stacks::weight), rows);
        Ok(())
    }

    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        push(self.mode, &self.stacks.top.run(stacks::weight), rows);
        Ok(())
    }
}

impl Reduce for ProfileCpu {
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure> {
        top::merge(parts, rows, |row| number(row, "samples") + number(row, "wait_ns"))
    }
}

fn push(mode: Mode, stacks: &[Ranked<'_, String, 3>], rows: &mut Rows<ProfileCpu>) {
    let all: u128 = stacks.iter().map(|it| u128::from(stacks::weight(&it.counts))).sum();
    for it in stacks {
        let [weight, count, still] = it.counts;
        // To a tenth of a percent.
        let percent = (u128::from(weight) * 1000 / all.max(1)) as f64 / 10.0;
        let off = mode == Mode::OffCpu;
        rows.push(&Row {
            common: it.common,
            samples: (!off).then_some(weight),
            waits: off.then_some(count),
            wait_ns: off.then_some(weight),
            still_waiting: (still > 0).then_some(still),
            percent,
            stack: it.what,
        });
    }
}

gadget::export!(stream + merge ProfileCpu);

#[cfg(test)]
mod tests;
