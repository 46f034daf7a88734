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
}

impl<R: Runner> Runs<R> {
    /// Cuts `answer` to `budget` bytes of text. Rows that do not fit are kept for `owner`, and the cursor gets them.
    pub fn fit(&self, mut answer: Answer, owner: &str, budget: usize) -> Fitted {
        let tail = text::tail(&answer.summary, &answer.loss, &answer.gadget);
        let room = budget.saturating_sub(tail.len() + LINES).max(LEAST.min(budget));
        let encoded = encode(&answer.rows, Encoding::default(), room);
        let mut text = encoded.text;
        if encoded.too_large > 0 {
            text.push_str(&too_large(encoded.too_large));
        }
        let left = answer.rows.len() - encoded.rows;
        if left > 0 {
            answer.cursor = self.left_out(&answer, encoded.rows, owner);
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
        Fitted { answer, text }
    }

    /// Keeps the rows of `answer` from number `from` on; their cursor.
    fn left_out(&self, answer: &Answer, from: usize, owner: &str) -> Option<String> {
        let id = id::fresh().inspect_err(|error| tracing::warn!(%error, "rows are not kept")).ok()?;
        let buffer = Buffer::new(self.limits.bytes.0, self.bytes.clone());
        let entry = self.keep(Entry::of_answer(id, owner, answer, from, buffer));
        Some(id::cursor(&entry.id, 0))
    }
}
