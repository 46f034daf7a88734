//! Rows on their way through a guard.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gadgetry_guest::Guest;

use super::{Action, Guard, Guarded as Told, Place, found};
use crate::fleet::{Progress, Sink};
use crate::log::Line;

/// Bytes that the guard looks at in one call, whole rows: a look takes a fraction of its deadline.
const AT_ONCE: usize = 256 << 10;

/// What a sink has seen, for whoever tells it when the run has ended.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    told: Told,
    /// Rows that went on.
    passed: u64,
    failure: Option<String>,
}

impl Seen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found, or how the guard failed.
    pub(super) fn take(&self) -> Result<Told, String> {
        let mut state = self.state();
        match state.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(std::mem::take(&mut state.told)),
        }
    }
}

/// A sink before another.
pub(super) struct Guarded {
    guard: Arc<Guard>,
    guest: Guest,
    inner: Box<dyn Sink>,
    seen: Seen,
}

impl Guarded {
    pub(super) fn new(guard: Arc<Guard>, guest: Guest, inner: Box<dyn Sink>) -> Self {
        Self { guard, guest, inner, seen: Seen::default() }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    /// Looks at whole rows, and hands on what may go on.
    fn pass(&mut self, lines: &[u8]) -> ControlFlow<()> {
        let findings = match self.guard.inspect(&mut self.guest, lines) {
            Ok(findings) => findings,
            Err(failure) => {
                self.seen.state().failure = Some(failure);
                return ControlFlow::Break(());
            }
        };
        if findings.is_empty() {
            let count = memchr::memchr_iter(b'\n', lines).count() as u64;
            self.seen.state().passed += count;
            return self.inner.rows(lines, count);
        }
        let mut state = self.seen.state();
        let mut out = Vec::with_capacity(lines.len());
        let (mut begin, mut count, mut rest) = (0, 0, findings.as_slice());
        for line in lines.split_inclusive(|it| *it == b'\n') {
            let end = begin + line.len();
            let (here, later) = rest.split_at(rest.partition_point(|it| it.start < end));
            rest = later;
            let kept = match (here, self.guard.action) {
                ([], _) | (_, Action::Mark) => Some(line.to_vec()),
                (_, Action::Block) => None,
                (here, Action::Mask) => {
                    let shifted: Vec<_> = here
                        .iter()
                        .map(|it| found::Finding {
                            start: it.start - begin,
                            end: it.end - begin,
                            ..it.clone()
                        })
                        .collect();
                    found::masked(line, &shifted).map(String::into_bytes)
                }
            };
            let row = kept.is_some().then_some(state.passed + count);
            for it in here {
                let field = found::field(line, it.start - begin);
                state.told.count(Place { row, field, rule: it.rule.clone() });
            }
            state.told.rows += u64::from(!here.is_empty());
            match kept {
                Some(line) => {
                    out.extend_from_slice(&line);
                    count += 1;
                }
                None => state.told.withheld += 1,
            }
            begin = end;
        }
        state.passed += count;
        drop(state);
        if count == 0 { ControlFlow::Continue(()) } else { self.inner.rows(&out, count) }
    }
}

impl Sink for Guarded {
    fn rows(&mut self, mut lines: &[u8], _: u64) -> ControlFlow<()> {
        while !lines.is_empty() {
            let end = match lines.get(..AT_ONCE).and_then(|part| memchr::memrchr(b'\n', part)) {
                Some(at) => at + 1,
                // One row is larger, or all are smaller.
                None => memchr::memchr(b'\n', lines.get(AT_ONCE..).unwrap_or_default())
                    .map_or(lines.len(), |at| AT_ONCE + at + 1),
            };
            let (part, rest) = lines.split_at(end);
            lines = rest;
            self.pass(part)?;
        }
        ControlFlow::Continue(())
    }

    fn progress(&mut self, progress: Progress) {
        self.inner.progress(progress);
    }

    fn log(&mut self, line: &Line) {
        self.inner.log(line);
    }
}
