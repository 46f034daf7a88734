//! The post-processor: an event of a bind to a row, its numbers by name.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Bind;
use gadget::{
    Common, Context, Event, Failure, Gadget, Rows,
    linux::{Bits, Errno, Name, errno},
    net::{IpAddr, Protocol},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Only binds that failed.
    pub failed: bool,
}

/// One bind.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// The file descriptor.
    #[column(hidden)]
    fd: i32,
    /// The socket's protocol; absent when the descriptor is no socket.
    protocol: Option<Protocol>,
    /// The address: what the socket is bound to, or what was asked for when it failed.
    src_addr: Option<IpAddr>,
    /// The port: what the socket is bound to, or what was asked for when it failed.
    #[column(title = "SPORT")]
    src_port: Option<u16>,
    /// The port asked for, where the kernel chose another: 0.
    #[column(hidden)]
    asked_port: Option<u16>,
    /// Index of the interface that the socket is bound to.
    #[column(title = "IF", width = 4)]
    interface: Option<i32>,
    /// The socket's options: `reuse_addr`, `reuse_port`, `v6_only`, and, where the kernel tells, `freebind`,
    /// `transparent`, `bind_address_no_port`.
    options: Option<Bits>,
    /// The error, when it failed.
    error: Option<Errno>,
    /// Network namespace (inode number).
    #[column(hidden)]
    netns: Option<u32>,
    /// What to know of this row: `address_unreadable` (the address given to the call could not be read).
    #[column(hidden)]
    notes: Option<Bits>,
}

const OPTIONS: [Name; 6] = [
    (event::REUSE_ADDR as u64, "reuse_addr"),
    (event::REUSE_PORT as u64, "reuse_port"),
    (event::V6_ONLY as u64, "v6_only"),
    (event::FREEBIND as u64, "freebind"),
    (event::TRANSPARENT as u64, "transparent"),
    (event::NO_PORT as u64, "bind_address_no_port"),
];

const NOTES: [Name; 1] = [(event::UNREADABLE as u64, "address_unreadable")];

/// The post-processor.
pub struct TraceBind;

impl Gadget for TraceBind {
    type Params = Params;
    type Event = Bind;
    type Row<'a> = Row<'a>;

    fn start(_: Context<Params>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn event(&mut self, event: &Event<'_, Bind>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let bind = event.data;
        let flow = &bind.flow;
        let is_socket = flow.family != 0;
        let bound = bind.ret >= 0;
        let unreadable = bind.notes & event::UNREADABLE != 0;
        let (family, address, port) = match bound {
            true => (flow.family, flow.local, flow.local_port),
            false => (bind.asked_family, bind.asked, bind.asked_port),
        };
        let told = bound || !unreadable;
        rows.push(&Row {
            common: event.common(),
            fd: bind.fd,
            protocol: is_socket.then_some(Protocol(flow.protocol)),
            src_addr: told.then(|| IpAddr::new(family, address)),
            src_port: told.then_some(port),
            asked_port: (bound && bind.asked_port != port && !unreadable).then_some(bind.asked_port),
            interface: (bind.interface != 0).then_some(bind.interface),
            options: Bits::named(&OPTIONS, u64::from(bind.options)).non_empty(),
            error: errno(bind.ret),
            netns: is_socket.then_some(flow.netns),
            notes: Bits::named(&NOTES, u64::from(bind.notes)).non_empty(),
        });
        Ok(())
    }
}

gadget::export!(stream TraceBind);

#[cfg(test)]
mod tests;
