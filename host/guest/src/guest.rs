//! One run of a post-processor: calls in, checked rows out.

use std::sync::Arc;

use crate::check::RowChecker;
use crate::error::{GuestError, line};
use crate::instance::Instance;
use crate::lent::Lent;
use crate::limits::{Counts, Limits};
use crate::log::LogLine;
use crate::symbols::Symbols;
use crate::wire::{Call, Failure, Nothing, Rows};

/// Bytes of a gadget's own error message that are passed on.
const LONGEST_MESSAGE: usize = 4096;

/// One instance, for one run. After an error that ends it, each further call says so.
pub struct Guest {
    instance: Instance,
    checker: Arc<RowChecker>,
    limits: Limits,
    counts: Counts,
    /// The rows of the last call.
    out: Vec<u8>,
    ended: bool,
}

/// Checked rows: JSON objects, each ended by a newline.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// The rows.
    pub lines: &'a [u8],
    /// How many there are.
    pub count: u64,
}

impl<'a> Output<'a> {
    /// The rows one by one, without their newlines.
    pub fn rows(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.lines;
        std::iter::from_fn(move || {
            let end = memchr::memchr(b'\n', rest)?;
            let row = &rest[..end];
            rest = &rest[end + 1..];
            Some(row)
        })
    }
}

impl Guest {
    pub(crate) const fn new(instance: Instance, checker: Arc<RowChecker>, limits: Limits) -> Self {
        let counts =
            Counts { rows: 0, bytes: 0, cut_by_rows: 0, cut_by_bytes: 0, log_lines: 0, log_dropped: 0 };
        Self { instance, checker, limits, counts, out: Vec::new(), ended: false }
    }

    /// Offers what the import `symbols` asks; without, a guest that asks fails.
    pub fn set_symbols(&mut self, symbols: Box<dyn Symbols>) {
        self.instance.set_symbols(symbols);
    }

    /// Lends what the other imports ask.
    pub fn set_lent(&mut self, lent: Lent) {
        self.instance.set_lent(lent);
    }

    /// Keeps `secret` out of all that the guest says; a value under [`crate::SHORTEST_SECRET`] bytes is not kept back. At
    /// most a hundred; false: there are too many.
    #[must_use]
    pub fn conceal(&mut self, secret: String) -> bool {
        self.instance.log_mut().secrets.add(secret)
    }

    /// Begins a stream or snapshot. `context`: JSON with `params`, `node` and `boot_to_unix_ns`.
    ///
    /// # Errors
    /// [`GuestError::Failed`] when the gadget refuses its parameters; as for all calls, the others when it breaks.
    pub fn start(&mut self, context: &[u8]) -> Result<(), GuestError> {
        let call = self.either(Call::StreamStart, Call::SnapshotStart);
        let (result,): Nothing = self.enter(call, (context,))?;
        result.map_err(|failure| self.failed(failure))
    }

