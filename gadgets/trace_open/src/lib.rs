//! The post-processor: an event of an open to a row, its numbers by name.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Open;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows, Text,
    linux::{Arch, Bits, Errno, JoinedPath, Mode, OpenFlags, creates, errno, resolve_flags},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Only opens that failed.
    pub failed: bool,
    /// Also the absolute path: of the file, or, when the open failed, of the directory its path starts from joined with it.
    pub absolute: bool,
}

/// One open.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// The system call.
    #[column(hidden)]
    call: Call,
    /// The file descriptor; absent when the open failed.
    #[column(width = 4)]
    fd: Option<i32>,
    /// The error, when it failed.
    #[column(width = 10)]
    error: Option<Errno>,
    /// Flags, as given; absent when they could not be read.
    flags: Option<OpenFlags>,
    /// Bits of the flags that have no name.
    #[column(hidden)]
    flags_unknown: Option<u64>,
    /// Permissions for a file to be created, before the umask; octal.
    mode: Option<Mode>,
    /// How openat2 was told to resolve the path.
    #[column(hidden)]
    resolve: Option<Bits>,
    /// The directory that a relative path starts from; absent when it is the working directory.
    #[column(hidden)]
    dirfd: Option<i32>,
    /// The path, as given to the call.
    #[column(width = 48)]
    path: Text<'a>,
    /// The absolute path; only with the parameter `absolute`.
    #[column(hidden, width = 48)]
    absolute: Option<JoinedPath<'a>>,
    /// What to know of this row: `path_cut`, `path_unreadable`, `absolute_cut` (its first components are missing),
    /// `how_unreadable` (flags, mode and resolve of openat2 are not known).
    #[column(hidden)]
    notes: Option<Bits>,
}

/// The call that opened.
#[derive(Clone, Copy, Choice)]
pub enum Call {
    /// `open`.
    Open,
    /// `openat`.
    Openat,
    /// `openat2`.
    Openat2,
    /// `creat`.
    Creat,
}

const NOTES: [(u64, &str); 4] = [
    (event::PATH_CUT as u64, "path_cut"),
    (event::PATH_UNREADABLE as u64, "path_unreadable"),
    (event::ABSOLUTE_CUT as u64, "absolute_cut"),
    (event::HOW_UNREADABLE as u64, "how_unreadable"),
];

const AT_FDCWD: i32 = -100;

/// The post-processor; public so that the benchmark can run it natively.
pub struct TraceOpen {
    arch: Arch,
}

impl Gadget for TraceOpen {
    type Params = Params;
    type Event = Open;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        Ok(Self { arch: context.arch })
    }

    fn event(&mut self, event: &Event<'_, Open>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let open = event.data;
        let mut parts = event.parts();
        let path = parts.text(open.path_len)?;
        let absolute = parts.text(open.absolute_len)?.non_empty();
        let noted = |note: u8| open.notes & note != 0;
        let flags =
            if noted(event::HOW_UNREADABLE) { None } else { Some(OpenFlags::new(open.flags, self.arch)) };
        let relative = !path.0.starts_with(b"/");
        rows.push(&Row {
            common: event.common(),
            call: match open.call {
                event::CALL_OPEN => Call::Open,
                event::CALL_OPENAT2 => Call::Openat2,
                event::CALL_CREAT => Call::Creat,
                _ => Call::Openat,
            },
            fd: (open.ret >= 0).then_some(open.ret),
            error: errno(open.ret),
            flags,
            flags_unknown: flags.and_then(OpenFlags::unknown),
            mode: creates(open.flags).then_some(Mode(open.mode)),
            resolve: resolve_flags(open.resolve).non_empty(),
            dirfd: (relative && open.dfd != AT_FDCWD).then_some(open.dfd),
            path,
            absolute: match absolute {
                Some(base) if noted(event::ABSOLUTE_IS_BASE) => Some(JoinedPath::new(base, path)),
                Some(whole) => Some(JoinedPath::whole(whole)),
                None => None,
            },
            notes: Bits::named(&NOTES, u64::from(open.notes)).non_empty(),
        });
        Ok(())
    }
}

gadget::export!(stream TraceOpen);

#[cfg(test)]
mod tests;
