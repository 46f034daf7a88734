//! What is told of a run: as structured content, and as text.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::answer::{Identity, Loss, Summary};
use crate::encode::{Encoded, Encoding, encode};
use crate::text;

/// What is asked of a run.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The run; not needed beside a cursor.
    pub id: Option<&'a str>,
    /// Where to go on; from the oldest row kept otherwise.
    pub cursor: Option<&'a str>,
    /// How long to wait for rows when there are none yet.
    pub wait: Duration,
    /// Rows wanted at most.
    pub max_rows: usize,
    /// Bytes of text wanted at most.
    pub budget: usize,
}

impl<'a> Ask<'a> {
    /// A run with its rows from the oldest one kept on, as far as they fit into `budget` bytes of text.
    pub const fn whole(id: &'a str, budget: usize) -> Self {
        Self { id: Some(id), cursor: None, wait: Duration::ZERO, max_rows: usize::MAX, budget }
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It goes on.
    Running,
    /// It came to its end.
    Ended,
    /// It was stopped.
    Stopped,
    /// Its time to live was over.
    Expired,
    /// It failed; `error` says why.
    Failed,
}

/// A run, told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Its name.
    pub id: String,
    /// The tool that runs.
    pub tool: String,
    /// Its arguments, as given.
    pub arguments: Map<String, Value>,
    /// Where it stands.
    pub status: Status,
    /// When it began, RFC 3339.
    pub started: String,
    /// When it ended, RFC 3339; of one that goes on, now.
    #[serde(skip)]
    pub updated: String,
    /// How long it has been running, or ran, in seconds.
    pub seconds: f64,
    /// Events seen and lost so far.
    pub seen: u64,
    /// As [`Self::seen`].
    pub lost: u64,
    /// Rows so far.
    pub rows: u64,
    /// Of these, the oldest ones that are no longer kept.
    pub dropped: u64,
    /// The Gadget object that keeps it, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Rows of a run, from a place on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page {
    /// The run.
    pub run: Run,
    /// The rows.
    pub rows: Vec<Box<RawValue>>,
    /// Rows between the place asked for and the first one here that are no longer kept.
    pub missed: u64,
    /// Rows after these that are there already.
    pub left: u64,
    /// Where to go on.
    pub cursor: String,
    /// Counts and circumstances, when the run has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// What was lost, when the run has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// Which image runs.
    pub gadget: Identity,
    /// The rows as text.
    #[serde(skip)]
    pub(super) encoded: Encoded,
}

impl Run {
    /// A line.
    pub fn text(&self) -> String {
        let Self { id, tool, status, seconds, seen, lost, rows, dropped, object, .. } = self;
        let status = serde_json::to_value(status).ok().and_then(|it| it.as_str().map(str::to_owned));
        let status = status.unwrap_or_default();
        let mut line =
            format!("run {id}: {tool} {status}, {seconds:.1} s, {seen} events, {rows} rows, {lost} lost");
        if *dropped > 0 {
            line.push_str(&format!(", the oldest {dropped} rows dropped"));
        }
        if let Some(object) = object {
            line.push_str(&format!(", of the Gadget object {object}"));
        }
        if let Some(error) = &self.error {
            line.push_str(&format!("; {error}"));
        }
        line
    }
}

impl Page {
    /// As many of `rows` as fit into `budget` bytes become text; the others are left for another page.
    pub(super) fn fit(rows: &mut Vec<Box<RawValue>>, budget: usize) -> Encoded {
        let encoded = encode(rows, Encoding::default(), budget);
        rows.truncate(encoded.rows);
        encoded
    }

    /// One that another server sent, for an answer of `budget` bytes of text, which that one has fitted it to.
    pub fn received(mut self, updated: String, budget: usize) -> Self {
        self.run.updated = updated;
        self.encoded = Self::fit(&mut self.rows, budget);
        self
    }

    /// For a model to read.
    pub fn text(&self) -> String {
        let mut text = self.encoded.text.clone();
        if self.missed > 0 {
            text.push_str(&format!("{} rows before these are no longer kept\n", self.missed));
        }
        if self.encoded.too_large > 0 {
            text.push_str(&too_large(self.encoded.too_large));
        }
        if self.rows.is_empty() {
            text.push_str(match self.run.status {
                Status::Running => "no new rows yet\n",
                _ => "no more rows\n",
            });
        }
        text.push_str(&self.run.text());
        text.push('\n');
        match (self.left, self.run.status) {
            (0, Status::Running) => {
                text.push_str(&format!("new rows: get_run with cursor {}\n", self.cursor))
            }
            (0, _) => {}
            (left, _) => text.push_str(&format!("{left} more rows: get_run with cursor {}\n", self.cursor)),
        }
        if let (Some(summary), Some(loss)) = (&self.summary, &self.loss) {
            text.push_str(&text::tail(summary, loss, &self.gadget));
        }
        text
    }
}

/// Rows that fit into no answer.
pub(super) fn too_large(count: usize) -> String {
    format!("{count} rows are larger than a whole answer and not shown: ask for some of their `fields`\n")
}
