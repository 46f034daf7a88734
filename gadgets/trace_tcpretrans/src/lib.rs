//! The post-processor: a retransmission to a row, its numbers by name.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Retransmit;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows,
    linux::Bits,
    net::{Endpoints, TcpState, endpoints, tcp_flags},
};

/// One retransmission.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    #[row(flatten)]
    endpoints: Endpoints,
    /// State of the connection.
    state: TcpState,
    /// Why: `timeout` (no acknowledgement in time), `fast` (the other end tells that something is missing),
    /// `loss_probe` (the last segment, early, to provoke an acknowledgement), `syn` and `syn_ack` (the handshake).
    reason: Reason,
    /// Flags of the segment.
    #[column(width = 12)]
    flags: Bits,
    /// Timeouts in a row, this one included; each doubles the wait.
    #[column(width = 8)]
    timeouts: u8,
    /// First sequence number; absent for `syn_ack`.
    #[column(hidden)]
    sequence: Option<u32>,
    /// Length in bytes; SYN and FIN count as one.
    #[column(hidden)]
    length: Option<u32>,
    /// Network namespace (inode number).
    #[column(hidden)]
    netns: u32,
}

/// Why a segment is sent again.
#[derive(Clone, Copy, PartialEq, Eq, Choice)]
pub enum Reason {
    /// The acknowledgement did not come in time.
    Timeout,
    /// Duplicate or selective acknowledgements.
    Fast,
    /// A tail loss probe.
    LossProbe,
    /// A connect without an answer.
    Syn,
    /// A handshake that the client does not finish.
    SynAck,
}

/// The post-processor.
pub struct TraceTcpretrans;

impl Gadget for TraceTcpretrans {
    type Params = ();
    type Event = Retransmit;
    type Row<'a> = Row<'a>;

    fn start(_: Context<()>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn event(&mut self, event: &Event<'_, Retransmit>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let data = event.data;
        let reason = match data.reason {
            event::TIMEOUT => Reason::Timeout,
            event::LOSS_PROBE => Reason::LossProbe,
            event::SYN => Reason::Syn,
            event::SYN_ACK => Reason::SynAck,
            _ => Reason::Fast,
        };
        let segment = reason != Reason::SynAck;
        rows.push(&Row {
            common: event.common(),
            endpoints: endpoints(&data.flow),
            state: TcpState(data.flow.state),
            reason,
            flags: tcp_flags(data.flags.into()),
            timeouts: data.timeouts,
            sequence: segment.then_some(data.sequence),
            length: segment.then_some(data.length),
            netns: data.flow.netns,
        });
        Ok(())
    }
}

gadget::export!(stream TraceTcpretrans);

#[cfg(test)]
mod tests;
