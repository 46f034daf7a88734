//! The question asked once per event, so it must cost next to nothing: a reader keeps the last answers for itself,
//! and they stand until the shared table says that something changed. No lock and no allocation as long as events
//! come from containers already asked for.

use std::sync::{Arc, atomic::Ordering};

use crate::{Container, resolve::Node};

/// Answers a reader keeps; events at any one time come from few containers.
const ANSWERS: usize = 64;

/// What an event says of where it happened: fields of its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Mount namespace.
    pub mntns: u32,
    /// Process.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// Id of the v2 cgroup.
    pub cgroup: u64,
    /// Nanoseconds since boot.
    pub timestamp: u64,
}

/// An answer, and for which events it holds.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) container: Option<Arc<Container>>,
    pub(crate) mntns: u32,
    pub(crate) cgroup: u64,
    pub(crate) from: u64,
    pub(crate) expires: u64,
}

impl Answer {
    const NONE: Self = Self { container: None, mntns: 0, cgroup: 0, from: 1, expires: 0 };

    fn holds(&self, origin: &Origin) -> bool {
        self.mntns == origin.mntns
            && (self.from..=self.expires).contains(&origin.timestamp)
            // A cgroup not seen before may be that of a container which took over the mount namespace's number.
            && (self.cgroup == origin.cgroup || (self.container.is_some() && origin.mntns != 0))
    }
}

/// A reader's own view of the containers. Each reader thread has one.
pub struct Lookup {
    node: Arc<Node>,
    host: u32,
    generation: u64,
    answers: [Answer; ANSWERS],
}

impl Lookup {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { host: node.host, generation: 0, answers: [Answer::NONE; ANSWERS], node }
    }

    /// The container the event happened in; `None` on the host, or when it can't be told.
    #[inline]
    pub fn find(&mut self, origin: Origin) -> Option<&Arc<Container>> {
        if origin.mntns == self.host {
            return None;
        }
        let generation = self.node.generation.load(Ordering::Acquire);
        if generation != self.generation {
            self.generation = generation;
            self.answers.fill(Answer::NONE);
        }
        let answer = &mut self.answers[origin.mntns as usize % ANSWERS];
        if !answer.holds(&origin) {
            *answer = self.node.ask(origin);
        }
        answer.container.as_ref()
    }
}
