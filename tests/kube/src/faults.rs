//! What can be wrong with an API server, on request.

use std::time::Duration;

/// What the server does instead of what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers 503, as while it starts or when it has lost its store.
    Unavailable,
    /// Answers 429, and says after how many seconds to come again.
    Busy(u64),
    /// Answers 403.
    Forbidden,
    /// Answers 410 when a watch or the next page of a list is asked for.
    Gone,
    /// Answers after a while.
    Slow(Duration),
}

/// The faults that are set, each for one kind of objects (`pods`) or, when that is empty, for everything.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    set: Vec<(String, Fault)>,
}

impl Faults {
    pub(crate) fn add(&mut self, plural: &str, fault: Fault) {
        self.set.push((plural.to_owned(), fault));
    }

    pub(crate) fn clear(&mut self) {
        self.set.clear();
    }

    /// The fault that a request for `plural` meets; the newest one.
    pub(crate) fn meet(&self, plural: &str) -> Option<Fault> {
        let found = self.set.iter().rev().find(|(of, _)| of.is_empty() || of == plural);
        found.map(|(_, fault)| fault.clone())
    }
}
