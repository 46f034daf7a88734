//! One run, or one answer's rows, as it is kept.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::buffer::Buffer;
use super::id;
use super::page::{Ask, Page, Run, Status};
use crate::answer::{Answer, Identity, Loss, Summary};
use crate::fleet::{Progress, Report, RunError, Sink};
use crate::gadget::Gadget;

/// What an entry is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// A background run, which its owner sees in the list.
    Run,
    /// Rows that did not fit into an answer, which only the answer's cursor names.
    Answer,
}

/// A run that is kept.
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) keep: Keep,
    pub(super) started: Instant,
    pub(super) cancel: CancellationToken,
    /// Whether the owner is a Gadget object.
    pub(super) object: bool,
    began: SystemTime,
    tool: String,
    arguments: Map<String, Value>,
    pub(super) gadget: Identity,
    state: Mutex<State>,
    /// Tells of new rows and of the end.
    changed: watch::Sender<()>,
}

struct State {
    buffer: Buffer,
    status: Status,
    progress: Progress,
    ended: Option<Instant>,
    report: Option<(Summary, Loss)>,
    failure: Option<RunError>,
}

impl Entry {
    /// A run that begins.
    pub(super) fn started(
        id: String,
        owner: &str,
        gadget: &Gadget,
        arguments: Map<String, Value>,
        buffer: Buffer,
        cancel: CancellationToken,
    ) -> Self {
        let state = State {
            buffer,
            status: Status::Running,
            progress: Progress::default(),
            ended: None,
            report: None,
            failure: None,
        };
        Self {
            id,
            owner: owner.to_owned(),
            keep: Keep::Run,
            started: Instant::now(),
            cancel,
            object: false,
            began: SystemTime::now(),
            tool: gadget.descriptor.name.clone(),
            arguments,
            gadget: gadget.identity.clone(),
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
        }
    }

    /// The rows of `answer` from number `from` on, kept for its cursor.
    pub(super) fn of_answer(
        id: String,
        owner: &str,
        answer: &Answer,
        from: usize,
        mut buffer: Buffer,
    ) -> Self {
        answer.rows.iter().skip(from).for_each(|row| buffer.push(row.clone()));
        let Summary { seen, returned, .. } = answer.summary;
        let state = State {
            buffer,
            status: Status::Ended,
            progress: Progress { seen, rows: returned, lost: answer.loss.total, ..Progress::default() },
            ended: Some(Instant::now()),
            report: Some((answer.summary.clone(), answer.loss)),
            failure: None,
        };
        Self {
            id,
            owner: owner.to_owned(),
            keep: Keep::Answer,
            started: Instant::now(),
            cancel: CancellationToken::new(),
            object: false,
            began: SystemTime::now(),
            tool: answer.gadget.name.clone(),
            arguments: Map::new(),
            gadget: answer.gadget.clone(),
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn going(&self) -> bool {
        self.state().status == Status::Running
    }

    /// Where the run's rows go.
    pub(super) fn sink(self: &Arc<Self>) -> Box<dyn Sink> {
        Box::new(Kept(self.clone()))
    }

    /// Its time to live is over.
    pub(super) fn expired(&self) {
        self.state().status = Status::Expired;
        self.cancel.cancel();
    }

    /// It has ended.
    pub(super) fn end(&self, report: Result<Report, RunError>) {
        let mut state = self.state();
        state.ended = Some(Instant::now());
        match report {
            Ok(Report { summary, loss, .. }) => {
                state.progress.seen = summary.seen;
                state.progress.lost = loss.total;
                state.report = Some((summary, loss));
                if state.status == Status::Running {
                    state.status = if self.cancel.is_cancelled() { Status::Stopped } else { Status::Ended };
                }
            }
            Err(error) => {
                state.status = Status::Failed;
                state.failure = Some(error);
            }
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// The error of a run that failed; it is told once.
    pub(super) fn failure(&self) -> Option<RunError> {
        self.state().failure.take()
    }

    /// Told of new rows and of the end; they end when the entry is forgotten.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// What it was when it ended.
    pub(super) fn report(&self) -> Option<(Summary, Loss)> {
        self.state().report.clone()
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) {
        self.until(|state| state.ended.is_some()).await;
    }

    /// Waits until there are rows beyond number `from`, or never will be.
    pub(super) async fn rows_beyond(&self, from: u64) {
        self.until(|state| state.ended.is_some() || state.buffer.end() > from).await;
    }

    async fn until(&self, done: impl Fn(&State) -> bool) {
        let mut changes = self.changed.subscribe();
        while !done(&self.state()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// The run, told.
    pub(super) fn run(&self) -> Run {
        self.told(&self.state())
    }

    fn told(&self, state: &State) -> Run {
        let time = |at: SystemTime| humantime::format_rfc3339_millis(at).to_string();
        let lasted = state.ended.unwrap_or_else(Instant::now).duration_since(self.started);
        Run {
            id: self.id.clone(),
            tool: self.tool.clone(),
            arguments: self.arguments.clone(),
            status: state.status,
            started: time(self.began),
            updated: time(self.began + lasted),
            seconds: (lasted.as_secs_f64() * 10.0).round() / 10.0,
            seen: state.progress.seen,
            lost: state.progress.lost,
            rows: state.buffer.end(),
            dropped: state.buffer.dropped(),
            object: self.object.then(|| self.owner.clone()),
            error: state.failure.as_ref().map(ToString::to_string),
        }
    }

    /// Its rows from number `from` on, as far as `ask` has room for them.
    pub(super) fn page(&self, from: u64, ask: &Ask<'_>) -> Page {
        let state = self.state();
        let from = from.min(state.buffer.end());
        let (mut rows, missed) = state.buffer.read(from, ask.max_rows);
        let (run, end, report) = (self.told(&state), state.buffer.end(), state.report.clone());
        drop(state);
        let encoded = Page::fit(&mut rows, ask.budget);
        let next = from + missed + rows.len() as u64;
        let (summary, loss) = report.unzip();
        Page {
            run,
            rows,
            missed,
            left: end - next,
            cursor: id::cursor(&self.id, next),
            summary,
            loss,
            gadget: self.gadget.clone(),
            encoded,
        }
    }
}

/// The sink of a background run.
struct Kept(Arc<Entry>);

impl Sink for Kept {
    fn rows(&mut self, lines: &[u8], _count: u64) -> ControlFlow<()> {
        let mut state = self.0.state();
        for line in lines.split(|it| *it == b'\n').filter(|it| !it.is_empty()) {
            // The row checker has seen to it that a row is JSON in UTF-8.
            if let Ok(row) = serde_json::from_slice::<Box<RawValue>>(line) {
                state.buffer.push(row);
            }
        }
        drop(state);
        self.0.changed.send_replace(());
        ControlFlow::Continue(())
    }

    fn progress(&mut self, progress: Progress) {
        self.0.state().progress = progress;
    }
}
