//! The post-processor: counters of disk requests to the processes that make most of them.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Usage;
use gadget::{
    Common, Context, Event, Failure, Gadget, Reduce, Rows, Text,
    linux::{Device, block_operation},
    top::{self, Ranked, Top, number},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Seconds between two looks of the live view; rates in it are of that time.
    #[param(default = 1, min = 1, max = 60)]
    pub interval: u32,
}

/// One kind of request of one process on one disk. The thread is the first that made one.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// Name of the disk.
    #[column(width = 10)]
    disk: Text<'a>,
    /// Number of the disk.
    #[column(hidden)]
    device: Device,
    /// What was asked of it: read, write, flush, discard, ...
    #[column(width = 9)]
    operation: &'a str,
    /// Requests.
    #[column(width = 8)]
    requests: u64,
    /// Bytes of them.
    bytes: u64,
    /// Bytes a second.
    #[column(title = "B/S")]
    bytes_per_second: u64,
    /// Microseconds that one took, on average.
    #[column(width = 8)]
    mean_us: u64,
}

/// What a process does with a disk, apart from how much.
struct What {
    usage: Usage,
    operation: String,
}

/// Requests, bytes, nanoseconds.
type Counts = [u64; 3];

/// The post-processor.
pub struct TopBlockio {
    usages: Top<(u32, u32, u32), What, 3>,
}

impl Gadget for TopBlockio {
    type Params = Params;
    type Event = Usage;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        Ok(Self { usages: Top::new(&context, context.params.interval) })
    }

    fn event(&mut self, event: &Event<'_, Usage>, _: &mut Rows<Self>) -> Result<(), Failure> {
        let usage = event.data;
        let key = (event.header.pid, usage.device, usage.op);
        self.usages.count(key, event, [usage.requests, usage.bytes, usage.total_ns], || {
            Ok(What { usage: *usage, operation: block_operation(usage.op) })
        })?;
        Ok(())
    }

    fn tick(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.usages.interval(weight).iter().for_each(|it| rows.push(&row(it)));
        Ok(())
    }

    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.usages.run(weight).iter().for_each(|it| rows.push(&row(it)));
        Ok(())
    }
}

impl Reduce for TopBlockio {
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure> {
        top::merge(parts, rows, |row| number(row, "bytes"))
    }
}

/// Bytes.
fn weight(counts: &Counts) -> u64 {
    counts[1]
}

fn row<'a>(it: &Ranked<'a, What, 3>) -> Row<'a> {
    let What { usage, operation } = it.what;
    let [requests, bytes, total_ns] = it.counts;
    Row {
        common: it.common,
        disk: Text::until_nul(&usage.disk),
        device: Device(usage.device),
        operation,
        requests,
        bytes,
        bytes_per_second: it.per_second(1),
        mean_us: total_ns / 1000 / requests.max(1),
    }
}

gadget::export!(stream + merge TopBlockio);

#[cfg(test)]
mod tests;
