//! The post-processor: counters of connections to those that move most.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Usage;
use gadget::{
    Common, Context, Event, Failure, Flow, Gadget, Reduce, Rows,
    net::{Endpoints, endpoints},
    top::{self, Ranked, Top, number},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Seconds between two looks of the live view; rates in it are of that time.
    #[param(default = 1, min = 1, max = 60)]
    pub interval: u32,
}

/// What one process has sent and received over one connection. The thread is the first that did.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    #[row(flatten)]
    endpoints: Option<Endpoints>,
    /// Bytes of payload sent.
    #[column(title = "SENT")]
    bytes_sent: u64,
    /// Bytes of payload received.
    #[column(title = "RECEIVED")]
    bytes_received: u64,
    /// Bytes sent a second.
    #[column(title = "SENT/S")]
    sent_per_second: u64,
    /// Bytes received a second.
    #[column(title = "RECEIVED/S")]
    received_per_second: u64,
    /// Only when the row is the sum of several: how many small connections that have ended, of processes of that name in
    /// that container, it adds up. Its other fields are of one of them; it has no addresses and ports.
    #[column(hidden)]
    connections: Option<u64>,
    /// Network namespace (inode number).
    #[column(hidden)]
    netns: Option<u32>,
}

/// Most connections that are kept apart; of more, the smallest that have ended are added up.
const CONNECTIONS_MAX: usize = 20_000;

/// What is counted together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// A process' part in a connection: since when, and the ports.
    Connection(u32, u64, u16, u16),
    /// Connections that have ended, of processes of one name in one cgroup.
    Ended(u64, [u8; 16]),
}

/// What a key is.
struct What {
    /// `None` for a sum of several.
    flow: Option<Flow>,
    ended: bool,
    cgroup: u64,
    comm: [u8; 16],
}

/// Bytes sent, bytes received, connections.
type Counts = [u64; 3];

/// The post-processor.
pub struct TopTcp {
    usages: Top<Key, What, 3>,
}

impl Gadget for TopTcp {
    type Params = Params;
    type Event = Usage;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        Ok(Self { usages: Top::new(&context, context.params.interval) })
    }

    fn event(&mut self, event: &Event<'_, Usage>, _: &mut Rows<Self>) -> Result<(), Failure> {
        let Usage { flow, started, sent, received, ended, .. } = *event.data;
        let key = Key::Connection(event.header.pid, started, flow.local_port, flow.remote_port);
        let what = self.usages.count(key, event, [sent, received, 1], || {
            let (cgroup, comm) = (event.header.cgroup, event.header.comm);
            Ok(What { flow: Some(flow), ended: false, cgroup, comm })
        })?;
        what.ended = ended != 0;
        Ok(())
    }

    fn tick(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.usages.interval(weight).iter().for_each(|it| rows.push(&row(it)));
        self.usages.fold(CONNECTIONS_MAX, weight, |what| {
            let sum = Key::Ended(what.cgroup, what.comm);
            what.ended.then_some((sum, What { flow: None, ended: false, ..*what }))
        });
        Ok(())
    }

    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.usages.run(weight).iter().for_each(|it| rows.push(&row(it)));
        Ok(())
    }
}

impl Reduce for TopTcp {
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure> {
        let bytes = |row: &_| number(row, "bytes_sent").saturating_add(number(row, "bytes_received"));
        top::merge(parts, rows, bytes)
    }
}

/// Bytes both ways.
fn weight(counts: &Counts) -> u64 {
    counts[0].saturating_add(counts[1])
}

fn row<'a>(it: &Ranked<'a, What, 3>) -> Row<'a> {
    let [bytes_sent, bytes_received, connections] = it.counts;
    let flow = it.what.flow.as_ref();
    Row {
        common: it.common,
        endpoints: flow.map(endpoints),
        bytes_sent,
        bytes_received,
        sent_per_second: it.per_second(0),
        received_per_second: it.per_second(1),
        connections: flow.is_none().then_some(connections),
        netns: flow.map(|flow| flow.netns),
    }
}

gadget::export!(stream + merge TopTcp);

#[cfg(test)]
mod tests;
