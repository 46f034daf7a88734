//! The post-processor: an open file as the kernel's iterator saw it to a row.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use std::borrow::Cow;

use event::File;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows, Text,
    linux::{Arch, Bits, Device, Mode, OpenFlags},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Only files of this kind.
    pub kind: Option<Kind>,
    /// Only files that were deleted and are still open.
    pub deleted: bool,
}

/// One open file of one process.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// File descriptor.
    #[column(width = 5)]
    fd: u32,
    /// What it is.
    kind: Kind,
    /// Absolute path, as seen from the root of its mount namespace; of what has none a name as /proc shows it:
    /// `socket:[123]`, `anon_inode:[eventpoll]`.
    #[column(width = 48)]
    path: Cow<'a, str>,
    /// Whether the file was deleted and only lives as long as it is open.
    #[column(hidden)]
    deleted: bool,
    /// Flags it was opened with, the access mode first.
    #[column(hidden)]
    flags: OpenFlags,
    /// Where the next read or write goes, in bytes.
    #[column(hidden)]
    position: u64,
    /// Size of a regular file, in bytes.
    size: Option<u64>,
    /// Inode number.
    #[column(hidden)]
    inode: u64,
    /// Device of the file system, major:minor.
    #[column(hidden)]
    device: Device,
    /// Permissions of the file; octal.
    #[column(hidden)]
    mode: Mode,
    /// What to know of this row: `path_cut` (the path lacks its first components).
    #[column(hidden)]
    notes: Option<Bits>,
}

/// What is open.
#[derive(Clone, Copy, Choice, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A character device.
    Character,
    /// A block device.
    Block,
    /// A named pipe.
    Fifo,
    /// A pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A symbolic link, opened as such.
    Link,
    /// What only exists as a descriptor: epoll, eventfd, timerfd, an eBPF program, ...
    Anon,
    /// Something else.
    Unknown,
}

/// `ANON_INODE_FS_MAGIC`.
const ANON: u64 = 0x0904_1934;
/// `PIPEFS_MAGIC`.
const PIPES: u64 = 0x5049_5045;

impl Kind {
    const fn of(file: &File) -> Self {
        match (file.magic, file.mode & 0o170_000) {
            (ANON, _) => Self::Anon,
            (PIPES, _) => Self::Pipe,
            (_, 0o100_000) => Self::Regular,
            (_, 0o040_000) => Self::Directory,
            (_, 0o020_000) => Self::Character,
            (_, 0o060_000) => Self::Block,
            (_, 0o010_000) => Self::Fifo,
            (_, 0o140_000) => Self::Socket,
            (_, 0o120_000) => Self::Link,
            _ => Self::Unknown,
        }
    }

    /// The path as /proc shows it; the walk finds none of a file that lies in no directory.
    fn path<'a>(self, walked: Text<'a>, inode: u64) -> Cow<'a, str> {
        let name = String::from_utf8_lossy(walked.0);
        match self {
            Self::Socket if name == "/" => format!("socket:[{inode}]").into(),
            Self::Pipe => format!("pipe:[{inode}]").into(),
            Self::Anon => format!("anon_inode:{}", name.trim_start_matches('/')).into(),
            _ => name,
        }
    }
}

const NOTES: [(u64, &str); 1] = [(event::PATH_CUT as u64, "path_cut")];

pub struct SnapshotFile {
    arch: Arch,
    kind: Option<Kind>,
}

impl Gadget for SnapshotFile {
    type Params = Params;
    type Event = File;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        Ok(Self { arch: context.arch, kind: context.params.kind })
    }

    fn event(&mut self, event: &Event<'_, File>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let file = event.data;
        let kind = Kind::of(file);
        if self.kind.is_some_and(|wanted| wanted != kind) {
            return Ok(());
        }
        let path = event.parts().text(file.path_len)?;
        rows.push(&Row {
            common: event.common(),
            fd: file.fd,
            kind,
            path: kind.path(path, file.inode),
            deleted: file.links == 0,
            flags: OpenFlags::new(u64::from(file.flags), self.arch),
            position: file.position,
            size: (kind == Kind::Regular).then_some(file.size),
            inode: file.inode,
            device: Device(file.device),
            mode: Mode(u32::from(file.mode & 0o7777)),
            notes: Bits::named(&NOTES, u64::from(file.notes)).non_empty(),
        });
        Ok(())
    }
}

gadget::export!(snapshot SnapshotFile);

#[cfg(test)]
mod tests;
