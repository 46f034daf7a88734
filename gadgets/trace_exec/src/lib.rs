//! The post-processor: an exec, one that failed, or an exit to a row, its numbers by name.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Exec;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows, Text,
    linux::{Argv, Bits, Device, Errno, ExitStatus, Signal, errno, set},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Also attempts to start a program that failed.
    pub failed: bool,
    /// Also the end of each process, with its exit code or signal and how long it ran.
    pub exits: bool,
}

/// One program started, or not started, or one process ended.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten, show("ppid", "uid"))]
    common: Common<'a>,
    /// What happened: `exec` (a program was started), `failed` (it could not be), `exit` (a process ended).
    #[column(width = 6)]
    kind: Kind,
    /// The error, when it could not be started.
    #[column(width = 10)]
    error: Option<Errno>,
    /// The exit code, when the process ended by itself.
    #[column(title = "CODE", width = 4)]
    exit_code: Option<u8>,
    /// The signal that ended the process.
    #[column(title = "SIGNAL", width = 9)]
    exit_signal: Option<Signal>,
    /// Present when the signal left a core file.
    #[column(hidden)]
    core_dumped: Option<bool>,
    /// How long the process existed, from fork to exit, in nanoseconds.
    #[column(hidden)]
    duration_ns: Option<u64>,
    /// The arguments, the program's own name first.
    args: Option<Argv<'a>>,
    /// How many arguments there are; only with the note `args_cut`.
    #[column(hidden)]
    args_count: Option<u32>,
    /// Bytes that all arguments take; only with the note `args_cut`.
    #[column(hidden)]
    args_bytes: Option<u32>,
    /// The file, as given to the call.
    #[column(hidden, width = 32)]
    file: Option<Text<'a>>,
    /// Absolute path of the executable; of a script its interpreter's.
    #[column(hidden, width = 32)]
    exe: Option<Text<'a>>,
    /// Whether the executable lies in the upper layer of an overlay: added or changed since its image was made.
    #[column(hidden)]
    upper_layer: Option<bool>,
    /// Inode of the executable.
    #[column(hidden)]
    exe_inode: Option<u64>,
    /// Device that the executable lies on, major:minor.
    #[column(hidden)]
    exe_device: Option<Device>,
    /// Working directory.
    #[column(hidden, width = 24)]
    cwd: Option<Text<'a>>,
    /// Absolute path of the parent's executable.
    #[column(hidden, width = 32)]
    parent_exe: Option<Text<'a>>,
    /// Whether the parent's executable lies in the upper layer of an overlay.
    #[column(hidden)]
    parent_upper_layer: Option<bool>,
    /// Controlling terminal.
    #[column(hidden, width = 8)]
    tty: Option<Text<'a>>,
    /// The user who logged in; kept through su and sudo.
    #[column(hidden)]
    loginuid: Option<u32>,
    /// The login's audit session.
    #[column(hidden)]
    sessionid: Option<u32>,
    /// What to know of this row: `args_cut` (there are more arguments than shown), `path_cut` (an absolute path lacks
    /// its first components), `unreadable` (arguments or file could not be read).
    #[column(hidden)]
    notes: Option<Bits>,
}

/// What happened.
#[derive(Clone, Copy, Choice, PartialEq, Eq)]
pub enum Kind {
    /// A program was started.
    Exec,
    /// A program could not be started.
    Failed,
    /// A process ended.
    Exit,
}

const NOTES: [(u64, &str); 3] = [
    (event::ARGS_CUT as u64, "args_cut"),
    (event::PATH_CUT as u64, "path_cut"),
    (event::UNREADABLE as u64, "unreadable"),
];

pub struct TraceExec;

impl Gadget for TraceExec {
    type Params = Params;
    type Event = Exec;
    type Row<'a> = Row<'a>;

    fn start(_: Context<Params>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn event(&mut self, event: &Event<'_, Exec>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let exec = event.data;
        let kind = match exec.kind {
            event::KIND_EXEC => Kind::Exec,
            event::KIND_FAILED => Kind::Failed,
            _ => Kind::Exit,
        };
        let mut parts = event.parts();
        let args = Argv(parts.text(exec.args_len)?);
        let file = parts.text(exec.file_len)?;
        let cwd = parts.text(exec.cwd_len)?;
        let exe = parts.text(exec.exe_len)?;
        let parent_exe = parts.text(exec.parent_exe_len)?;

        let started = kind == Kind::Exec;
        let tried = kind != Kind::Exit;
        let noted = |note: u8| exec.notes & note != 0;
        let cut = tried && noted(event::ARGS_CUT);
        let (exit_code, exit_signal, core_dumped) = match ExitStatus::from_wait(exec.exit_status) {
            _ if tried => (None, None, None),
            ExitStatus::Code(code) => (Some(code), None, None),
            ExitStatus::Signal { signal, core } => (None, Some(signal), core.then_some(true)),
        };
        rows.push(&Row {
            common: event.common(),
            kind,
            error: errno(exec.ret),
            exit_code,
            exit_signal,
            core_dumped,
            duration_ns: (!tried).then(|| event.header.timestamp.saturating_sub(exec.start)),
            args: tried.then_some(args),
            args_count: cut.then_some(exec.args_count),
            args_bytes: cut.then_some(exec.args_size),
            file: file.non_empty(),
            exe: exe.non_empty(),
            upper_layer: started.then(|| noted(event::UPPER_LAYER)),
            exe_inode: started.then_some(exec.exe_inode),
            exe_device: started.then_some(Device(exec.exe_device)),
            cwd: cwd.non_empty(),
            parent_exe: parent_exe.non_empty(),
            parent_upper_layer: tried.then(|| noted(event::PARENT_UPPER_LAYER)),
            tty: Text::until_nul(&exec.tty).non_empty(),
            loginuid: set(exec.loginuid),
            sessionid: set(exec.sessionid),
            notes: Bits::named(&NOTES, u64::from(exec.notes)).non_empty(),
        });
        Ok(())
    }
}

gadget::export!(stream TraceExec);

#[cfg(test)]
mod tests;
