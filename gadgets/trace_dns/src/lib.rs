//! The post-processor: queries wait here for their answer; with it, or when it does not come, they become rows.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;
pub mod message;
mod names;
pub mod stream;

use std::collections::BTreeMap;

use event::Packet;
use gadget::{
    Common, Context, Event, Failure, Flow, Gadget, Kept, Rows,
    linux::{Bits, Name},
    net::{Endpoints, IpAddr, Protocol, endpoints},
};
use message::Message;
use names::{Rcode, RecordType};
use stream::{Piece, Streams};

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
    /// What to know of this row: `truncated` (the answer did not fit; asked again over TCP, it is another row),
    /// `malformed` (the message is broken, or could not be read whole), `run_ended` (the answer may have come after the
    /// run), `not_followed` (the answer may have come: a part of the TCP connection was not seen).
    #[column(hidden)]
    notes: Option<Bits>,
}

const TRUNCATED: u64 = 1;
const MALFORMED: u64 = 2;
const RUN_ENDED: u64 = 4;
const NOT_FOLLOWED: u64 = 8;
const NOTES: [Name; 4] = [
    (TRUNCATED, "truncated"),
    (MALFORMED, "malformed"),
    (RUN_ENDED, "run_ended"),
    (NOT_FOLLOWED, "not_followed"),
];
const PROTOCOL_TCP: u16 = 6;

/// Most queries that wait; the oldest are shown as unanswered when there are more.
const WAITING_MAX: usize = 65_536;

/// The two ends, the protocol, and the network namespace.
type Ends = ([u8; 16], [u8; 16], u16, u16, u16, u32);

/// By what an answer finds its query: with the message's number.
type Key = (Ends, u16);

/// A query that waits.
struct Query {
    kept: Kept,
    flow: Flow,
    message: Message,
    sent: u64,
    ticks: u64,
    attempts: u32,
    notes: u64,
}

/// The post-processor.
pub struct TraceDns {
    waiting: BTreeMap<Key, Query>,
    /// Directions of TCP connections, within a message.
    streams: Streams<(Ends, u8)>,
    ticks: u64,
    timeout: u64,
}

impl Gadget for TraceDns {
    type Params = Params;
    type Event = Packet;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        // A query may be seen just before a tick: only one tick more makes the time a full one.
        let timeout = u64::from(context.params.timeout) + 1;
        Ok(Self { waiting: BTreeMap::new(), streams: Streams::default(), ticks: 0, timeout })
    }

    fn event(&mut self, event: &Event<'_, Packet>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let packet = event.data;
        let bytes = event.parts().text(packet.message_len)?.0;
        if packet.flow.protocol != PROTOCOL_TCP {
            self.message(event, bytes, rows);
            return Ok(());
        }
        let mut streams = std::mem::take(&mut self.streams);
        let key = (ends(&packet.flow), packet.kind);
        let piece = Piece { position: packet.position, bytes, missing: packet.missing };
        let followed = streams.take(key, piece, self.ticks, |message| self.message(event, message, rows));
        self.streams = streams;
        if !followed {
            let own = self.waiting.range_mut((ends(&packet.flow), 0)..=(ends(&packet.flow), u16::MAX));
            own.for_each(|(_, query)| query.notes |= NOT_FOLLOWED);
        }
        Ok(())
    }

    fn tick(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.ticks += 1;
        let (now, timeout) = (self.ticks, self.timeout);
        self.streams.forget(now.saturating_sub(timeout));
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

impl TraceDns {
    /// One message.
    fn message(&mut self, event: &Event<'_, Packet>, bytes: &[u8], rows: &mut Rows<Self>) {
        let Some(message) = Message::read(bytes) else { return };
        let flow = event.data.flow;
        let key = (ends(&flow), message.id);
        let sent = event.header.timestamp;
        let is_answer = event.data.kind == event::ANSWER;
        // Over UDP the kernel half has looked already.
        if message.answer != is_answer {
            return;
        }
        if is_answer {
            if let Some(query) = self.waiting.remove(&key) {
                rows.push(&query.row(Some((&message, sent)), 0));
            }
            return;
        }
        if let Some(query) = self.waiting.get_mut(&key).filter(|it| it.message.name == message.name) {
            query.attempts += 1;
            return;
        }
        if self.waiting.len() >= WAITING_MAX
            && let Some((_, oldest)) = self.waiting.pop_first()
        {
            rows.push(&oldest.row(None, 0));
        }
        let query =
            Query { kept: event.keep(), flow, message, sent, ticks: self.ticks, attempts: 1, notes: 0 };
        if let Some(replaced) = self.waiting.insert(key, query) {
            rows.push(&replaced.row(None, 0));
        }
    }
}

fn ends(flow: &Flow) -> Ends {
    (flow.local, flow.remote, flow.local_port, flow.remote_port, flow.protocol, flow.netns)
}

impl Query {
    /// With its answer, and when that came.
    fn row(&self, answer: Option<(&Message, u64)>, notes: u64) -> Row<'_> {
        let told = answer.map_or(&self.message, |(message, _)| message);
        // An answer that came is all there is to know.
        let mut notes = notes | if answer.is_none() { self.notes } else { 0 };
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
