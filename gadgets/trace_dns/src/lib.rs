//! The post-processor: queries wait here for their answer; with it, or when it does not come, they become rows.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;
pub mod message;
mod names;

use std::collections::BTreeMap;

use event::Packet;
use gadget::{
    Common, Context, Event, Failure, Flow, Gadget, Kept, Rows,
    linux::{Bits, Name},
    net::{Endpoints, IpAddr, Protocol, endpoints},
};
use message::Message;
use names::{Rcode, RecordType};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// The name server's port.
    #[param(default = 53, min = 1)]
    pub port: u16,
    /// Seconds after which a query counts as unanswered; counted in whole seconds.
    #[param(default = 5, min = 1, max = 60)]
    pub timeout: u32,
}

/// One query, with its answer. Its time is the query's.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// The name asked for, without the last dot.
    #[column(width = 32)]
    name: &'a str,
    /// The type asked for: A, AAAA, ...
    #[column(title = "TYPE")]
    query_type: RecordType,
    /// The answer's code: NOERROR, NXDOMAIN (there is no such name), SERVFAIL, ...; absent without an answer.
    rcode: Option<Rcode>,
    /// No answer came within the time, or until the run ended.
    #[column(hidden)]
    unanswered: bool,
    /// From query to answer, in nanoseconds.
    #[column(title = "LATENCY_NS")]
    latency_ns: Option<u64>,
    /// Addresses in the answer.
    addresses: Option<Vec<IpAddr>>,
    /// How many records the answer has.
    #[column(hidden)]
    answers: Option<u16>,
    /// Address of the name server.
    #[column(title = "SERVER")]
    nameserver: IpAddr,
    /// The transport.
    #[column(hidden)]
    protocol: Protocol,
    #[row(flatten)]
    endpoints: Endpoints,
    /// How often the same query was sent, when more than once.
    #[column(hidden)]
    attempts: Option<u32>,
    /// Network namespace (inode number).
    #[column(hidden)]
    netns: u32,
    /// What to know of this row: `truncated` (the answer did not fit; it is asked for again over TCP, which is not
    /// seen), `malformed` (the message is broken, or could not be read whole), `run_ended` (the answer may have come
    /// after the run).
    #[column(hidden)]
    notes: Option<Bits>,
}

const TRUNCATED: u64 = 1;
const MALFORMED: u64 = 2;
const RUN_ENDED: u64 = 4;
const NOTES: [Name; 3] = [(TRUNCATED, "truncated"), (MALFORMED, "malformed"), (RUN_ENDED, "run_ended")];

/// Most queries that wait; the oldest are shown as unanswered when there are more.
const WAITING_MAX: usize = 65_536;

/// By what an answer finds its query.
type Key = ([u8; 16], [u8; 16], u16, u16, u16, u32);

/// A query that waits.
struct Query {
    kept: Kept,
    flow: Flow,
    message: Message,
    sent: u64,
    ticks: u64,
    attempts: u32,
}

/// The post-processor.
pub struct TraceDns {
    waiting: BTreeMap<Key, Query>,
    ticks: u64,
    timeout: u64,
}

impl Gadget for TraceDns {
    type Params = Params;
    type Event = Packet;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        // A query may be seen just before a tick: only one tick more makes the time a full one.
        Ok(Self { waiting: BTreeMap::new(), ticks: 0, timeout: u64::from(context.params.timeout) + 1 })
    }

    fn event(&mut self, event: &Event<'_, Packet>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let packet = event.data;
        let Some(message) = Message::read(event.parts().text(packet.message_len)?.0) else { return Ok(()) };
        let flow = packet.flow;
        let key = (flow.local, flow.remote, flow.local_port, flow.remote_port, message.id, flow.netns);
        let sent = event.header.timestamp;
        if packet.kind == event::ANSWER {
            if let Some(query) = self.waiting.remove(&key) {
                rows.push(&query.row(Some((&message, sent)), 0));
            }
            return Ok(());
        }
        if let Some(query) = self.waiting.get_mut(&key).filter(|it| it.message.name == message.name) {
            query.attempts += 1;
            return Ok(());
        }
        if self.waiting.len() >= WAITING_MAX
            && let Some((_, oldest)) = self.waiting.pop_first()
        {
            rows.push(&oldest.row(None, 0));
        }
        let query = Query { kept: event.keep(), flow, message, sent, ticks: self.ticks, attempts: 1 };
        if let Some(replaced) = self.waiting.insert(key, query) {
            rows.push(&replaced.row(None, 0));
        }
        Ok(())
    }

    fn tick(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.ticks += 1;
        let (now, timeout) = (self.ticks, self.timeout);
        self.waiting.retain(|_, query| {
            let waits = now - query.ticks < timeout;
            if !waits {
                rows.push(&query.row(None, 0));
            }
            waits
        });
        Ok(())
    }

    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.waiting.values().for_each(|query| rows.push(&query.row(None, RUN_ENDED)));
        self.waiting.clear();
        Ok(())
    }
}

impl Query {
    /// With its answer, and when that came.
    fn row(&self, answer: Option<(&Message, u64)>, notes: u64) -> Row<'_> {
        let told = answer.map_or(&self.message, |(message, _)| message);
        let mut notes = notes;
        if told.truncated {
            notes |= TRUNCATED;
        }
        if told.malformed || self.message.malformed {
            notes |= MALFORMED;
        }
        Row {
            common: self.kept.common(),
            name: &self.message.name,
            query_type: RecordType(self.message.kind),
            rcode: answer.map(|(message, _)| Rcode(message.rcode)),
            unanswered: answer.is_none(),
            latency_ns: answer.map(|(_, at)| at.saturating_sub(self.sent)),
            addresses: answer.map(|(message, _)| message.addresses.clone()),
            answers: answer.map(|(message, _)| message.answers),
            nameserver: IpAddr::new(self.flow.family, self.flow.remote),
            protocol: Protocol(self.flow.protocol),
            endpoints: endpoints(&self.flow),
            attempts: (self.attempts > 1).then_some(self.attempts),
            netns: self.flow.netns,
            notes: Bits::named(&NOTES, notes).non_empty(),
        }
    }
}

gadget::export!(stream TraceDns);

#[cfg(test)]
mod tests;
