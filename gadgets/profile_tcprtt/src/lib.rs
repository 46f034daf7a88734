//! The post-processor: counters of round-trip times to histograms, as numbers and as a picture.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use std::{cmp::Reverse, collections::BTreeMap};

use event::Times;
use gadget::{
    Container, Context, Event, Failure, Gadget, Kept, Reduce, Rows, Text,
    histogram::{Histogram, Told},
    net::IpAddr,
    serde_json::Value as Json,
    top::{self, number},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// A histogram for each remote address.
    pub by_address: bool,
    /// A histogram for each process.
    pub by_process: bool,
    /// Count the time of the segment that was acknowledged last, not the smoothed one.
    pub last: bool,
}

/// The round-trip times of one address, one process, or all.
#[derive(gadget::Row)]
pub struct Row<'a> {
    /// The container of the process, with `by_process`; absent on the host itself.
    container: Option<Container<'a>>,
    /// Name of the thread that made or accepted the first of its connections; with `by_process`.
    #[column(width = 16)]
    comm: Option<Text<'a>>,
    /// Process id, with `by_process`; 0 is for connections whose process is not known.
    pid: Option<u32>,
    /// The other end, with `by_address`.
    dst_addr: Option<IpAddr>,
    /// Segments that arrived: for each, the time counts once.
    segments: u64,
    /// Microseconds of all of them together.
    #[column(hidden)]
    total_us: u64,
    /// Microseconds, on average.
    #[column(width = 8)]
    mean_us: u64,
    #[row(flatten)]
    times: Told,
}

/// What a row is of: a process if told apart, and an address, likewise.
type Key = (Option<u32>, Option<IpAddr>);

/// What is known of one of them.
#[derive(Default)]
struct Known {
    process: Option<Kept>,
    total_us: u64,
    times: Histogram,
}

/// The post-processor.
pub struct ProfileTcprtt {
    params: Params,
    all: BTreeMap<Key, Known>,
}

impl Gadget for ProfileTcprtt {
    type Params = Params;
    type Event = Times;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        Ok(Self { params: context.params, all: BTreeMap::new() })
    }

    fn event(&mut self, event: &Event<'_, Times>, _: &mut Rows<Self>) -> Result<(), Failure> {
        let Times { slots, total_us, remote, family, .. } = *event.data;
        let Params { by_address, by_process, .. } = self.params;
        let family = u16::try_from(family).unwrap_or_default();
        let key = (by_process.then_some(event.header.pid), by_address.then(|| IpAddr::new(family, remote)));
        let known = self.all.entry(key).or_default();
        if by_process && known.process.is_none() {
            known.process = Some(event.keep());
        }
        (known.total_us, known.times) = (total_us, Histogram(slots));
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

impl Reduce for ProfileTcprtt {
    /// Those of the same address on several nodes are added up, as are those of all; a process is of one node alone.
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure> {
        let mut all = BTreeMap::<Key, Known>::new();
        for row in parts.iter().flat_map(|part| gadget::rows::<Json>(part)) {
            let row = row?;
            if row["pid"].is_number() {
                return top::merge(parts, rows, |row| number(row, "segments"));
            }
            let address = row["dst_addr"].as_str().and_then(|text| text.parse::<std::net::IpAddr>().ok());
            let known = all.entry((None, address.map(IpAddr::from))).or_default();
            known.total_us = known.total_us.saturating_add(row["total_us"].as_u64().unwrap_or_default());
            known.times.add_row(&row);
        }
        push(&all, rows);
        Ok(())
    }
}

/// The most segments first.
fn push(all: &BTreeMap<Key, Known>, rows: &mut Rows<ProfileTcprtt>) {
    let mut sorted: Vec<_> = all.iter().map(|(key, known)| (known.times.count(), key, known)).collect();
    sorted.sort_by_key(|(segments, ..)| Reverse(*segments));
    for (segments, (pid, address), known) in sorted.into_iter().filter(|(segments, ..)| *segments > 0) {
        let process = known.process.as_ref().map(Kept::common);
        rows.push(&Row {
            container: process.and_then(|it| it.container),
            comm: process.map(|it| Text::until_nul(&it.header.comm)),
            pid: *pid,
            dst_addr: *address,
            segments,
            total_us: known.total_us,
            mean_us: known.total_us / segments,
            times: known.times.told(),
        });
    }
}

gadget::export!(stream + merge ProfileTcprtt);

#[cfg(test)]
mod tests;
