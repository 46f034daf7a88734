//! The rows of one run, kept for whoever asks: the newest ones, within a number of bytes; what had to go is counted.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::value::RawValue;

/// What a row takes beside its bytes.
const PER_ROW: usize = 32;

/// Rows by their number in the run.
pub(super) struct Buffer {
    rows: VecDeque<Box<RawValue>>,
    /// Rows that are gone: the number of the first one kept.
    dropped: u64,
    bytes: usize,
    most: usize,
    shared: Shared,
}

/// The bytes that all buffers hold together, and may hold.
#[derive(Clone)]
pub(super) struct Shared {
    used: Arc<AtomicUsize>,
    most: usize,
}

impl Shared {
    pub(super) fn new(most: usize) -> Self {
        Self { used: Arc::new(AtomicUsize::new(0)), most }
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn full(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.most
    }
}

impl Buffer {
    pub(super) fn new(most: usize, shared: Shared) -> Self {
        Self { rows: VecDeque::new(), dropped: 0, bytes: 0, most, shared }
    }

    /// Adds a row; the oldest go when there is no room. Where all buffers together are full, the one that grows is
    /// the one that gives way.
    pub(super) fn push(&mut self, row: Box<RawValue>) {
        let size = row.get().len() + PER_ROW;
        self.bytes += size;
        self.shared.used.fetch_add(size, Ordering::Relaxed);
        self.rows.push_back(row);
        while self.bytes > self.most || self.shared.full() {
            let Some(row) = self.rows.pop_front() else { break };
            self.give_back(row.get().len() + PER_ROW);
            self.dropped += 1;
        }
    }

    fn give_back(&mut self, size: usize) {
        self.bytes -= size;
        self.shared.used.fetch_sub(size, Ordering::Relaxed);
    }

    /// How many rows there have been.
    pub(super) fn end(&self) -> u64 {
        self.dropped + self.rows.len() as u64
    }

    /// Rows dropped so far.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// At most `most` rows from number `from` on, and how many before them are gone.
    pub(super) fn read(&self, from: u64, most: usize) -> (Vec<Box<RawValue>>, u64) {
        let gone = self.dropped.saturating_sub(from);
        let skip = usize::try_from(from.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        (self.rows.iter().skip(skip).take(most).cloned().collect(), gone)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.shared.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64) -> Box<RawValue> {
        RawValue::from_string(format!("{{\"n\":{number}}}")).unwrap()
    }

    #[test]
    fn the_oldest_rows_go_and_are_counted() {
        let shared = Shared::new(usize::MAX);
        let mut buffer = Buffer::new(10 * (7 + PER_ROW), shared.clone());
        (0..10).for_each(|it| buffer.push(row(it)));
        assert_eq!((buffer.dropped(), buffer.end()), (0, 10));
        (0..5).for_each(|it| buffer.push(row(it)));
        assert_eq!((buffer.dropped(), buffer.end()), (5, 15));
        let (rows, gone) = buffer.read(2, 3);
        assert_eq!(
            rows.iter().map(|it| it.get()).collect::<Vec<_>>(),
            ["{\"n\":5}", "{\"n\":6}", "{\"n\":7}"]
        );
        assert_eq!(gone, 3);
        assert_eq!(buffer.read(15, 3).0.len(), 0);
        assert_eq!(buffer.read(u64::MAX, 3).0.len(), 0);
        drop(buffer);
        assert_eq!(shared.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn all_buffers_together_are_bounded() {
        let shared = Shared::new(10 * (7 + PER_ROW));
        let mut buffers = [Buffer::new(usize::MAX, shared.clone()), Buffer::new(usize::MAX, shared.clone())];
        for number in 0..8 {
            buffers.iter_mut().for_each(|it| it.push(row(number)));
        }
        let kept: u64 = buffers.iter().map(|it| it.end() - it.dropped()).sum();
        assert_eq!(kept, 10);
        assert!(!shared.full());
    }
}
