//! What goes into the table of containers, and what comes out of it.

use std::{os::fd::OwnedFd, path::PathBuf, sync::Arc};

use crate::{Container, container::Details};

/// A container's first process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) start_time: u64,
    /// Tells of the process's end.
    pub(crate) exit: Option<Exit>,
}

/// A watch on a process's end.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) number: u64,
    /// Dropping it ends the watch.
    pub(crate) _pidfd: OwnedFd,
    pub(crate) _permit: Arc<()>,
}

/// What was seen of a container, from whichever side.
#[derive(Debug)]
pub(crate) struct Sighting {
    /// Its identity on this node: the id when that is a hash, else the state folder.
    pub(crate) key: String,
    pub(crate) details: Details,
    pub(crate) process: Option<Process>,
    /// Whether that process had ended already.
    pub(crate) gone: bool,
    /// The first process's mount namespace.
    pub(crate) mntns: Option<u32>,
    pub(crate) cgroup: Option<u64>,
    pub(crate) cgroup_dir: Option<PathBuf>,
}

/// Number of an entry: one life of a container.
pub(crate) type Slot = u64;

/// One life of a container.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) details: Details,
    pub(crate) container: Arc<Container>,
    pub(crate) process: Option<Process>,
    pub(crate) mntns: Vec<u32>,
    pub(crate) cgroups: Vec<u64>,
    pub(crate) cgroup_dir: Option<PathBuf>,
    pub(crate) seen: u64,
    pub(crate) until: Option<u64>,
}

impl Entry {
    /// Whether an event of that time may be of this life.
    pub(crate) fn covers(&self, timestamp: u64) -> bool {
        self.until.is_none_or(|until| timestamp <= until)
    }
}

/// That a mount namespace is an entry's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) slot: Slot,
    /// The first process's own, which lasts as long as the container; others are believed for a while.
    pub(crate) first: bool,
    pub(crate) checked: u64,
}

/// What the table has on an event.
#[derive(Debug)]
pub(crate) enum Found {
    /// This container, for events from `from` to `expires`.
    Container {
        container: Arc<Container>,
        from: u64,
        expires: u64,
    },
    /// As above, but due to be checked.
    Stale {
        slot: Slot,
        container: Arc<Container>,
    },
    /// Known to be in no container, until `expires`.
    Nothing {
        expires: u64,
    },
    Unknown,
}

/// A live entry as the periodic check needs it.
pub(crate) struct Live {
    pub(crate) slot: Slot,
    pub(crate) pid: Option<u32>,
    pub(crate) start_time: u64,
    pub(crate) watched: bool,
    pub(crate) has_mntns: bool,
    pub(crate) cgroup_dir: Option<PathBuf>,
    pub(crate) seen: u64,
}
