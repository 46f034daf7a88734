//! The end of a run that is asked for over the API: rows go out in messages. There is room for a few of them, and beyond
//! that for as many as the connection takes; when whoever reads is slow, the run's thread waits a little, and then rows
//! are dropped and counted. It never waits for long: a run that is over must come to its end.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gadgetry_run::fleet::{Progress, Sink};
use gadgetry_run::log::Line;
use memchr::memrchr;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tonic::Status;

use crate::v1::{Rows, RunEvent, run_event::Event};
use crate::wire;

/// Messages that wait to be sent.
pub(crate) const WAITING: usize = 16;
/// Bytes of rows in a message; a longer row is one of its own.
const PIECE: usize = 512 << 10;
/// How long a run's thread waits for a slow reader.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(1);

/// Messages of a run.
pub(crate) type Events = Sender<Result<RunEvent, Status>>;

/// The sink.
pub(crate) struct Link {
    node: String,
    events: Events,
    dropped: Arc<AtomicU64>,
    log: bool,
}

impl Link {
    /// `dropped` counts rows that were not sent; `log`: lines of the log are wanted.
    pub(crate) const fn new(node: String, events: Events, dropped: Arc<AtomicU64>, log: bool) -> Self {
        Self { node, events, dropped, log }
    }

    fn send(&self, event: Event, patience: Duration) -> Result<(), Unsent> {
        let mut event = Ok(RunEvent { node: self.node.clone(), event: Some(event) });
        let end = Instant::now() + patience;
        loop {
            match self.events.try_send(event) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(Unsent::Gone),
                Err(TrySendError::Full(_)) if Instant::now() >= end => return Err(Unsent::Slow),
                Err(TrySendError::Full(back)) => event = back,
            }
            std::thread::sleep(LOOK);
        }
    }
}

enum Unsent {
    /// Nobody reads any more.
    Gone,
    /// Whoever reads is too slow.
    Slow,
}

impl Sink for Link {
    fn rows(&mut self, lines: &[u8], count: u64) -> ControlFlow<()> {
        let mut left = count;
        for piece in pieces(lines) {
            let rows = memchr::memchr_iter(b'\n', piece).count() as u64;
            left = left.saturating_sub(rows);
            let event = Event::Rows(Rows { lines: Bytes::copy_from_slice(piece), count: rows });
            match self.send(event, PATIENCE) {
                Ok(()) => {}
                Err(Unsent::Slow) => {
                    self.dropped.fetch_add(rows, Ordering::Relaxed);
                }
                Err(Unsent::Gone) => {
                    self.dropped.fetch_add(rows + left, Ordering::Relaxed);
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn has_room(&mut self) -> bool {
        self.events.is_closed() || self.events.capacity() > 0
    }

    fn live(&mut self, lines: &[u8], count: u64) -> ControlFlow<()> {
        // A view that finds no room is followed by the next.
        let rows = Rows { lines: Bytes::copy_from_slice(lines), count };
        match self.send(Event::Live(rows), Duration::ZERO) {
            Err(Unsent::Gone) => ControlFlow::Break(()),
            Ok(()) | Err(Unsent::Slow) => ControlFlow::Continue(()),
        }
    }

    fn log(&mut self, line: &Line) {
        // One that finds no room is in the node's own log, and a warning in the run's notes.
        if self.log {
            let _ = self.send(Event::Log(wire::log(line)), Duration::ZERO);
        }
        line.write();
    }

    fn progress(&mut self, progress: Progress) {
        let _ = self.send(Event::Progress(wire::progress(&progress)), Duration::ZERO);
    }
}

/// Whole rows, as many as fit into a message.
fn pieces(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = if rest.len() <= PIECE {
            rest.len()
        } else {
            let whole = memrchr(b'\n', &rest[..PIECE]);
            let longer = || memchr::memchr(b'\n', rest);
            whole.or_else(longer).map_or(rest.len(), |at| at + 1)
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_never_cut() {
        let long = [vec![b'a'; PIECE + 5], b"\n".to_vec(), b"b\n".to_vec()].concat();
        let found: Vec<usize> = pieces(&long).map(<[u8]>::len).collect();
        assert_eq!(found, [PIECE + 6, 2]);
        let many = b"0123456789\n".repeat(100_000);
        assert!(pieces(&many).all(|it| it.len() <= PIECE && it.ends_with(b"\n")));
        assert_eq!(pieces(&many).map(<[u8]>::len).sum::<usize>(), many.len());
    }

    #[test]
    fn what_a_slow_reader_leaves_is_counted() {
        let (events, mut reader) = tokio::sync::mpsc::channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut link = Link::new("n".into(), events, dropped.clone(), true);
        assert!(link.rows(b"{}\n{}\n", 2).is_continue());
        assert!(!link.has_room());
        assert!(link.rows(b"{}\n", 1).is_continue());
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        assert!(reader.try_recv().is_ok());
        drop(reader);
        assert!(link.rows(b"{}\n", 1).is_break());
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
    }
}
