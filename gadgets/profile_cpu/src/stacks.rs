//! Stacks by process, and what is counted of each.

use std::collections::HashMap;

use gadget::{Context, Event, Failure, top::Top};

use crate::{event::Sample, names::Names};

/// Of one stack: samples or nanoseconds waited, waits, and how many of these are not over.
type Counts = [u64; 3];

/// What stacks are ranked by.
pub(crate) const fn weight(counts: &Counts) -> u64 {
    counts[0]
}

/// All stacks of a run.
pub(crate) struct Stacks {
    names: Names,
    /// By process and folded stack: its number in `top` and `counts`.
    numbers: HashMap<(u32, String), usize>,
    counts: Vec<Counts>,
    /// By thread: the stack it waits in, and how long it has, in nanoseconds. It is counted there already.
    waiting: HashMap<u32, (usize, u64)>,
    pub(crate) top: Top<usize, String, 3>,
}

impl Stacks {
    pub(crate) fn new<P>(context: &Context<P>, interval: u32) -> Self {
        Self {
            names: Names::default(),
            numbers: HashMap::new(),
            counts: Vec::new(),
            waiting: HashMap::new(),
            top: Top::new(context, interval),
        }
    }

    /// A CPU was found in this stack.
    pub(crate) fn sample(&mut self, event: &Event<'_, Sample>) -> Result<(), Failure> {
        self.add(event, [1, 0, 0]).map(|_| ())
    }

    /// A thread has waited there.
    pub(crate) fn waited(&mut self, event: &Event<'_, Sample>, nanos: u64) -> Result<(), Failure> {
        self.no_longer(event.header.tid);
        self.add(event, [nanos, 1, 0]).map(|_| ())
    }

    /// A thread still waits there. It is told of at each look; what the last one told is replaced.
    pub(crate) fn waits(&mut self, event: &Event<'_, Sample>, nanos: u64) -> Result<(), Failure> {
        self.no_longer(event.header.tid);
        let number = self.add(event, [nanos, 1, 1])?;
        self.waiting.insert(event.header.tid, (number, nanos));
        Ok(())
    }

    /// Takes back what was counted of a wait that was not over.
    fn no_longer(&mut self, tid: u32) {
        let Some((number, nanos)) = self.waiting.remove(&tid) else { return };
        let counts = &mut self.counts[number];
        for (count, less) in counts.iter_mut().zip([nanos, 1, 1]) {
            *count = count.saturating_sub(less);
        }
        self.top.correct(&number, *counts);
    }

    fn add(&mut self, event: &Event<'_, Sample>, more: Counts) -> Result<usize, Failure> {
        let mut parts = event.parts();
        let kernel = parts.text(event.data.kernel_len)?;
        let user = parts.text(event.data.user_len)?;
        let pid = event.header.pid;
        let waits = event.data.began != 0;
        let stack = self.names.folded(pid, kernel.0, user.0, waits);
        let next = self.counts.len();
        let number = *self.numbers.entry((pid, stack.clone())).or_insert(next);
        if number == next {
            self.counts.push([0; 3]);
        }
        let counts = &mut self.counts[number];
        for (count, more) in counts.iter_mut().zip(more) {
            *count += more;
        }
        self.top.count(number, event, *counts, || Ok(stack))?;
        Ok(number)
    }
}
