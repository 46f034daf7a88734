//! A line on standard error that says the run is alive: time, rows, loss. Only on a terminal, and only when rows go
//! elsewhere, for the two would overwrite each other.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The line, or nothing.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// A line, if `wanted` and if there is a terminal to show it.
    pub(crate) fn new(wanted: bool) -> Self {
        if !wanted || !std::io::stderr().is_terminal() || std::io::stdout().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(Some(bar))
    }

    /// The counts so far.
    pub(crate) fn update(&self, seen: u64, rows: u64, lost: u64) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("{seen} events, {rows} rows, {lost} lost"));
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
