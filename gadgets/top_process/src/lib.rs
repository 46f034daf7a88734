//! The post-processor: counters of processes to those that use the CPU most, in each interval and over the run.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Process;
use gadget::{
    Common, Context, Event, Failure, Gadget, Header, Reduce, Rows,
    top::{self, Ranked, Top, number},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Seconds between two looks of the live view; rates in it are of that time.
    #[param(default = 1, min = 1, max = 60)]
    pub interval: u32,
    /// Times a second that processes which run on and on are looked at.
    #[param(default = 49, min = 1, max = 1000)]
    pub frequency: u32,
}

/// One process.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten, show("uid", "ppid"))]
    common: Common<'a>,
    /// Share of one CPU, in percent; of two CPUs 200.
    #[column(title = "CPU %", width = 7)]
    cpu_percent: f64,
    /// Nanoseconds that its threads ran.
    #[column(hidden)]
    cpu_ns: u64,
    /// How often one of its threads was taken off a CPU.
    #[column(width = 9)]
    switches: u64,
    /// Its threads, when it last ran.
    #[column(width = 7)]
    threads: u32,
    /// Bytes of resident memory, when it last ran.
    #[column(title = "RESIDENT", width = 12)]
    resident_bytes: u64,
    /// Whether it is a thread of the kernel.
    #[column(hidden)]
    kernel_thread: bool,
}

/// What a process is now, apart from its counters.
#[derive(Clone, Copy)]
struct Now {
    /// With the name it has now.
    header: Header,
    resident_bytes: u64,
    threads: u32,
    kernel_thread: bool,
}

/// Nanoseconds on a CPU, and switches.
type Counts = [u64; 2];

/// The post-processor.
pub struct TopProcess {
    processes: Top<u32, Now, 2>,
    page_bytes: u64,
}

impl Gadget for TopProcess {
    type Params = Params;
    type Event = Process;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        let page_bytes = context.page_bytes;
        Ok(Self { processes: Top::new(&context, context.params.interval), page_bytes })
    }

    fn event(&mut self, event: &Event<'_, Process>, _: &mut Rows<Self>) -> Result<(), Failure> {
        let process = event.data;
        let mut header = *event.header;
        for (into, word) in header.comm.as_chunks_mut::<8>().0.iter_mut().zip(process.comm) {
            *into = word.to_le_bytes();
        }
        let now = Now {
            header,
            resident_bytes: process.resident.saturating_mul(self.page_bytes),
            threads: process.threads,
            kernel_thread: process.notes & event::KERNEL_THREAD != 0,
        };
        let what =
            self.processes.count(event.header.pid, event, [process.cpu_ns, process.switches], || Ok(now))?;
        *what = now;
        Ok(())
    }

    fn tick(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.processes.interval(weight).iter().for_each(|it| rows.push(&row(it)));
        Ok(())
    }

    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.processes.run(weight).iter().for_each(|it| rows.push(&row(it)));
        Ok(())
    }
}

impl Reduce for TopProcess {
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure> {
        top::merge(parts, rows, |row| number(row, "cpu_ns"))
    }
}

/// Time on a CPU.
fn weight(counts: &Counts) -> u64 {
    counts[0]
}

fn row<'a>(it: &Ranked<'a, Now, 2>) -> Row<'a> {
    let Now { header, resident_bytes, threads, kernel_thread } = it.what;
    let [cpu_ns, switches] = it.counts;
    Row {
        common: Common { header, ..it.common },
        // To a tenth of a percent.
        cpu_percent: (it.per_second(0) / 1_000_000) as f64 / 10.0,
        cpu_ns,
        switches,
        threads: *threads,
        resident_bytes: *resident_bytes,
        kernel_thread: *kernel_thread,
    }
}

gadget::export!(stream + merge TopProcess);

#[cfg(test)]
mod tests;
