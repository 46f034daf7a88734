//! The post-processor: a task as the kernel's iterator saw it to a row.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Process;
use gadget::{Choice, Common, Context, Event, Failure, Gadget, Rows, Text, Timestamp, linux::Bits};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Each thread, not only each process.
    pub threads: bool,
}

/// One process, or one thread.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten, show("ppid", "uid"))]
    common: Common<'a>,
    /// What it is doing: `disk_sleep` can't be interrupted, `zombie` has ended and waits for its parent to ask how.
    state: State,
    /// When it was forked (UTC).
    started: Timestamp,
    /// Number of threads of its process.
    threads: u32,
    /// Whether it is a thread of the kernel.
    #[column(hidden)]
    kernel_thread: bool,
    /// Absolute path of the executable; kernel threads have none, nor have zombies.
    #[column(width = 40)]
    exe: Option<Text<'a>>,
    /// What to know of this row: `exe_cut` (the path lacks its first components).
    #[column(hidden)]
    notes: Option<Bits>,
}

/// State of a task.
#[derive(Clone, Copy, Choice)]
pub enum State {
    /// R.
    Running,
    /// S.
    Sleeping,
    /// D.
    DiskSleep,
    /// T.
    Stopped,
    /// t.
    Traced,
    /// X.
    Dead,
    /// Z.
    Zombie,
    /// P.
    Parked,
    /// I.
    Idle,
    /// A letter that is not known here.
    Unknown,
}

impl State {
    const fn from_letter(letter: u8) -> Self {
        match letter {
            b'R' => Self::Running,
            b'S' => Self::Sleeping,
            b'D' => Self::DiskSleep,
            b'T' => Self::Stopped,
            b't' => Self::Traced,
            b'X' => Self::Dead,
            b'Z' => Self::Zombie,
            b'P' => Self::Parked,
            b'I' => Self::Idle,
            _ => Self::Unknown,
        }
    }
}

const NOTES: [(u64, &str); 1] = [(event::EXE_CUT as u64, "exe_cut")];

pub struct SnapshotProcess;

impl Gadget for SnapshotProcess {
    type Params = Params;
    type Event = Process;
    type Row<'a> = Row<'a>;

    fn start(_: Context<Params>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn event(&mut self, event: &Event<'_, Process>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let process = event.data;
        rows.push(&Row {
            common: event.common(),
            state: State::from_letter(process.state),
            started: event.clock().at(process.start),
            threads: process.threads,
            kernel_thread: process.notes & event::KERNEL_THREAD != 0,
            exe: event.parts().text(process.exe_len)?.non_empty(),
            notes: Bits::named(&NOTES, u64::from(process.notes)).non_empty(),
        });
        Ok(())
    }
}

gadget::export!(snapshot SnapshotProcess);

#[cfg(test)]
mod tests;
