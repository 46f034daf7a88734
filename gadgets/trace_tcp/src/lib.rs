//! The post-processor: what happened to a connection to a row, its numbers by name.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Tcp;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows,
    linux::{Bits, Errno, Name},
    net::{Endpoints, endpoints},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Only connects, also those that failed.
    pub connect_only: bool,
    /// Only accepts.
    pub accept_only: bool,
    /// Only what failed: connects without success, accepts with an error, connections that ended by one.
    pub failure_only: bool,
}

/// Something that happened to a connection.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// `connect`: this end made a connection, or could not. `accept`: it accepted one, or could not. `close`: one ended.
    event: What,
    /// Who began the connection: `client` is this end, `server` the other; absent when it is older than the run.
    #[column(hidden)]
    role: Option<Role>,
    #[row(flatten)]
    endpoints: Endpoints,
    /// How long connecting took, also in vain, in nanoseconds.
    #[column(title = "LATENCY_NS")]
    latency_ns: Option<u64>,
    /// How long the connection lasted, in nanoseconds; only when it closes, and is not older than the run.
    #[column(title = "DURATION_NS", width = 13)]
    duration_ns: Option<u64>,
    /// Payload sent, in bytes; when it closes.
    #[column(title = "SENT", width = 10)]
    bytes_sent: Option<u64>,
    /// Payload received, in bytes; when it closes.
    #[column(title = "RECEIVED", width = 10)]
    bytes_received: Option<u64>,
    /// Why it failed, or by what it ended: ECONNREFUSED, ETIMEDOUT, ECONNRESET, ...
    error: Option<Errno>,
    /// The file descriptor of an accepted connection.
    #[column(hidden)]
    fd: Option<i32>,
    /// Network namespace (inode number).
    #[column(hidden)]
    netns: u32,
    /// What to know of this row: `given_up` (a connect that the caller ended before there was an answer).
    #[column(hidden)]
    notes: Option<Bits>,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Choice)]
pub enum What {
    /// A connection was made, or could not be.
    Connect,
    /// A connection was accepted, or could not be.
    Accept,
    /// A connection ended.
    Close,
}

/// Who began.
#[derive(Clone, Copy, Choice)]
pub enum Role {
    /// This end.
    Client,
    /// The other.
    Server,
}

const NOTES: [Name; 1] = [(event::GIVEN_UP as u64, "given_up")];

/// The post-processor.
pub struct TraceTcp;

impl Gadget for TraceTcp {
    type Params = Params;
    type Event = Tcp;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        if context.params.connect_only && context.params.accept_only {
            return Err(Failure::of("accept_only", "contradicts connect_only: give one of them, or none"));
        }
        Ok(Self)
    }

    fn event(&mut self, event: &Event<'_, Tcp>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let tcp = event.data;
        let what = match tcp.kind {
            event::CONNECT => What::Connect,
            event::ACCEPT => What::Accept,
            _ => What::Close,
        };
        let known = |it: What, nanos: u64| (what == it && nanos > 0).then_some(nanos);
        let closes = what == What::Close;
        rows.push(&Row {
            common: event.common(),
            event: what,
            role: match tcp.role {
                event::CLIENT => Some(Role::Client),
                event::SERVER => Some(Role::Server),
                _ => None,
            },
            endpoints: endpoints(&tcp.flow),
            latency_ns: known(What::Connect, tcp.nanos),
            duration_ns: known(What::Close, tcp.nanos),
            bytes_sent: closes.then_some(tcp.sent),
            bytes_received: closes.then_some(tcp.received),
            error: u32::try_from(tcp.error).ok().filter(|error| *error != 0).map(Errno),
            fd: (tcp.fd >= 0).then_some(tcp.fd),
            netns: tcp.flow.netns,
            notes: Bits::named(&NOTES, u64::from(tcp.notes)).non_empty(),
        });
        Ok(())
    }
}

gadget::export!(stream TraceTcp);

#[cfg(test)]
mod tests;
