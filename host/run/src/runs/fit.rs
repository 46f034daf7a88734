//! An answer cut to its budget: whole rows, and a cursor for the rest.

use super::buffer::Buffer;
use super::entry::Entry;
use super::page::too_large;
use super::{Runner, Runs, id};
use crate::answer::Answer;
use crate::encode::{Encoding, encode};
use crate::text;

/// Bytes of text in an answer.
pub const DEFAULT_BUDGET: usize = 32 << 10;
/// Bytes that rows get in any case, however much there is to say beside them.
const LEAST: usize = 1 << 10;
/// Room for the lines about what was left out.
const LINES: usize = 400;

/// An answer that fits.
#[derive(Debug)]
pub struct Fitted {
    /// With the rows that fitted, and the cursor of the others.
    pub answer: Answer,
    /// The same for a model to read.
    pub text: String,
    /// The name that its rows are kept by, when all of them are.
    pub kept: Option<String>,
}

impl<R: Runner> Runs<R> {
    /// Cuts `answer` to `budget` bytes of text. Rows that do not fit are kept for `owner`, and the cursor gets them;
    /// with `keep`, so are those that fit.
    pub fn fit(&self, mut answer: Answer, owner: &str, budget: usize, keep: bool) -> Fitted {
        let tail = text::tail(&answer.summary, &answer.loss, &answer.gadget);
        let room = budget.saturating_sub(tail.len() + LINES).max(LEAST.min(budget));
        let encoded = encode(&answer.rows, Encoding::default(), room);
        let mut text = encoded.text;
        if encoded.too_large > 0 {
            text.push_str(&too_large(encoded.too_large));
        }
        let left = answer.rows.len() - encoded.rows;
        let kept = if keep { self.keep_from(&answer, 0, owner) } else { None };
        if left > 0 {
            answer.cursor = match &kept {
                Some(id) => Some(id::cursor(id, encoded.rows as u64)),
                None => self.keep_from(&answer, encoded.rows, owner).map(|id| id::cursor(&id, 0)),
            };
            let how = match &answer.cursor {
                Some(cursor) => {
                    format!("get_run with cursor {cursor}, or ask for less: filter, group_by, fields")
                }
                None => "ask for less: filter, group_by, fields".to_owned(),
            };
            text.push_str(&format!("{left} of these {} rows left out: {how}\n", answer.rows.len()));
            answer.rows.truncate(encoded.rows);
        }
        text.push_str(&tail);
        Fitted { answer, text, kept }
    }

    /// Keeps the rows of `answer` from number `from` on; the name they are kept by.
    fn keep_from(&self, answer: &Answer, from: usize, owner: &str) -> Option<String> {
        let id = id::fresh().inspect_err(|error| tracing::warn!(%error, "rows are not kept")).ok()?;
        let buffer = Buffer::new(self.limits.bytes.0, self.bytes.clone());
        Some(self.keep(Entry::of_answer(id, owner, answer, from, buffer)).id.clone())
    }
}
