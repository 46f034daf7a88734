//! The shell's sink of rows: to standard output, as they come, in the form asked for.

use std::io::{BufWriter, IsTerminal, StdoutLock, Write};
use std::ops::ControlFlow;

use gadgetry_run::fleet::{self, Sink};
use serde_json::Value;

use super::columns::Columns;
use super::live::Live;
use super::progress::Progress;

/// How rows are written.
pub(crate) enum Form {
    /// Aligned columns.
    Columns(Columns),
    /// The rows as the post-processor wrote them.
    Lines,
}

/// Prints rows; a closed pipe ends the run.
pub(crate) struct Printer {
    form: Form,
    progress: Progress,
    live: Live,
    /// Rows are flushed at once where a person or a follower reads them, and in blocks into a file.
    flush: bool,
}

impl Printer {
    /// A printer; the headings are written at once.
    pub(crate) fn new(form: Form, progress: Progress) -> std::io::Result<Self> {
        if let Form::Columns(columns) = &form {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", columns.header())?;
            out.flush()?;
        }
        Ok(Self { form, progress, live: Live::default(), flush: std::io::stdout().is_terminal() })
    }

    fn write(&mut self, lines: &[u8]) -> std::io::Result<()> {
        self.end_live()?;
        let mut out: BufWriter<StdoutLock<'_>> = BufWriter::new(std::io::stdout().lock());
        match &self.form {
            Form::Lines if !self.flush => out.write_all(lines)?,
            Form::Lines => {
                for line in lines.split_inclusive(|it| *it == b'\n') {
                    // JSON escapes C0 control characters itself; the rest are taken out for the terminal.
                    let line = String::from_utf8_lossy(line);
                    writeln!(out, "{}", super::text::plain(line.trim_end_matches('\n')))?;
                }
            }
            Form::Columns(columns) => {
                for line in lines.split(|it| *it == b'\n').filter(|line| !line.is_empty()) {
                    let row: Value = serde_json::from_slice(line)?;
                    writeln!(out, "{}", columns.row(&row))?;
                }
            }
        }
        out.flush()
    }
}

impl Printer {
    /// The result follows the live view; its headings were cleared with that.
    fn end_live(&mut self) -> std::io::Result<()> {
        match &self.form {
            Form::Columns(columns) if self.live.clear()? => {
                writeln!(std::io::stdout().lock(), "{}", columns.header())
            }
            _ => Ok(()),
        }
    }
}

impl Sink for Printer {
    fn rows(&mut self, lines: &[u8], _count: u64) -> ControlFlow<()> {
        match self.write(lines) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_closed) => ControlFlow::Break(()),
        }
    }

    fn live(&mut self, lines: &[u8], _count: u64) -> ControlFlow<()> {
        let Form::Columns(columns) = &self.form else { return ControlFlow::Continue(()) };
        match self.live.draw(columns, lines) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_closed) => ControlFlow::Break(()),
        }
    }

    fn progress(&mut self, progress: fleet::Progress) {
        self.progress.update(progress.seen, progress.rows, progress.lost);
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.progress.clear();
    }
}
