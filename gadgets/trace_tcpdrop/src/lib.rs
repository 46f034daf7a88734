//! The post-processor: a dropped packet to a row, the reason by the name that this kernel has for it.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use std::{borrow::Cow, collections::BTreeMap};

use event::Drop;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows,
    linux::Bits,
    net::{Endpoints, TcpState, endpoints, tcp_flags},
};

/// One dropped packet.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// Whether the packet came in or was to go out.
    direction: Direction,
    #[row(flatten)]
    endpoints: Endpoints,
    /// The kernel's reason: the name in its `enum skb_drop_reason`, without `SKB_DROP_REASON_`; a number when it has
    /// none there (of a subsystem, such as Open vSwitch or Wi-Fi).
    #[column(width = 28)]
    reason: Cow<'a, str>,
    /// Flags of the packet.
    #[column(width = 12)]
    flags: Bits,
    /// State of its socket; absent without one.
    state: Option<TcpState>,
    /// Bytes of the packet.
    #[column(hidden)]
    length: u32,
    /// Index of the interface that it came in by.
    #[column(hidden)]
    interface: Option<i32>,
    /// Network namespace (inode number); absent when it is not known.
    #[column(hidden)]
    netns: Option<u32>,
}

/// Which way a packet went.
#[derive(Clone, Copy, Choice)]
pub enum Direction {
    /// To this machine.
    In,
    /// From this machine.
    Out,
}

/// The post-processor.
pub struct TraceTcpdrop {
    reasons: BTreeMap<u32, String>,
}

impl Gadget for TraceTcpdrop {
    type Params = ();
    type Event = Drop;
    type Row<'a> = Row<'a>;

    fn start(context: Context<()>) -> Result<Self, Failure> {
        let short =
            |name: String| name.trim_start_matches("SKB_").trim_start_matches("DROP_REASON_").to_owned();
        let reasons = context.names("skb_drop_reason").into_iter();
        Ok(Self { reasons: reasons.map(|(number, name)| (number, short(name))).collect() })
    }

    fn event(&mut self, event: &Event<'_, Drop>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let drop = event.data;
        let known = |number: u32| (number != 0).then_some(number);
        rows.push(&Row {
            common: event.common(),
            direction: if drop.direction == event::IN { Direction::In } else { Direction::Out },
            endpoints: endpoints(&drop.flow),
            reason: match self.reasons.get(&drop.reason) {
                Some(name) => Cow::Borrowed(name),
                None => Cow::Owned(drop.reason.to_string()),
            },
            flags: tcp_flags(drop.flags.into()),
            state: known(drop.flow.state).map(TcpState),
            length: drop.length,
            interface: (drop.interface != 0).then_some(drop.interface),
            netns: known(drop.flow.netns),
        });
        Ok(())
    }
}

gadget::export!(stream TraceTcpdrop);

#[cfg(test)]
mod tests;
