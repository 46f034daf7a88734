//! The post-processor: counters of files to the files used most, in each interval and over the run.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::File;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Reduce, Rows, Text,
    linux::{Bits, Device},
    top::{self, Ranked, Top, number},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Seconds between two looks of the live view; rates in it are of that time.
    #[param(default = 1, min = 1, max = 60)]
    pub interval: u32,
    /// Also what is no regular file: directories, devices, pipes, sockets.
    pub all: bool,
}

/// One file, as one process used it. The thread is the first that did.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// Calls that read.
    #[column(width = 8)]
    reads: u64,
    /// Calls that wrote.
    #[column(width = 8)]
    writes: u64,
    /// Bytes read.
    #[column(title = "READ B")]
    read_bytes: u64,
    /// Bytes written.
    #[column(title = "WRITE B")]
    write_bytes: u64,
    /// Bytes read a second.
    #[column(title = "READ B/S")]
    read_per_second: u64,
    /// Bytes written a second.
    #[column(title = "WRITE B/S")]
    write_per_second: u64,
    /// What it is; absent for a regular file.
    #[column(hidden)]
    kind: Option<Type>,
    /// Inode number.
    #[column(hidden)]
    inode: u64,
    /// Device.
    #[column(hidden)]
    device: Device,
    /// Absolute path.
    #[column(width = 48)]
    path: Text<'a>,
    /// What to know of this row: `path_cut` (the path is not whole).
    #[column(hidden)]
    notes: Option<Bits>,
}

/// What a file can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Type {
    /// A directory.
    Directory,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A pipe.
    Fifo,
    /// A socket.
    Socket,
    /// Something without a type: epoll, timerfd and their like.
    Anonymous,
}

const NOTES: [(u64, &str); 1] = [(event::PATH_CUT as u64, "path_cut")];

/// What a file is, apart from what is done with it.
struct What {
    file: File,
    path: Vec<u8>,
}

/// Reads, writes, bytes read, bytes written.
type Counts = [u64; 4];

/// The post-processor.
pub struct TopFile {
    files: Top<(u32, u32, u64), What, 4>,
}

impl Gadget for TopFile {
    type Params = Params;
    type Event = File;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        Ok(Self { files: Top::new(&context, context.params.interval) })
    }

    fn event(&mut self, event: &Event<'_, File>, _: &mut Rows<Self>) -> Result<(), Failure> {
        let file = event.data;
        let key = (event.header.pid, file.device, file.inode);
        let counts = [file.reads, file.writes, file.read_bytes, file.write_bytes];
        self.files.count(key, event, counts, || {
            Ok(What { file: *file, path: event.parts().text(file.path_len)?.0.to_vec() })
        })?;
        Ok(())
    }

    fn tick(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.files.interval(weight).iter().for_each(|it| rows.push(&row(it)));
        Ok(())
    }

    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.files.run(weight).iter().for_each(|it| rows.push(&row(it)));
        Ok(())
    }
}

impl Reduce for TopFile {
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure> {
        top::merge(parts, rows, |row| number(row, "read_bytes").saturating_add(number(row, "write_bytes")))
    }
}

/// Bytes in both directions.
fn weight(counts: &Counts) -> u64 {
    counts[2].saturating_add(counts[3])
}

fn row<'a>(it: &Ranked<'a, What, 4>) -> Row<'a> {
    let What { file, path } = it.what;
    let [reads, writes, read_bytes, write_bytes] = it.counts;
    Row {
        common: it.common,
        reads,
        writes,
        read_bytes,
        write_bytes,
        read_per_second: it.per_second(2),
        write_per_second: it.per_second(3),
        kind: kind(file.mode),
        inode: file.inode,
        device: Device(file.device),
        path: Text(path),
        notes: Bits::named(&NOTES, u64::from(file.notes)).non_empty(),
    }
}

/// Of a file's mode; `None` for a regular file.
fn kind(mode: u32) -> Option<Type> {
    match mode >> 12 & 0xf {
        8 => None,
        4 => Some(Type::Directory),
        2 => Some(Type::CharDevice),
        6 => Some(Type::BlockDevice),
        1 => Some(Type::Fifo),
        12 => Some(Type::Socket),
        _ => Some(Type::Anonymous),
    }
}

gadget::export!(stream + merge TopFile);

#[cfg(test)]
mod tests;
