//! DNS messages over UDP at the network device: a query where it is sent, in the context of its sender as a rule; an answer
//! where it arrives, if its query was seen. So each query is told once, on the loopback device and behind bridges too.
//!
//! Over TCP they are taken where a call ends that sent or received something: there the bytes lie in the caller's memory,
//! in order and once each. At the device they would not: a packet's payload lies in pages that a program can't read, and
//! what is lost on the way comes again.
#![no_std]
#![no_main]

use gadget::{
    Header,
    flow::{AF_INET, AF_INET6},
    kernel::Field,
    prelude::*,
    raw,
    socket::moved::{self, Moved},
    socket_fields as fields,
};

mod event;
use event::Packet;

gadget::params! {
    /// The name server's port.
    port: u16,
}

gadget::kernel_field! {
    static SKB_SOCK: sk_buff.sk => Addr;
    static SKB_DEV: sk_buff.dev => Addr;
    static SKB_HEAD: sk_buff.head => Addr;
    static SKB_TAIL: sk_buff.tail => u32;
    static SKB_PROTOCOL: sk_buff.protocol => [u8; 2];
    static SKB_NETWORK: sk_buff.network_header => u16;
    static DEV_NET: net_device.nd_net.net => Addr;
    static WRITE_SEQ: tcp_sock.write_seq => u32;
    static COPIED_SEQ: tcp_sock.copied_seq => u32;
}

gadget::event! {
    /// What a query and its answer have in common.
    struct Key {
        client: [u8; 16],
        server: [u8; 16],
        client_port: u16,
        server_port: u16,
        id: u16,
        reserved: u16,
        netns: u32,
    }
}

gadget::map! {
    /// Queries that wait for their answer.
    static WAITING: LruHash<Key, u32> = 32_768;
}

const PROTOCOL_UDP: u8 = 17;
const ETH_IPV4: [u8; 2] = [0x08, 0x00];
const ETH_IPV6: [u8; 2] = [0x86, 0xdd];

/// A UDP packet: source as the local end, and its payload.
struct Udp {
    flow: Flow,
    payload: Addr,
    len: u32,
    id: u16,
    answer: bool,
}

#[gadget::program("tp_btf/net_dev_queue")]
fn query(ctx: BtfTracepoint) -> Option<()> {
    let skb = ctx.pointer(0).addr();
    let udp = read(skb)?;
    // What is forwarded has no socket; whoever sent it was seen sending.
    if udp.flow.remote_port != params::port() || udp.answer || SKB_SOCK.read_or_zero(skb).is_null() {
        return None;
    }
    let record = gadget::begin::<Packet>()?;
    WAITING.insert(key(&udp.flow, udp.id), 1);
    emit(record, &udp, event::QUERY)
}

#[gadget::program("tp_btf/netif_receive_skb")]
fn answer(ctx: BtfTracepoint) -> Option<()> {
    let mut udp = read(ctx.pointer(0).addr())?;
    if udp.flow.local_port != params::port() || !udp.answer {
        return None;
    }
    core::mem::swap(&mut udp.flow.local, &mut udp.flow.remote);
    core::mem::swap(&mut udp.flow.local_port, &mut udp.flow.remote_port);
    if !WAITING.remove(key(&udp.flow, udp.id)) {
        return None;
    }
    emit(gadget::begin_with::<Packet>(&Header::NOBODY)?, &udp, event::ANSWER)
}

#[gadget::program("tp_btf/sock_send_length")]
fn tcp_sent(ctx: BtfTracepoint) -> Option<()> {
    tcp_query(moved::sent(&ctx)?)
}

#[gadget::program("tp_btf/sys_exit")]
fn tcp_sent_call(ctx: BtfTracepoint) -> Option<()> {
    tcp_query(moved::sent_by_call(&ctx)?)
}

#[gadget::program("tp_btf/sock_recv_length")]
fn tcp_received(ctx: BtfTracepoint) -> Option<()> {
    tcp_answer(moved::received(&ctx)?)
}

#[gadget::program("tp_btf/sys_exit")]
fn tcp_received_call(ctx: BtfTracepoint) -> Option<()> {
    tcp_answer(moved::received_by_call(&ctx)?)
}

