//! What is kept of each thread: its last calls, and the one it is in.

use std::collections::VecDeque;

use gadget::{Header, Timestamp};

/// Most bytes kept of one string.
const TEXT_MAX: usize = 256;

/// A call as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Who, and when it began.
    pub header: Header,
    /// When it began, as text.
    pub timestamp: Timestamp,
    /// Number of the call.
    pub number: u32,
    /// The arguments; `None` when its entry was not seen.
    pub args: Option<[u64; 6]>,
    /// The strings among the arguments, by position.
    pub texts: [Option<KeptText>; crate::event::TEXTS],
    /// What it returned; `None` when it has not.
    pub ret: Option<i64>,
    /// How long it took, in nanoseconds; `None` when one of its ends was not seen.
    pub duration: Option<u64>,
}

/// A string as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptText {
    /// Its bytes, as far as they are kept.
    pub bytes: Box<[u8]>,
    /// Whether there were more.
    pub cut: bool,
}

impl KeptText {
    /// Of `text`.
    pub fn new(text: &[u8]) -> Self {
        let kept = text.len().min(TEXT_MAX);
        Self { bytes: text[..kept].into(), cut: kept < text.len() }
    }
}

/// A thread's last calls.
#[derive(Debug, Default)]
pub struct Thread {
    /// The container it runs in, as JSON; empty on the host itself.
    pub container: Box<[u8]>,
    done: VecDeque<Kept>,
    current: Option<Kept>,
}

impl Thread {
    /// A call begins; one that never returned (as `rt_sigreturn`) stays as it is.
    pub fn enter(&mut self, call: Kept, last: usize) {
        if let Some(current) = self.current.replace(call) {
            self.keep(current, last);
        }
    }

    /// A call returns: `make` gives the call if its entry was not seen.
    pub fn exit(&mut self, number: u32, last: usize, complete: impl FnOnce(Option<Kept>) -> Kept) {
        let current = match self.current.take() {
            Some(current) if current.number == number => Some(current),
            Some(other) => {
                self.keep(other, last);
                None
            }
            None => None,
        };
        let call = complete(current);
        self.keep(call, last);
    }

    fn keep(&mut self, call: Kept, last: usize) {
        if self.done.len() >= last {
            self.done.pop_front();
        }
        self.done.push_back(call);
    }

    /// When something was last seen of it, nanoseconds since boot.
    pub fn seen(&self) -> u64 {
        let last = self.current.as_ref().or(self.done.back());
        last.map_or(0, |call| call.header.timestamp)
    }

    /// The calls, oldest first, and the one that has not returned.
    pub fn into_calls(self, last: usize) -> impl Iterator<Item = Kept> {
        let skip = (self.done.len() + usize::from(self.current.is_some())).saturating_sub(last);
        self.done.into_iter().chain(self.current).skip(skip)
    }
}
