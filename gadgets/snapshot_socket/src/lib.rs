//! The post-processor: sockets as the kernel's iterators saw them to rows, each socket once.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use std::collections::BTreeSet;

use event::{AF_UNIX, Sock};
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows, Text,
    net::{Endpoints, Protocol, TcpState, endpoints},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Only sockets that wait for connections, or for packets of anyone.
    pub listening: bool,
    /// Also Unix sockets.
    pub unix: bool,
}

/// One socket.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten, show("uid"))]
    common: Common<'a>,
    /// The protocol: TCP, UDP, UNIX, ...
    protocol: Name,
    #[row(flatten)]
    endpoints: Option<Endpoints>,
    /// State; that of a UDP socket is CLOSE, or, once it is connected, ESTABLISHED.
    state: TcpState,
    /// Inode number of its file; absent without a process.
    inode: Option<u64>,
    /// The file descriptor.
    #[column(hidden)]
    fd: Option<i32>,
    /// The user who made it.
    #[column(hidden)]
    socket_uid: u32,
    /// Connections that wait to be accepted; when it listens.
    #[column(title = "ACCEPTQ", width = 7)]
    accept_queue: Option<u32>,
    /// How many connections may wait; when it listens.
    #[column(title = "MAX", width = 5)]
    accept_queue_max: Option<u32>,
    /// Bytes that wait to be read.
    #[column(title = "RECVQ", width = 7)]
    receive_queue: Option<u32>,
    /// Bytes that the other end has not acknowledged.
    #[column(title = "SENDQ", width = 7)]
    send_queue: Option<u32>,
    /// Kind of a Unix socket.
    #[column(hidden)]
    kind: Option<SocketKind>,
    /// Name of a Unix socket: its path, or `@` and its abstract name.
    #[column(hidden, width = 40)]
    path: Option<Text<'a>>,
    /// Network namespace (inode number).
    netns: u32,
}

/// A protocol; Unix sockets have none of IP's.
#[derive(Clone, Copy)]
enum Name {
    Ip(Protocol),
    Unix,
}

impl gadget::Value for Name {
    const WIDTH: u16 = 8;

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ip(protocol) => protocol.write(out),
            Self::Unix => "UNIX".write(out),
        }
    }

    fn schema() -> gadget::Schema {
        Protocol::schema()
    }
}

/// Kind of a socket.
#[derive(Clone, Copy, Choice)]
pub enum SocketKind {
    /// A stream of bytes.
    Stream,
    /// Packets.
    Datagram,
    /// Packets of a connection, in order.
    Seqpacket,
    /// Another.
    Other,
}

/// The post-processor.
pub struct SnapshotSocket {
    seen: BTreeSet<u64>,
}

impl Gadget for SnapshotSocket {
    type Params = Params;
    type Event = Sock;
    type Row<'a> = Row<'a>;

    fn start(_: Context<Params>) -> Result<Self, Failure> {
        Ok(Self { seen: BTreeSet::new() })
    }

    fn event(&mut self, event: &Event<'_, Sock>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let sock = event.data;
        // Another process has it too, or the same by another descriptor.
        if !self.seen.insert(sock.id) {
            return Ok(());
        }
        let name = event.parts().text(sock.name_len)?;
        let mut abstract_name = Vec::new();
        let path = match name.0.split_first() {
            Some((0, rest)) => {
                abstract_name.push(b'@');
                abstract_name.extend_from_slice(rest);
                Some(Text(&abstract_name))
            }
            Some(_) => Some(Text::until_nul(name.0)),
            None => None,
        };
        let unix = sock.flow.family == AF_UNIX;
        let state = TcpState(sock.flow.state);
        let listens = state == TcpState::LISTEN;
        let queues = !listens && !unix;
        rows.push(&Row {
            common: event.common(),
            protocol: if unix { Name::Unix } else { Name::Ip(Protocol(sock.flow.protocol)) },
            endpoints: (!unix).then(|| endpoints(&sock.flow)),
            state,
            inode: (sock.inode != 0).then_some(sock.inode),
            fd: (sock.fd >= 0).then_some(sock.fd),
            socket_uid: sock.uid,
            accept_queue: listens.then_some(sock.receive_queue),
            accept_queue_max: listens.then_some(sock.send_queue),
            receive_queue: queues.then_some(sock.receive_queue),
            send_queue: queues.then_some(sock.send_queue),
            kind: unix.then_some(match sock.kind {
                1 => SocketKind::Stream,
                2 => SocketKind::Datagram,
                5 => SocketKind::Seqpacket,
                _ => SocketKind::Other,
            }),
            path,
            netns: sock.flow.netns,
        });
        Ok(())
    }
}

gadget::export!(snapshot SnapshotSocket);

#[cfg(test)]
mod tests;
