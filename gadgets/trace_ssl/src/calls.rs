//! Calls on their way, and the sockets of connections.

use core::mem::offset_of;

use gadget::{Flow, map::Slot, prelude::*, raw};

gadget::event! {
    /// Who makes a call: one at a time.
    pub struct Strand {
        /// Thread id, or the goroutine's address.
        id: u64,
        /// The process.
        pid: u32,
        /// 1 for a goroutine.
        goroutine: u32,
    }
}

gadget::event! {
    /// A call on its way.
    pub struct InFlight {
        /// Which call, of those that a strand makes within each other.
        pub frame: u64,
        /// The library's object for the connection.
        pub connection: u64,
        /// What is read into, or written.
        pub buffer: u64,
        /// Where the number of bytes will be told; 0 when it is the result.
        pub moved_at: u64,
        /// When it began, nanoseconds since boot.
        pub start: u64,
        /// The last socket used; 0 for none.
        pub socket: u64,
        /// 1 when it writes.
        pub writes: u64,
    }
}

gadget::event! {
    /// A connection: a library's object, in a process.
    struct Connection {
        object: u64,
        pid: u64,
    }
}

gadget::event! {
    /// The socket that a connection used last, and its ends then.
    struct Known {
        socket: u64,
        flow: Flow,
    }
}

gadget::map! {
    static CALLS: LruHash<Strand, InFlight> = 16_384;
    static CONNECTIONS: LruHash<Connection, Known> = 16_384;
    /// Processes that make such calls: all others are passed by when they use a socket.
    static PROCESSES: LruHash<u32, u32> = 4096;
}

/// How a call ended.
pub struct Outcome {
    /// As in the event.
    pub library: u8,
    /// What it returned.
    pub result: i64,
    /// Bytes moved.
    pub bytes: u64,
    /// It returned an error beside its result.
    pub failed: bool,
}

#[inline(always)]
fn pid() -> u32 {
    (raw::current_pid_tgid() >> 32) as u32
}

impl Strand {
    /// The thread that runs.
    #[inline(always)]
    pub fn thread() -> Self {
        let ids = raw::current_pid_tgid();
        Self { id: u64::from(ids as u32), pid: (ids >> 32) as u32, goroutine: 0 }
    }

    /// A goroutine of the process that runs.
    #[inline(always)]
    pub fn goroutine(id: u64) -> Self {
        Self { id, pid: pid(), goroutine: 1 }
    }
}

/// Remembers a call, unless it is made within another one, or not wanted.
#[inline(always)]
pub fn begin(strand: Strand, call: InFlight) -> Option<()> {
    if !gadget::wanted() {
        return None;
    }
    // Of a call that never returned, the frame is gone: what comes then lies where it lay, or before.
    if let Some(outer) = CALLS.slot(strand)
        && call.frame < outer.field::<{ offset_of!(InFlight, frame) }, u64>()
    {
        return None;
    }
    CALLS.insert(strand, call);
    if !PROCESSES.contains(strand.pid) {
        PROCESSES.insert(strand.pid, 1);
    }
    Some(())
}

/// The call that returns, remembered no more.
#[inline(always)]
pub fn end(strand: Strand, frame: u64) -> Option<InFlight> {
    let call = CALLS.get(strand)?;
    if call.frame != frame {
        return None;
    }
    CALLS.remove(strand);
    Some(call)
}

/// The call that the current thread, or the goroutine it runs, is in.
#[inline(always)]
pub fn current() -> Option<Slot<InFlight>> {
    if !PROCESSES.contains(pid()) {
        return None;
    }
    match CALLS.slot(Strand::thread()) {
        Some(slot) => Some(slot),
        None => CALLS.slot(Strand::goroutine(Syscall::current().goroutine())),
    }
}

/// Notes that a call uses a socket.
#[inline(always)]
pub fn uses(call: &Slot<InFlight>, socket: Socket) -> Option<()> {
    if socket.is_ip() {
        call.put::<{ offset_of!(InFlight, socket) }, u64>(socket.addr().get());
    }
    Some(())
}

/// The two ends of a call's connection: of the socket it used; or, when all it needed was there already, of the one that
/// the connection used before, if that is still what it was.
#[inline(always)]
pub fn flow(call: &InFlight) -> Flow {
    let connection = Connection { object: call.connection, pid: u64::from(pid()) };
    let known = CONNECTIONS.slot(connection);
    if call.socket != 0 {
        let flow = ends(call.socket);
        let same = known.is_some_and(|known| {
            let known = known.get();
            known.socket == call.socket && is_same(&known.flow, &flow)
        });
        if !same {
            CONNECTIONS.insert(connection, Known { socket: call.socket, flow });
        }
        return flow;
    }
    let Some(known) = known else { return Flow::NONE };
    let known = known.get();
    let flow = ends(known.socket);
    if is_same(&known.flow, &flow) { flow } else { Flow::NONE }
}

#[inline(always)]
fn ends(socket: u64) -> Flow {
    Socket::new(Addr::new(socket)).flow()
}

/// Whether a socket is still the one that it was: its memory may be another's by now.
#[inline(always)]
fn is_same(was: &Flow, is: &Flow) -> bool {
    was.family == is.family
        && was.local_port == is.local_port
        && was.remote_port == is.remote_port
        && was.netns == is.netns
}
