//! What becomes of the rows a guest returned: counted, and handed on as far as the caller wants them.

use std::ops::ControlFlow;

use gadgetry_guest::Output;

use crate::fleet::{Progress, Sink};
use crate::log::Line;
use crate::query::Shaper;

/// Counts rows on their way to the sink.
pub(crate) struct Rows {
    sink: Box<dyn Sink>,
    pub(crate) shaper: Shaper,
    max: u64,
    end_at_max: bool,
    pub(crate) returned: u64,
    pub(crate) truncated: u64,
}

impl Rows {
    pub(crate) fn new(sink: Box<dyn Sink>, shaper: Shaper, max: Option<u64>, end_at_max: bool) -> Self {
        Self { sink, shaper, max: max.unwrap_or(u64::MAX), end_at_max, returned: 0, truncated: 0 }
    }

    /// Takes what one call returned. `Break`: no more are wanted.
    pub(crate) fn take(&mut self, output: Output<'_>) -> ControlFlow<()> {
        self.take_lines(output.lines, output.count)
    }

    /// Takes `count` rows. `Break`: no more are wanted.
    pub(crate) fn take_lines(&mut self, lines: &[u8], count: u64) -> ControlFlow<()> {
        let Self { shaper, sink, .. } = self;
        let (lines, count) = shaper.pass(lines, count);
        let room = (self.max - self.returned).min(count);
        self.returned += room;
        self.truncated += count - room;
        let flow = give(sink.as_mut(), lines, room, count);
        if self.end_at_max && self.returned == self.max { ControlFlow::Break(()) } else { flow }
    }

    /// Takes what it looks like now, in place of what was taken so before, and as the query wants it. Not part of the
    /// result.
    pub(crate) fn live(&mut self, output: Output<'_>) -> ControlFlow<()> {
        let mut view = self.shaper.afresh();
        let (lines, count) = view.pass(output.lines, output.count);
        if count > 0 {
            let room = count.min(self.max);
            return self.sink.live(first_lines(lines, room), room);
        }
        let (lines, count, _) = view.finish();
        match count.min(self.max) {
            0 => ControlFlow::Continue(()),
            room => self.sink.live(first_lines(&lines, room), room),
        }
    }

    /// The run is over: rows that were waiting for that are handed on.
    pub(crate) fn finish(&mut self) {
        let (lines, count, more) = self.shaper.finish();
        let room = (self.max - self.returned).min(count);
        self.returned += room;
        self.truncated += count - room + more;
        // Whether the sink would want more no longer matters.
        let _ = give(self.sink.as_mut(), &lines, room, count);
    }

    /// Hands on what was logged.
    pub(crate) fn log(&mut self, line: &Line) {
        self.sink.log(line);
    }

    /// Tells how far the run is.
    pub(crate) fn progress(&mut self, progress: Progress) {
        let rows = if self.shaper.waits() { self.shaper.matched } else { self.returned };
        self.sink.progress(Progress { rows, ..progress });
    }
}

/// Hands the first `room` of `count` rows to the sink.
fn give(sink: &mut dyn Sink, lines: &[u8], room: u64, count: u64) -> ControlFlow<()> {
    match room {
        0 => ControlFlow::Continue(()),
        _ if room == count => sink.rows(lines, count),
        _ => sink.rows(first_lines(lines, room), room),
    }
}

/// The first `count` lines, newlines included.
fn first_lines(lines: &[u8], count: u64) -> &[u8] {
    let mut left = count;
    let end = lines.iter().position(|byte| {
        if left == 0 {
            return true;
        }
        left -= u64::from(*byte == b'\n');
        false
    });
    &lines[..end.unwrap_or(lines.len())]
}

#[cfg(test)]
mod tests {
    use super::first_lines;

    #[test]
    fn rows_are_never_cut() {
        let lines = b"a\nbb\nc\n";
        for (count, kept) in [(0, ""), (1, "a\n"), (2, "a\nbb\n"), (3, "a\nbb\nc\n"), (9, "a\nbb\nc\n")] {
            assert_eq!(first_lines(lines, count), kept.as_bytes());
        }
    }
}
