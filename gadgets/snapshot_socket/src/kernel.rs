//! Sockets, found by two ways that complete each other: the files that processes have open, which tell the owner and
//! reach into every network namespace; and the kernel's own lists, for sockets that nobody has open.
#![no_std]
#![no_main]

use gadget::{fields as kernel, prelude::*, socket_fields as fields};

mod event;
use event::{AF_UNIX, Sock};

gadget::params! {
    /// Only sockets that wait for connections.
    listening: bool,
    /// Also Unix sockets.
    unix: bool,
}

gadget::kernel_field! {
    static ACCEPT_QUEUE: sock.sk_ack_backlog => u32;
    static ACCEPT_QUEUE_MAX: sock.sk_max_ack_backlog => u32;
    static RCV_NXT: tcp_sock.rcv_nxt => u32;
    static COPIED_SEQ: tcp_sock.copied_seq => u32;
    static WRITE_SEQ: tcp_sock.write_seq => u32;
    static SND_UNA: tcp_sock.snd_una => u32;
    static UDP_QUEUE: sock.sk_backlog.rmem_alloc.counter => u32;
    static UNIX_ADDRESS: unix_sock.addr => Addr;
    static UNIX_LEN: unix_address.len => u32;
    static UNIX_NAME: unix_address.name => [u8; 2];
}

const PROTOCOL_TCP: u16 = 6;
const PROTOCOL_UDP: u16 = 17;
const LISTEN: u32 = 10;

#[gadget::program("iter/task_file")]
fn files(ctx: Iter<OpenFile>) -> Option<()> {
    let open = ctx.object()?;
    let socket = Socket::of_file(open.file)?;
    let flow = wanted(socket)?;
    let mut record = gadget::begin_for::<Sock>(open.task)?;
    let name_len = if flow.family == AF_UNIX { name(&mut record, socket) } else { 0 };
    record.set(Sock {
        inode: kernel::INODE_NUMBER.read_or_zero(kernel::FILE_INODE.read_or_zero(open.file)),
        fd: open.fd.cast_signed(),
        name_len,
        ..describe(socket, flow)
    });
    record.emit_to(ctx.sequence())
}

#[gadget::program("iter/tcp")]
fn tcp(ctx: Sockets) -> Option<()> {
    without_process(ctx)
}

#[gadget::program("iter/udp")]
fn udp(ctx: Sockets) -> Option<()> {
    without_process(ctx)
}

#[inline(always)]
fn without_process(ctx: Sockets) -> Option<()> {
    let socket = ctx.object()?;
    let small = socket.is_small();
    if !small && !socket.file().is_null() {
        return None;
    }
    let flow = wanted(socket)?;
    let mut record = gadget::begin_unowned::<Sock>(socket, ctx.uid())?;
    let told = Sock { uid: ctx.uid(), notes: event::NO_PROCESS, ..EMPTY };
    record.set(if small {
        Sock { flow, id: socket.addr().get(), ..told }
    } else {
        Sock { uid: ctx.uid(), notes: event::NO_PROCESS, ..describe(socket, flow) }
    });
    record.emit_to(ctx.sequence())
}

const EMPTY: Sock = Sock {
    flow: Flow::NONE,
    id: 0,
    inode: 0,
    uid: 0,
    fd: -1,
    receive_queue: 0,
    send_queue: 0,
    name_len: 0,
    kind: 1,
    notes: 0,
    reserved: 0,
};

/// The socket's ends, if it is of a kind that was asked for.
#[inline(always)]
fn wanted(socket: Socket) -> Option<Flow> {
    let family = socket.family();
    if !(socket.is_ip() || (params::unix() && family == AF_UNIX)) {
        return None;
    }
    let flow = socket.flow();
    if params::listening() && !listens(&flow) { None } else { Some(flow) }
}

/// Whether it takes connections, or, without connections, packets of anyone.
#[inline(always)]
fn listens(flow: &Flow) -> bool {
    flow.state == LISTEN || (flow.protocol == PROTOCOL_UDP && flow.remote_port == 0 && flow.local_port != 0)
}

#[inline(always)]
fn describe(socket: Socket, flow: Flow) -> Sock {
    let addr = socket.addr();
    let (mut receive_queue, mut send_queue) = (0, 0);
    if flow.state == LISTEN {
        receive_queue = ACCEPT_QUEUE.read_or_zero(addr);
        send_queue = ACCEPT_QUEUE_MAX.read_or_zero(addr);
    } else if flow.family != AF_UNIX && flow.protocol == PROTOCOL_TCP {
        receive_queue = RCV_NXT.read_or_zero(addr).wrapping_sub(COPIED_SEQ.read_or_zero(addr));
        send_queue = WRITE_SEQ.read_or_zero(addr).wrapping_sub(SND_UNA.read_or_zero(addr));
    } else if flow.protocol == PROTOCOL_UDP {
        receive_queue = UDP_QUEUE.read_or_zero(addr);
    }
    Sock {
        flow,
        id: addr.get(),
        uid: socket.uid(),
        receive_queue,
        send_queue,
        kind: fields::TYPE.read_or_zero(addr),
        ..EMPTY
    }
}

/// Appends the name of a Unix socket: its address without the family, at most 108 bytes.
#[inline(always)]
fn name(record: &mut Record<Sock>, socket: Socket) -> u32 {
    let address = UNIX_ADDRESS.read_or_zero(socket.addr());
    let len = UNIX_LEN.read_or_zero(address);
    if address.is_null() || len <= 2 {
        return 0;
    }
    record.kernel_bytes(UNIX_NAME.at(address).plus(2), u64::from(len - 2)).len
}
