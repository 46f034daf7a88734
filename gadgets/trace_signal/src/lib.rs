//! The post-processor: a signal, or a call that failed to send one, to a row, its numbers by name.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Signal as Sent;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows, Text,
    linux::{Errno, Signal, SignalCode, errno},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Only calls that failed to send a signal.
    pub failed: bool,
    /// Only signals that a process sent by a call, not those that the kernel makes (faults, timers, children, terminals).
    pub kill_only: bool,
    /// Only this signal: by name (SIGKILL, term) or number.
    pub signal: Option<String>,
}

/// One signal, or one call that failed.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// The signal. SIG0 only asks whether a process exists, and is only seen when it fails.
    signal: Signal,
    /// The process it is for; of a failed call as it was given: 0 and negative numbers stand for groups.
    #[column(title = "TARGET")]
    target_pid: Option<i32>,
    /// The thread it is for; of a process its main thread or the one that called.
    #[column(hidden)]
    target_tid: Option<i32>,
    /// Name of the thread it is for.
    #[column(width = 16)]
    target_comm: Option<Text<'a>>,
    /// User that the target runs as.
    #[column(hidden)]
    target_uid: Option<u32>,
    /// The pidfd that a failed pidfd_send_signal was given.
    #[column(hidden)]
    target_pidfd: Option<i32>,
    /// Why it was sent: SI_USER (kill), SI_TKILL (tkill, tgkill), SI_QUEUE (sigqueue), SI_KERNEL, or a reason of the
    /// signal's own, as CLD_EXITED, SEGV_MAPERR.
    code: Option<SignalCode>,
    /// What became of it: `delivered` (made to wait for the target), `ignored`, `already_pending` (one more is not
    /// kept), `overflow` (no room: failed), `lost_info` (no room: sent without its code).
    result: Option<Outcome>,
    /// The error of a call that failed.
    #[column(width = 8)]
    error: Option<Errno>,
    /// The call that failed.
    #[column(hidden)]
    call: Option<Call>,
    /// Whether it is for one thread, not for the whole process.
    #[column(hidden)]
    to_thread: bool,
    /// The address at fault, hexadecimal.
    #[column(hidden)]
    fault_address: Option<String>,
}

/// What became of a signal.
#[derive(Clone, Copy, Choice)]
pub enum Outcome {
    /// Queued for the target.
    Delivered,
    /// The target ignores it.
    Ignored,
    /// The target has one that waits already.
    AlreadyPending,
    /// No room in the queue: the sender sees an error.
    Overflow,
    /// No room in the queue: sent without information.
    LostInfo,
}

/// Calls that send signals.
#[derive(Clone, Copy, Choice)]
pub enum Call {
    /// `kill`.
    Kill,
    /// `tkill`.
    Tkill,
    /// `tgkill`.
    Tgkill,
    /// `rt_sigqueueinfo`.
    RtSigqueueinfo,
    /// `rt_tgsigqueueinfo`.
    RtTgsigqueueinfo,
    /// `pidfd_send_signal`.
    PidfdSendSignal,
}

impl Call {
    const fn of(kind: u8) -> Option<Self> {
        match kind {
            event::KIND_KILL => Some(Self::Kill),
            event::KIND_TKILL => Some(Self::Tkill),
            event::KIND_TGKILL => Some(Self::Tgkill),
            event::KIND_SIGQUEUE => Some(Self::RtSigqueueinfo),
            event::KIND_TGSIGQUEUE => Some(Self::RtTgsigqueueinfo),
            event::KIND_PIDFD => Some(Self::PidfdSendSignal),
            _ => None,
        }
    }
}

impl Outcome {
    /// Of `TRACE_SIGNAL_*`.
    const fn of(result: i32) -> Self {
        match result {
            0 => Self::Delivered,
            1 => Self::Ignored,
            2 => Self::AlreadyPending,
            3 => Self::Overflow,
            _ => Self::LostInfo,
        }
    }
}

pub struct TraceSignal {
    only: Option<Signal>,
}

impl Gadget for TraceSignal {
    type Params = Params;
    type Event = Sent;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        let only = context.params.signal.as_deref().map(Signal::parse).transpose();
        Ok(Self { only: only.map_err(|message| Failure::of("signal", message))? })
    }

    fn event(&mut self, event: &Event<'_, Sent>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let sent = event.data;
        let signal = Signal(sent.signal);
        if self.only.is_some_and(|only| only != signal) {
            return Ok(());
        }
        let call = Call::of(sent.kind);
        let pidfd = sent.kind == event::KIND_PIDFD;
        let no_pid = pidfd || sent.kind == event::KIND_TKILL;
        rows.push(&Row {
            common: event.common(),
            signal,
            target_pid: (!no_pid).then_some(sent.target_pid),
            target_tid: (sent.target_tid != 0).then_some(sent.target_tid),
            target_comm: Text::until_nul(&sent.target_comm).non_empty(),
            target_uid: call.is_none().then_some(sent.target_uid),
            target_pidfd: pidfd.then_some(sent.target_pid),
            code: call.is_none().then_some(SignalCode { signal, code: sent.code }),
            result: call.is_none().then(|| Outcome::of(sent.result)),
            error: call.and_then(|_| errno(sent.result)),
            call,
            to_thread: sent.to_thread != 0,
            fault_address: (sent.address != 0).then(|| format!("0x{:x}", sent.address)),
        });
        Ok(())
    }
}

gadget::export!(stream TraceSignal);

#[cfg(test)]
mod tests;