    /// A stream's events to rows.
    ///
    /// # Errors
    /// When the gadget fails, or its rows are not as its schema says.
    pub fn process(&mut self, batch: &[u8]) -> Result<Output<'_>, GuestError> {
        let rows = self.enter(Call::Process, (batch,))?;
        self.rows(Call::Process, rows)
    }

    /// A stream's rows that are due by time; to be called about once a second.
    ///
    /// # Errors
    /// As [`Self::process`].
    pub fn tick(&mut self) -> Result<Output<'_>, GuestError> {
        let rows = self.enter(Call::Tick, ())?;
        self.rows(Call::Tick, rows)
    }

    /// A snapshot's records to rows.
    ///
    /// # Errors
    /// As [`Self::process`].
    pub fn collect(&mut self, batch: &[u8]) -> Result<Output<'_>, GuestError> {
        let rows = self.enter(Call::Collect, (batch,))?;
        self.rows(Call::Collect, rows)
    }

    /// The last rows of a stream or snapshot.
    ///
    /// # Errors
    /// As [`Self::process`].
    pub fn finish(&mut self) -> Result<Output<'_>, GuestError> {
        let call = self.either(Call::StreamFinish, Call::SnapshotFinish);
        let rows = self.enter(call, ())?;
        self.rows(call, rows)
    }

    /// The rows of several nodes or intervals, merged.
    ///
    /// # Errors
    /// As [`Self::process`].
    pub fn merge(&mut self, parts: &[&[u8]]) -> Result<Output<'_>, GuestError> {
        let rows = self.enter(Call::Merge, (parts,))?;
        self.rows(Call::Merge, rows)
    }

    /// Calls the tool named `tool` with a JSON object; the answer is one too.
    ///
    /// # Errors
    /// When the gadget fails, or its answer is too large or not as its schema says.
    pub fn call(&mut self, tool: &str, args: &[u8]) -> Result<Vec<u8>, GuestError> {
        let (result,): Rows = self.enter(Call::Tool, (tool, args))?;
        let answer = self.redacted(result.map_err(|failure| self.failed(failure))?);
        let most = self.limits.bytes_out_per_call;
        if answer.len() > most {
            return Err(GuestError::TooLarge { found: answer.len(), most });
        }
        let call = Call::Tool.name();
        self.checker.answer(&answer).map_err(|error| GuestError::Row { call, error })?;
        self.counts.rows += 1;
        self.counts.bytes += answer.len() as u64;
        Ok(answer)
    }

    /// Looks at `lines`, JSON values, for what a guard looks for; the contract has the answer's shape. Empty for nothing.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn inspect(&mut self, lines: &[u8]) -> Result<Vec<u8>, GuestError> {
        let (result,): Rows = self.enter(Call::Inspect, (lines,))?;
        let found = result.map_err(|failure| self.failed(failure))?;
        let most = self.limits.bytes_out_per_call;
        if found.len() > most {
            return Err(GuestError::TooLarge { found: found.len(), most });
        }
        Ok(found)
    }

    /// What came out so far, and what was cut.
    pub fn counts(&self) -> Counts {
        let log = self.instance.log();
        Counts { log_lines: log.written, log_dropped: log.dropped, ..self.counts }
    }

    /// The latest warnings and errors it logged, for the run's result.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        self.instance.log_mut().take()
    }

    /// What it logged since this was last asked, but for what is for its author alone; for whoever passes it on.
    pub fn pass_on_log(&mut self) -> Vec<LogLine> {
        self.instance.log_mut().pass_on()
    }

    fn redacted(&self, said: Vec<u8>) -> Vec<u8> {
        self.instance.log().secrets.redact(said)
    }

    fn failed(&self, failure: Failure) -> GuestError {
        let secrets = &self.instance.log().secrets;
        GuestError::Failed {
            message: line(&secrets.redact_text(failure.message), LONGEST_MESSAGE),
            field: failure.field.map(|field| line(&secrets.redact_text(field), 128)),
        }
    }

    fn either(&self, stream: Call, snapshot: Call) -> Call {
        if self.instance.has(snapshot) { snapshot } else { stream }
    }

    fn enter<P, R>(&mut self, call: Call, params: P) -> Result<R, GuestError>
    where
        P: wasmtime::component::ComponentNamedList + wasmtime::component::Lower,
        R: wasmtime::component::ComponentNamedList + wasmtime::component::Lift,
    {
        self.out = Vec::new();
        if self.ended {
            return Err(GuestError::Ended { call: call.name() });
        }
        self.instance.call(call, params)
    }

    /// Cuts rows to the limits, and checks what is left.
    fn rows(&mut self, call: Call, rows: Rows) -> Result<Output<'_>, GuestError> {
        let rows = rows.0.map_err(|failure| self.failed(failure))?;
        // Before they are checked: what is told is what conforms.
        let mut out = self.redacted(rows);
        if out.len() > self.limits.bytes_out_per_call {
            // A row that the cap cuts through is dropped whole.
            let fits = memchr::memrchr(b'\n', &out[..self.limits.bytes_out_per_call]).map_or(0, |at| at + 1);
            self.counts.cut_by_bytes += lines(&out[fits..]);
            out.truncate(fits);
        }
        let room = self.limits.rows_per_run.saturating_sub(self.counts.rows);
        let mut count = 0;
        let mut end = 0;
        let mut checked = self.checker.rows(&out, self.counts.rows);
        while count < room {
            match checked.next() {
                None => break,
                Some(Ok(_)) => {
                    count += 1;
                    end = checked.bytes();
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Err(GuestError::Row { call: call.name(), error });
                }
            }
        }
        self.counts.cut_by_rows += lines(&out[end..]);
        out.truncate(end);
        self.counts.rows += count;
        self.counts.bytes += end as u64;
        self.out = out;
        Ok(Output { lines: &self.out, count })
    }
}

/// Rows in `bytes`, the last one whether or not it is ended.
fn lines(bytes: &[u8]) -> u64 {
    let ended = memchr::memchr_iter(b'\n', bytes).count() as u64;
    ended + u64::from(bytes.last().is_some_and(|last| *last != b'\n'))
}
