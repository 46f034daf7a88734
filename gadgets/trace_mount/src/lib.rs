//! The post-processor: a call that mounts to a row, its numbers by name.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Mount;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows, Text,
    linux::{
        Bits, Errno, errno, fsopen_flags, fspick_flags, mount_attributes, mount_flags, move_mount_flags,
        tree_flags, umount_flags,
    },
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Only calls that failed.
    pub failed: bool,
}

/// One call.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// The system call.
    #[column(width = 13)]
    call: Call,
    /// The error, when it failed.
    #[column(width = 8)]
    error: Option<Errno>,
    /// What is mounted: a device, directory or name as given to the call; of fsconfig the option's name.
    #[column(width = 24)]
    source: Option<Text<'a>>,
    /// Where, as given to the call.
    #[column(width = 32)]
    target: Option<Text<'a>>,
    /// The file system's type. Of move_mount and open_tree that of what is moved.
    #[column(width = 10)]
    fs: Option<Text<'a>>,
    /// Flags, as given.
    flags: Option<Bits>,
    /// Bits of the flags that have no name.
    #[column(hidden)]
    flags_unknown: Option<u64>,
    /// Options of mount, the value of fsconfig.
    #[column(hidden, width = 32)]
    data: Option<Text<'a>>,
    /// Attributes of the mount: of fsmount, and those that mount_setattr sets.
    #[column(hidden)]
    attributes: Option<Bits>,
    /// Attributes that mount_setattr clears.
    #[column(hidden)]
    attributes_cleared: Option<Bits>,
    /// Propagation that mount_setattr sets.
    #[column(hidden)]
    propagation: Option<Bits>,
    /// What fsconfig was told to do.
    #[column(hidden)]
    command: Option<Command>,
    /// The descriptor that the call gave: of a context (fsopen, fspick), or of a mount not yet attached.
    #[column(hidden)]
    fd: Option<i32>,
    /// The descriptor that it works on, or that a relative source, or else target, starts from; absent when that is the
    /// working directory.
    #[column(hidden)]
    dirfd: Option<i32>,
    /// The descriptor that move_mount's target starts from, when it is relative; of fsconfig that of its value.
    #[column(hidden)]
    other_fd: Option<i32>,
    /// What to know of this row: `cut` (an argument was too long), `unreadable` (one could not be read).
    #[column(hidden)]
    notes: Option<Bits>,
}

/// The call.
#[derive(Clone, Copy, Choice)]
pub enum Call {
    /// `mount`.
    Mount,
    /// `umount2`.
    Umount,
    /// `fsopen`: begins a new file system.
    Fsopen,
    /// `fspick`: begins to change one.
    Fspick,
    /// `fsconfig`: sets an option, or makes it so.
    Fsconfig,
    /// `fsmount`: makes a mount of it, not attached yet.
    Fsmount,
    /// `open_tree`: takes a mount, or a copy of it.
    OpenTree,
    /// `move_mount`: attaches it.
    MoveMount,
    /// `mount_setattr`: changes attributes.
    MountSetattr,
}

/// Command of `fsconfig`.
#[derive(Clone, Copy, Choice)]
pub enum Command {
    /// An option without a value.
    SetFlag,
    /// An option with a string.
    SetString,
    /// An option with bytes.
    SetBinary,
    /// An option with a path.
    SetPath,
    /// An option with a path that may be empty.
    SetPathEmpty,
    /// An option with a descriptor.
    SetFd,
    /// Make the file system.
    Create,
    /// Change it.
    Reconfigure,
    /// Make it, and fail if it exists.
    CreateExcl,
    /// A number that is not known here.
    Unknown,
}

impl Call {
    const fn of(call: u8) -> Self {
        match call {
            event::CALL_UMOUNT => Self::Umount,
            event::CALL_FSOPEN => Self::Fsopen,
            event::CALL_FSPICK => Self::Fspick,
            event::CALL_FSCONFIG => Self::Fsconfig,
            event::CALL_FSMOUNT => Self::Fsmount,
            event::CALL_OPEN_TREE => Self::OpenTree,
            event::CALL_MOVE_MOUNT => Self::MoveMount,
            event::CALL_SETATTR => Self::MountSetattr,
            _ => Self::Mount,
        }
    }

