//! Packets that are freed without having been of use. The kernel says why, by a number; its names go to the
//! post-processor, as they differ from kernel to kernel.
#![no_std]
#![no_main]

use gadget::{
    flow::{AF_INET, AF_INET6},
    prelude::*,
    raw,
    socket::owner,
    socket_fields as fields,
};

mod event;
use event::Drop;

gadget::socket_owners!();

gadget::kernel_enum! {
    static REASON: skb_drop_reason;
}

gadget::kernel_field! {
    static SKB_SOCK: sk_buff.sk => Addr;
    static SKB_DEV: sk_buff.dev => Addr;
    static SKB_LEN: sk_buff.len => u32;
    static SKB_HEAD: sk_buff.head => Addr;
    static SKB_PROTOCOL: sk_buff.protocol => [u8; 2];
    static SKB_NETWORK: sk_buff.network_header => u16;
    static SKB_INTERFACE: sk_buff.skb_iif => i32;
    static DEV_NET: net_device.nd_net.net => Addr;
}

/// Reasons below this are none: `SKB_NOT_DROPPED_YET`, `SKB_CONSUMED`.
const FIRST_REASON: u32 = 2;
const PROTOCOL_TCP: u8 = 6;
const ETH_IPV4: [u8; 2] = [0x08, 0x00];
const ETH_IPV6: [u8; 2] = [0x86, 0xdd];
const NOT_SET: u16 = u16::MAX;

/// From Linux 6.11 on, which tells the socket of packets that came in.
#[gadget::program("tp_btf/kfree_skb")]
fn drop_with_socket(ctx: BtfTracepoint) -> Option<()> {
    freed(ctx, ctx.pointer(3).addr())
}

#[gadget::program("tp_btf/kfree_skb")]
fn drop(ctx: BtfTracepoint) -> Option<()> {
    freed(ctx, Addr::new(0))
}

#[inline(always)]
fn freed(ctx: BtfTracepoint, receiver: Addr) -> Option<()> {
    let reason: u32 = ctx.number(2);
    if !REASON.exists() || reason < FIRST_REASON {
        return None;
    }
    let skb = ctx.pointer(0).addr();
    let (flow, flags) = packet(skb)?;
    dropped(skb, receiver, reason, flow, flags)
}

/// The ends of a TCP packet, as its source and its destination, and its flags. `None` for any other.
#[inline(always)]
fn packet(skb: Addr) -> Option<(Flow, u8)> {
    let protocol = SKB_PROTOCOL.read_or_zero(skb);
    let at = SKB_NETWORK.read_or_zero(skb);
    if at == NOT_SET || (protocol != ETH_IPV4 && protocol != ETH_IPV6) {
        return None;
    }
    let network = SKB_HEAD.read_or_zero(skb).plus(u64::from(at));
    let mut flow = Flow { protocol: u16::from(PROTOCOL_TCP), ..Flow::NONE };
    let transport;
    if protocol == ETH_IPV4 {
        let head: [u8; 20] = raw::read_kernel(network)?;
        if head[9] != PROTOCOL_TCP {
            return None;
        }
        flow.family = AF_INET;
        flow.local[..4].copy_from_slice(&head[12..16]);
        flow.remote[..4].copy_from_slice(&head[16..20]);
        transport = network.plus(u64::from(head[0] & 0x0f) * 4);
    } else {
        let head: [u8; 8] = raw::read_kernel(network)?;
        if head[6] != PROTOCOL_TCP {
            return None;
        }
        flow.family = AF_INET6;
        flow.local = raw::read_kernel(network.plus(8))?;
        flow.remote = raw::read_kernel(network.plus(24))?;
        transport = network.plus(40);
    }
    let head: [u8; 14] = raw::read_kernel(transport)?;
    flow.local_port = u16::from_be_bytes([head[0], head[1]]);
    flow.remote_port = u16::from_be_bytes([head[2], head[3]]);
    Some((flow, head[13]))
}

/// `flow` is the packet's: its source as the local end.
#[inline(always)]
fn dropped(skb: Addr, receiver: Addr, reason: u32, mut flow: Flow, flags: u8) -> Option<()> {
    let interface = SKB_INTERFACE.read_or_zero(skb);
    let sock = if receiver.is_null() { SKB_SOCK.read_or_zero(skb) } else { receiver };
    let socket = Socket::new(sock);
    // What has come in by an interface goes out again only when it is forwarded, and then belongs to no socket.
    let direction = if interface == 0 { event::OUT } else { event::IN };
    if direction == event::IN {
        core::mem::swap(&mut flow.local, &mut flow.remote);
        core::mem::swap(&mut flow.local_port, &mut flow.remote_port);
    }
    let header =
        if sock.is_null() { gadget::socket::unowned_header(socket)? } else { owner::header(socket)? };
    if sock.is_null() {
        let device = SKB_DEV.read_or_zero(skb);
        flow.netns = fields::NET_INUM.read_or_zero(DEV_NET.read_or_zero(device));
    } else {
        flow.netns = socket.netns();
        flow.state = u32::from(socket.state());
    }
    let length = SKB_LEN.read_or_zero(skb);
    gadget::emit(&header, Drop { flow, reason, length, interface, flags, direction, reserved: [0; 2] })
}
