//! Rows of several nodes in the order of their times.
//!
//! The earliest of the nodes' next rows is handed on when every node has one, or when it has waited [`HOLD`]: a node that
//! is silent or far away holds the others up no longer than that. A row that comes later still is handed on out of order,
//! and counted. Rows that bear no time (snapshots) go on as they come.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use memchr::{memchr, memmem};
use tokio_util::sync::CancellationToken;

use super::name::Name;
use super::queue::{Batch, Queues};
use super::sum::Gathered;
use crate::fleet::Progress;
use crate::rows::Rows;

/// How long a row waits for earlier ones of other nodes.
const HOLD: Duration = Duration::from_millis(100);
/// Rows are handed on in pieces of about this size.
const PIECE: usize = 256 << 10;
/// How often progress is told.
const TICK: Duration = Duration::from_secs(1);

/// `2026-01-02T03:04:05.678901234Z`: texts of one form, so their order is that of the times.
type Time = [u8; 30];

/// One node's rows that were taken.
struct Lane {
    name: Name,
    batches: VecDeque<Batch>,
    /// Where the next row begins in the first batch.
    at: usize,
    /// Its time.
    next: Option<Time>,
    closed: bool,
}

impl Lane {
    fn new(name: Name) -> Self {
        Self { name, batches: VecDeque::new(), at: 0, next: None, closed: false }
    }

    /// The next row, without its newline.
    fn row(&self) -> Option<&[u8]> {
        let rest = self.batches.front()?.lines.get(self.at..)?;
        Some(&rest[..memchr(b'\n', rest).unwrap_or(rest.len())])
    }

    /// Reads the time of the next row, which one without bears that came first.
    fn look(&mut self, last: &Time) {
        self.next = self.row().map(|row| time_of(row).unwrap_or(*last));
    }

    /// Writes the next row to `out`, and goes to the one after; the bytes of a batch that is done.
    fn take(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let row = self.row()?;
        let len = row.len();
        self.name.write(row, out);
        self.at += len + 1;
        let whole = self.batches.front()?.lines.len();
        if self.at < whole {
            return None;
        }
        self.at = 0;
        self.batches.pop_front();
        Some(whole)
    }
}

/// The time that stands in a row.
fn time_of(row: &[u8]) -> Option<Time> {
    const KEY: &[u8] = b"\"timestamp\":\"";
    let at = if row.get(1..=KEY.len()) == Some(KEY) { 1 } else { memmem::find(row, KEY)? };
    row.get(at + KEY.len()..)?.first_chunk().copied()
}

/// Hands the rows of all nodes on, until all are closed or no more are wanted.
pub(super) fn run(
    names: Vec<Name>,
    queues: &Queues,
    mut rows: Rows,
    duration: Option<Duration>,
    stop: &CancellationToken,
) -> Gathered {
    let start = Instant::now();
    let mut lanes: Vec<Lane> = names.into_iter().map(Lane::new).collect();
    let mut heap: BinaryHeap<Reverse<(Time, usize)>> = BinaryHeap::new();
    let mut out = Vec::with_capacity(PIECE + (64 << 10));
    let (mut last, mut late, mut count) = ([0; 30], 0, 0);
    let mut tick = start + TICK;
    let mut until = start + HOLD;
    let mut full = false;
    loop {
        let closed = queues.wait(until, |node, batch| lanes[node].batches.push_back(batch));
        queues.log().iter().for_each(|line| rows.log(line));
        let now = Instant::now();
        for (node, closed) in closed.iter().enumerate() {
            lanes[node].closed = *closed;
            if lanes[node].next.is_none() {
                lanes[node].look(&last);
                heap.extend(lanes[node].next.map(|time| Reverse((time, node))));
            }
        }
        // How many nodes have yet to say what they have next.
        let mut silent = lanes.iter().filter(|it| it.next.is_none() && !it.closed).count();
        while let Some(Reverse((time, node))) = heap.pop() {
            let arrived = lanes[node].batches.front().map_or(now, |it| it.arrived);
            if silent > 0 && now < arrived + HOLD {
                until = arrived + HOLD;
                heap.push(Reverse((time, node)));
                break;
            }
            late += u64::from(time < last);
            last = last.max(time);
            let lane = &mut lanes[node];
            if let Some(bytes) = lane.take(&mut out) {
                queues.done(node, bytes);
            }
            count += 1;
            lane.look(&last);
            match lane.next {
                Some(time) => heap.push(Reverse((time, node))),
                None => silent += usize::from(!lane.closed),
            }
            if out.len() >= PIECE && !full {
                full = rows.take_lines(&out, count).is_break();
                (out, count) = (cleared(out), 0);
            }
        }
        if count > 0 && !full {
            full = rows.take_lines(&out, count) == ControlFlow::Break(());
        }
        (out, count) = (cleared(out), 0);
        if full {
            stop.cancel();
            break;
        }
        if now >= tick {
            tick = now + TICK;
            rows.progress(Progress { elapsed: now - start, of: duration, ..queues.progress() });
        }
        let waiting = !heap.is_empty();
        if !waiting && closed.iter().all(|it| *it) && lanes.iter().all(|it| it.batches.is_empty()) {
            break;
        }
        if !waiting {
            until = tick.max(now);
        }
    }
    rows.finish();
    Gathered { rows, late, full, kept_back: 0 }
}

fn cleared(mut out: Vec<u8>) -> Vec<u8> {
    out.clear();
    out
}
