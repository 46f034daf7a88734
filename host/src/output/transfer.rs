//! Progress of pulls and pushes, a line per blob on standard error. Nothing where that is no terminal.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use gadget_registry::digest::Digest;
use gadget_registry::remote::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The lines.
pub(crate) struct Transfer {
    all: MultiProgress,
    lines: Mutex<HashMap<Digest, ProgressBar>>,
}

impl Transfer {
    pub(crate) fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self { all: MultiProgress::with_draw_target(target), lines: Mutex::new(HashMap::new()) }
    }

    fn line(&self, blob: &Digest) -> Option<ProgressBar> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).get(blob).cloned()
    }
}

impl Progress for Transfer {
    fn begin(&self, blob: &Digest, what: &str, size: u64) {
        let line = self.all.add(ProgressBar::new(size));
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {bytes}/{total_bytes} {msg}") {
            line.set_style(style);
        }
        line.set_prefix(blob.short());
        line.set_message(super::text::plain(what).into_owned());
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).insert(*blob, line);
    }

    fn advance(&self, blob: &Digest, bytes: u64) {
        if let Some(line) = self.line(blob) {
            line.inc(bytes);
        }
    }

    fn end(&self, blob: &Digest) {
        if let Some(line) = self.lines.lock().unwrap_or_else(PoisonError::into_inner).remove(blob) {
            line.finish_and_clear();
        }
    }
}
