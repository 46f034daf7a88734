//! The post-processor: counters of a disk's requests to histograms, as numbers and as a picture.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use std::collections::BTreeMap;

use event::Latency;
use gadget::{
    Context, Event, Failure, Gadget, Reduce, Rows,
    histogram::{Histogram, Told},
    linux::{Device, block_operation},
    serde_json::Value as Json,
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Count from when a request was queued, not from when it was handed to the driver.
    pub queued: bool,
}

/// The latencies of one kind of request on one disk.
#[derive(gadget::Row)]
pub struct Row<'a> {
    /// Name of the disk.
    #[column(width = 10)]
    disk: &'a str,
    /// Number of the disk.
    #[column(hidden)]
    device: Device,
    /// What was asked of it: read, write, flush, discard, ...
    #[column(width = 8)]
    operation: &'a str,
    /// Requests.
    #[column(width = 8)]
    requests: u64,
    /// Bytes of all of them.
    bytes: u64,
    /// Microseconds of all of them together.
    #[column(hidden)]
    total_us: u64,
    /// Microseconds of one, on average.
    #[column(width = 8)]
    mean_us: u64,
    #[row(flatten)]
    latency: Told,
}

/// What is known of one kind of request on one disk.
#[derive(Clone, Debug, Default)]
struct Requests {
    device: u32,
    bytes: u64,
    total_us: u64,
    latency: Histogram,
}

/// By disk and operation.
type All = BTreeMap<(String, String), Requests>;

/// The post-processor.
pub struct ProfileBlockio {
    all: All,
}

impl Gadget for ProfileBlockio {
    type Params = Params;
    type Event = Latency;
    type Row<'a> = Row<'a>;

    fn start(_: Context<Params>) -> Result<Self, Failure> {
        Ok(Self { all: All::new() })
    }

    fn event(&mut self, event: &Event<'_, Latency>, _: &mut Rows<Self>) -> Result<(), Failure> {
        let Latency { slots, total_ns, bytes, disk, device, op } = *event.data;
        let end = disk.iter().position(|byte| *byte == 0).unwrap_or(disk.len());
        let key = (String::from_utf8_lossy(&disk[..end]).into_owned(), block_operation(op));
        self.all
            .insert(key, Requests { device, bytes, total_us: total_ns / 1000, latency: Histogram(slots) });
        Ok(())
    }

    fn tick(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        push(&self.all, rows);
        Ok(())
    }

    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        push(&self.all, rows);
        Ok(())
    }
}

impl Reduce for ProfileBlockio {
    /// Disks of the same name on several nodes are added up.
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure> {
        let mut all = All::new();
        for row in parts.iter().flat_map(|part| gadget::rows::<Json>(part)) {
            let row = row?;
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let number = |name: &str| row[name].as_u64().unwrap_or_default();
            let requests = all.entry((text("disk"), text("operation"))).or_default();
            requests.device = Device::from_text(&text("device")).0;
            requests.bytes = requests.bytes.saturating_add(number("bytes"));
            requests.total_us = requests.total_us.saturating_add(number("total_us"));
            requests.latency.add_row(&row);
        }
        push(&all, rows);
        Ok(())
    }
}

fn push(all: &All, rows: &mut Rows<ProfileBlockio>) {
    for ((disk, operation), it) in all {
        let requests = it.latency.count();
        if requests == 0 {
            continue;
        }
        rows.push(&Row {
            disk,
            device: Device(it.device),
            operation,
            requests,
            bytes: it.bytes,
            total_us: it.total_us,
            mean_us: it.total_us / requests,
            latency: it.latency.told(),
        });
    }
}

gadget::export!(stream + merge ProfileBlockio);

#[cfg(test)]
mod tests;
