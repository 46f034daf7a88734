//! The `log` import: a gadget's lines in the operator's log, under the gadget's name, no more of them than agreed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wasmtime::component::{ComponentType, Lift};

use crate::error::line;
use crate::secrets::Secrets;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
pub enum Level {
    /// For the gadget's author.
    #[component(name = "debug")]
    Debug,
    /// For the operator.
    #[component(name = "info")]
    Info,
    /// Something is not as it should be.
    #[component(name = "warn")]
    Warn,
    /// Something does not work.
    #[component(name = "error")]
    Error,
}

/// A line that a gadget logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How bad it is.
    pub level: Level,
    /// One line, without control characters.
    pub message: String,
}

/// Bytes of a message that are kept.
const LONGEST: usize = 1024;
/// Warnings and errors kept for the result.
const KEPT: usize = 16;
/// Lines that wait for whoever passes them on.
const WAITING: usize = 64;

/// The log of one run.
#[derive(Debug)]
pub(crate) struct Log {
    gadget: String,
    per_second: u32,
    second: Instant,
    in_second: u32,
    pub(crate) written: u64,
    pub(crate) dropped: u64,
    kept: VecDeque<LogLine>,
    /// For whoever passes lines on; nobody need.
    waiting: VecDeque<LogLine>,
    /// The last error of the current call: told when the call crashes.
    pub(crate) last_error: Option<String>,
    /// What must not be told.
    pub(crate) secrets: Secrets,
}

impl Log {
    pub(crate) fn new(gadget: &str, per_second: u32) -> Self {
        Self {
            gadget: gadget.to_owned(),
            per_second,
            second: Instant::now(),
            in_second: 0,
            written: 0,
            dropped: 0,
            kept: VecDeque::new(),
            waiting: VecDeque::new(),
            last_error: None,
            secrets: Secrets::default(),
        }
    }

    /// Takes a line from the guest.
    pub(crate) fn line(&mut self, level: Level, message: String) {
        let now = Instant::now();
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.in_second) = (now, 0);
        }
        let room = self.in_second < self.per_second;
        if !room && level < Level::Error {
            self.dropped += 1;
            return;
        }
        // The last error is kept even when it is over the limit: a crash is explained by it.
        // Before it is cut, which could leave half a secret.
        let message = line(&self.secrets.redact_text(message), LONGEST);
        if level == Level::Error {
            self.last_error = Some(message.clone());
        }
        if !room {
            self.dropped += 1;
            return;
        }
        self.in_second += 1;
        self.written += 1;
        let gadget = self.gadget.as_str();
        match level {
            Level::Debug => tracing::debug!(target: "gadget", gadget, "{message}"),
            Level::Info => tracing::info!(target: "gadget", gadget, "{message}"),
            Level::Warn => tracing::warn!(target: "gadget", gadget, "{message}"),
            Level::Error => tracing::error!(target: "gadget", gadget, "{message}"),
        }
        let line = LogLine { level, message };
        if level >= Level::Warn {
            push(&mut self.kept, KEPT, line.clone());
        }
        if level >= Level::Info {
            push(&mut self.waiting, WAITING, line);
        }
    }

    /// The latest warnings and errors since they were last taken.
    pub(crate) fn take(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.kept).into()
    }

    /// The latest lines, those for the author apart, since they were last passed on.
    pub(crate) fn pass_on(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.waiting).into()
    }
}

fn push(lines: &mut VecDeque<LogLine>, most: usize, line: LogLine) {
    if lines.len() == most {
        lines.pop_front();
    }
    lines.push_back(line);
}