    const fn flags(self, flags: u64) -> Bits {
        match self {
            Self::Mount => mount_flags(flags),
            Self::Umount => umount_flags(flags),
            Self::Fsopen | Self::Fsmount | Self::Fsconfig => fsopen_flags(flags),
            Self::Fspick => fspick_flags(flags),
            Self::MoveMount => move_mount_flags(flags),
            Self::OpenTree | Self::MountSetattr => tree_flags(flags),
        }
    }

    /// Whether its result is a descriptor.
    const fn gives_descriptor(self) -> bool {
        matches!(self, Self::Fsopen | Self::Fspick | Self::Fsmount | Self::OpenTree)
    }
}

impl Command {
    const fn of(command: u32) -> Self {
        match command {
            0 => Self::SetFlag,
            1 => Self::SetString,
            2 => Self::SetBinary,
            3 => Self::SetPath,
            4 => Self::SetPathEmpty,
            5 => Self::SetFd,
            6 => Self::Create,
            7 => Self::Reconfigure,
            8 => Self::CreateExcl,
            _ => Self::Unknown,
        }
    }
}

const AT_FDCWD: i32 = -100;
const NOTES: [(u64, &str); 2] = [(event::CUT as u64, "cut"), (event::UNREADABLE as u64, "unreadable")];

/// The descriptor that `path` starts from, if it does.
fn start(path: Text<'_>, dfd: i32) -> Option<i32> {
    (dfd != AT_FDCWD && !path.0.starts_with(b"/")).then_some(dfd)
}

pub struct TraceMount;

impl Gadget for TraceMount {
    type Params = Params;
    type Event = Mount;
    type Row<'a> = Row<'a>;

    fn start(_: Context<Params>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn event(&mut self, event: &Event<'_, Mount>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let mount = event.data;
        let call = Call::of(mount.call);
        let mut parts = event.parts();
        let source = parts.text(mount.source_len)?;
        let target = parts.text(mount.target_len)?;
        let fs = parts.text(mount.fs_len)?;
        let data = parts.text(mount.data_len)?;
        let flags = call.flags(mount.flags);
        let command = matches!(call, Call::Fsconfig).then(|| Command::of(mount.command));
        let (dirfd, other_fd) = match call {
            Call::Mount | Call::Umount | Call::Fsopen => (None, None),
            Call::Fsconfig => {
                let of_value =
                    matches!(command, Some(Command::SetFd | Command::SetPath | Command::SetPathEmpty));
                (Some(mount.dfd), of_value.then_some(mount.other).filter(|&fd| fd != AT_FDCWD))
            }
            Call::Fsmount => (Some(mount.dfd), None),
            Call::OpenTree => (start(source, mount.dfd), None),
            Call::MoveMount => (start(source, mount.dfd), start(target, mount.other)),
            Call::Fspick | Call::MountSetattr => (start(target, mount.dfd), None),
        };
        rows.push(&Row {
            common: event.common(),
            call,
            error: errno(mount.ret),
            source: source.non_empty(),
            target: target.non_empty(),
            fs: fs.non_empty(),
            flags: flags.non_empty(),
            flags_unknown: flags.unknown(),
            data: data.non_empty(),
            attributes: mount_attributes(mount.attributes).non_empty(),
            attributes_cleared: mount_attributes(mount.cleared).non_empty(),
            propagation: mount_flags(mount.propagation).non_empty(),
            command,
            fd: (call.gives_descriptor() && mount.ret >= 0).then_some(mount.ret),
            dirfd,
            other_fd,
            notes: Bits::named(&NOTES, u64::from(mount.notes)).non_empty(),
        });
        Ok(())
    }
}

gadget::export!(stream TraceMount);

#[cfg(test)]
mod tests;
