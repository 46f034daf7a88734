//! Retransmissions, in whatever context they happen: mostly a timer's or the receiving softirq's. Whom the socket belongs
//! to is known by `socket_owners!`.
#![no_std]
#![no_main]

use gadget::{prelude::*, socket::owner};

mod event;
use event::Retransmit;

gadget::socket_owners!();

gadget::kernel_field! {
    static CB: sk_buff.cb => [u8; 8];
    static CB_SEQUENCE: tcp_skb_cb.seq => u32;
    static CB_END: tcp_skb_cb.end_seq => u32;
    // Wider on some kernels; the flags that all know are in the first byte.
    static CB_FLAGS: tcp_skb_cb.tcp_flags => u8;
    static PENDING: inet_connection_sock.icsk_pending => u8;
    static RETRANSMITS: inet_connection_sock.icsk_retransmits => u8;
}

const SYN_SENT: u32 = 2;
const FLAG_SYN_ACK: u8 = 0x12;
/// `ICSK_TIME_LOSS_PROBE`.
const PROBE: u8 = 5;
/// `TCP_CA_Loss`.
const LOSS: u8 = 4;

#[gadget::program("tp_btf/tcp_retransmit_skb")]
fn retransmit(ctx: BtfTracepoint) -> Option<()> {
    let socket = Socket::new(ctx.pointer(0).addr());
    let header = owner::header(socket)?;
    let addr = socket.addr();
    let flow = socket.flow();
    let segment = CB.at(ctx.pointer(1).addr());
    let sequence = CB_SEQUENCE.read_or_zero(segment);
    // A bit field, which has no offset of its own: the byte before the count of timeouts.
    let congestion: u8 = gadget::raw::read_kernel_or_zero(RETRANSMITS.at(addr).minus(1));
    let reason = if flow.state == SYN_SENT {
        event::SYN
    } else if PENDING.read_or_zero(addr) == PROBE {
        event::LOSS_PROBE
    } else if congestion & 0x1f == LOSS {
        event::TIMEOUT
    } else {
        event::FAST
    };
    gadget::emit(
        &header,
        Retransmit {
            flow,
            sequence,
            length: CB_END.read_or_zero(segment).wrapping_sub(sequence),
            flags: CB_FLAGS.read_or_zero(segment),
            reason,
            timeouts: RETRANSMITS.read_or_zero(addr),
            reserved: [0; 5],
        },
    )
}

/// The connection is not made yet: it belongs to whoever listens.
#[gadget::program("tp_btf/tcp_retransmit_synack")]
fn retransmit_synack(ctx: BtfTracepoint) -> Option<()> {
    let request = Socket::new(ctx.pointer(1).addr());
    let header = owner::header(Socket::new(ctx.pointer(0).addr()))?;
    gadget::emit(
        &header,
        Retransmit {
            flow: request.flow(),
            sequence: 0,
            length: 0,
            flags: FLAG_SYN_ACK,
            reason: event::SYN_ACK,
            timeouts: 0,
            reserved: [0; 5],
        },
    )
}
