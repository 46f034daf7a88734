//! What becomes of the rows a guest returned: counted, and handed on as far as the caller wants them.

use std::ops::ControlFlow;

use gadgetry_guest::Output;

use crate::fleet::Sink;

/// Counts rows on their way to the sink.
pub(crate) struct Rows {
    sink: Box<dyn Sink>,
    max: u64,
    end_at_max: bool,
    pub(crate) returned: u64,
    pub(crate) truncated: u64,
}

impl Rows {
    pub(crate) fn new(sink: Box<dyn Sink>, max: Option<u64>, end_at_max: bool) -> Self {
        Self { sink, max: max.unwrap_or(u64::MAX), end_at_max, returned: 0, truncated: 0 }
    }

    /// Takes what one call returned. `Break`: no more are wanted.
    pub(crate) fn take(&mut self, output: Output<'_>) -> ControlFlow<()> {
        let Output { lines, count } = output;
        let room = (self.max - self.returned).min(count);
        self.returned += room;
        self.truncated += count - room;
        let flow = match room {
            0 => ControlFlow::Continue(()),
            _ if room == count => self.sink.rows(lines, count),
            _ => self.sink.rows(first_lines(lines, room), room),
        };
        if self.end_at_max && self.returned == self.max { ControlFlow::Break(()) } else { flow }
    }

    /// Takes what it looks like now, in place of what was taken so before. Not part of the result.
    pub(crate) fn live(&mut self, output: Output<'_>) -> ControlFlow<()> {
        match output.count.min(self.max) {
            0 => ControlFlow::Continue(()),
            room => self.sink.live(first_lines(output.lines, room), room),
        }
    }

    pub(crate) fn progress(&mut self, seen: u64, lost: u64) {
        self.sink.progress(seen, self.returned, lost);
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
