//! Where the nodes' rows wait until it is their turn. Each node has a part of the room, so that a fast one can't take it
//! all; a node without room waits, and what its own ring can't hold meanwhile is lost there and counted there.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::fleet::{Progress, Sink};
use crate::log::{Level, Line};

/// Bytes of rows that wait, of all nodes together.
pub(crate) const MOST: usize = 64 << 20;
/// What a node has at least, so that a batch fits.
const LEAST: usize = 1 << 20;
/// Lines of a node's log that wait.
const LINES: usize = 64;

/// Rows as a node sent them.
pub(crate) struct Batch {
    pub(crate) lines: Vec<u8>,
    pub(crate) count: u64,
    pub(crate) arrived: Instant,
}

#[derive(Default)]
struct Queue {
    batches: VecDeque<Batch>,
    /// Bytes that wait here or were taken and are not yet handed on.
    bytes: usize,
    sent: u64,
    closed: bool,
    live: Option<Vec<u8>>,
    progress: Progress,
    log: Vec<Line>,
    /// Lines for which there was no room among these.
    unlogged: u64,
}

struct State {
    queues: Vec<Queue>,
    /// Nobody takes any more.
    abandoned: bool,
    /// Something came since the last look.
    news: bool,
}

/// The queues of all nodes of a run.
pub(crate) struct Queues {
    state: Mutex<State>,
    came: Condvar,
    went: Condvar,
    each: usize,
}

impl Queues {
    pub(crate) fn new(nodes: usize) -> Self {
        let queues = (0..nodes).map(|_| Queue::default()).collect();
        Self {
            state: Mutex::new(State { queues, abandoned: false, news: false }),
            came: Condvar::new(),
            went: Condvar::new(),
            each: (MOST / nodes.max(1)).max(LEAST),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more comes of this node.
    pub(crate) fn close(&self, node: usize) {
        let mut state = self.state();
        state.queues[node].closed = true;
        state.news = true;
        self.came.notify_all();
    }

    /// Nothing more is taken.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.abandoned = true;
        state.queues.iter_mut().for_each(|it| it.batches.clear());
        self.went.notify_all();
    }

    /// Rows that this node sent.
    pub(crate) fn sent(&self, node: usize) -> u64 {
        self.state().queues[node].sent
    }

    /// Waits until something came, at most until `until`, and moves what waits to `take`, by node. Whether every node is
    /// closed.
    pub(crate) fn wait(&self, until: Instant, mut take: impl FnMut(usize, Batch)) -> Vec<bool> {
        let mut state = self.state();
        while !state.news {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.came.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.news = false;
        for (node, queue) in state.queues.iter_mut().enumerate() {
            queue.batches.drain(..).for_each(|batch| take(node, batch));
        }
        state.queues.iter().map(|it| it.closed).collect()
    }

    /// What was taken of this node was handed on.
    pub(crate) fn done(&self, node: usize, bytes: usize) {
        let mut state = self.state();
        let queue = &mut state.queues[node];
        queue.bytes = queue.bytes.saturating_sub(bytes);
        self.went.notify_all();
    }

    /// The nodes' views of now, where one has a new one.
    pub(crate) fn lives(&self, fresh: &mut [Option<Vec<u8>>]) -> bool {
        let mut state = self.state();
        let mut any = false;
        for (queue, fresh) in state.queues.iter_mut().zip(fresh) {
            *fresh = queue.live.take();
            any |= fresh.is_some();
        }
        any
    }

    /// What the nodes logged since this was last asked.
    pub(crate) fn log(&self) -> Vec<Line> {
        let mut all = Vec::new();
        for queue in &mut self.state().queues {
            let more = std::mem::take(&mut queue.unlogged);
            let left_out = queue.log.last().filter(|_| more > 0).map(|last| Line {
                level: Level::Warn,
                message: format!("{more} log lines were left out here"),
                ..last.clone()
            });
            all.append(&mut queue.log);
            all.extend(left_out);
        }
        all
    }

    /// How far all nodes together are.
    pub(crate) fn progress(&self) -> Progress {
        self.state().queues.iter().fold(Progress::default(), |sum, queue| Progress {
            seen: sum.seen + queue.progress.seen,
            lost: sum.lost + queue.progress.lost,
            rows: sum.rows + queue.sent,
            ..sum
        })
    }
}

/// One node's end: the sink of its part.
pub(crate) struct Tail {
    queues: Arc<Queues>,
    node: usize,
}

impl Tail {
    pub(crate) const fn new(queues: Arc<Queues>, node: usize) -> Self {
        Self { queues, node }
    }
}

impl Sink for Tail {
    fn rows(&mut self, lines: &[u8], count: u64) -> ControlFlow<()> {
        let Self { queues, node } = self;
        let mut state = queues.state();
        // Not for ever: a thread that waits here must look at whether its run has ended.
        while state.queues[*node].bytes >= queues.each && !state.abandoned {
            let waited = queues.went.wait_timeout(state, Duration::from_secs(1));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.abandoned {
            return ControlFlow::Break(());
        }
        let queue = &mut state.queues[*node];
        queue.bytes += lines.len();
        queue.sent += count;
        queue.batches.push_back(Batch { lines: lines.to_vec(), count, arrived: Instant::now() });
        state.news = true;
        queues.came.notify_one();
        ControlFlow::Continue(())
    }

    fn has_room(&mut self) -> bool {
        let state = self.queues.state();
        state.abandoned || state.queues[self.node].bytes < self.queues.each
    }

    fn live(&mut self, lines: &[u8], _count: u64) -> ControlFlow<()> {
        let mut state = self.queues.state();
        state.queues[self.node].live = Some(lines.to_vec());
        if state.abandoned { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn log(&mut self, line: &Line) {
        let mut state = self.queues.state();
        let queue = &mut state.queues[self.node];
        if queue.log.len() < LINES {
            queue.log.push(line.clone());
        } else {
            queue.unlogged += 1;
        }
        state.news = true;
        self.queues.came.notify_one();
    }

    fn progress(&mut self, progress: Progress) {
        self.queues.state().queues[self.node].progress = progress;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_log_wait_up_to_a_bound_and_the_rest_is_told_of() {
        let queues = Arc::new(Queues::new(2));
        let line = |node: &str, message: &str| Line {
            node: Some(node.to_owned()),
            gadget: "g".to_owned(),
            level: Level::Info,
            message: message.to_owned(),
        };
        let mut tails = [0, 1].map(|node| Tail::new(queues.clone(), node));
        tails[0].log(&line("a", "one"));
        for _ in 0..LINES + 3 {
            tails[1].log(&line("b", "many"));
        }
        let told = queues.log();
        assert_eq!((told[0].clone(), told.len()), (line("a", "one"), 1 + LINES + 1));
        let last = &told[1 + LINES];
        assert_eq!((last.node.as_deref(), last.level), (Some("b"), Level::Warn));
        assert_eq!(last.message, "3 log lines were left out here");
        tails[1].log(&line("b", "again"));
        assert_eq!(queues.log(), [line("b", "again")]);
    }
}