#[inline(always)]
fn tcp_query(moved: Moved) -> Option<()> {
    tcp(moved, &WRITE_SEQ, event::QUERY)
}

#[inline(always)]
fn tcp_answer(moved: Moved) -> Option<()> {
    tcp(moved, &COPIED_SEQ, event::ANSWER)
}

/// A piece of a connection to the port, which ends where the socket's counter stands.
#[inline(always)]
fn tcp(moved: Moved, counter: &Field<u32>, kind: u8) -> Option<()> {
    let addr = moved.socket.addr();
    if u16::from_be_bytes(fields::REMOTE_PORT.read_or_zero(addr)) != params::port() {
        return None;
    }
    let mut record = gadget::begin::<Packet>()?;
    let position = counter.read_or_zero(addr).wrapping_sub(moved.bytes);
    let payload = moved.payload(&mut record);
    record.set(Packet {
        flow: moved.socket.flow(),
        message_len: payload.len,
        position,
        missing: payload.missing,
        kind,
        reserved: [0; 3],
    });
    record.emit()
}

#[inline(always)]
fn emit(mut record: Record<Packet>, udp: &Udp, kind: u8) -> Option<()> {
    let message = record.kernel_bytes(udp.payload, u64::from(udp.len));
    let (flow, message_len) = (udp.flow, message.len);
    record.set(Packet { flow, message_len, position: 0, missing: 0, kind, reserved: [0; 3] });
    record.emit()
}

#[inline(always)]
fn key(flow: &Flow, id: u16) -> Key {
    Key {
        client: flow.local,
        server: flow.remote,
        client_port: flow.local_port,
        server_port: flow.remote_port,
        id,
        reserved: 0,
        netns: flow.netns,
    }
}

/// Reads a UDP packet that may be a DNS message from or to the port; `None` for anything else.
#[inline(always)]
fn read(skb: Addr) -> Option<Udp> {
    let protocol = SKB_PROTOCOL.read_or_zero(skb);
    if protocol != ETH_IPV4 && protocol != ETH_IPV6 {
        return None;
    }
    let head = SKB_HEAD.read_or_zero(skb);
    let network = head.plus(u64::from(SKB_NETWORK.read_or_zero(skb)));
    let (size, of) = if protocol == ETH_IPV4 { (0, 9) } else { (40, 6) };
    if raw::read_kernel::<u8>(network.plus(of))? != PROTOCOL_UDP {
        return None;
    }
    let size = match size {
        0 => u64::from(raw::read_kernel::<u8>(network)? & 0x0f) * 4,
        size => size,
    };
    // Ports, length, checksum; then the message's number, flags, and number of questions.
    let words: [u8; 16] = raw::read_kernel(network.plus(size))?;
    let word = |at: usize| u16::from_be_bytes([words[at], words[at + 1]]);
    let (source, destination) = (word(0), word(2));
    if source != params::port() && destination != params::port() {
        return None;
    }
    let mut flow = Flow { protocol: u16::from(PROTOCOL_UDP), ..Flow::NONE };
    flow.local_port = source;
    flow.remote_port = destination;
    if protocol == ETH_IPV4 {
        flow.family = AF_INET;
        flow.local[..4].copy_from_slice(&raw::read_kernel::<[u8; 4]>(network.plus(12))?);
        flow.remote[..4].copy_from_slice(&raw::read_kernel::<[u8; 4]>(network.plus(16))?);
    } else {
        flow.family = AF_INET6;
        flow.local = raw::read_kernel(network.plus(8))?;
        flow.remote = raw::read_kernel(network.plus(24))?;
    }
    flow.netns = fields::NET_INUM.read_or_zero(DEV_NET.read_or_zero(SKB_DEV.read_or_zero(skb)));
    let payload = network.plus(size + 8);
    // What lies behind the packet's first piece can't be read here; the post-processor tells a message that ends early.
    let end = head.plus(u64::from(SKB_TAIL.read_or_zero(skb)));
    let told = u64::from(word(4)).saturating_sub(8);
    let here = end.get().saturating_sub(payload.get());
    let len = if told < here { told } else { here } as u32;
    if len < 12 {
        return None;
    }
    Some(Udp { flow, payload, len, id: word(8), answer: words[10] & 0x80 != 0 })
}
