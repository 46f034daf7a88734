//! The row checker: every row a post-processor returns is checked here before anyone sees it.
//!
//! A gadget's rows are foreign data, and an MCP client is promised rows that its outputSchema describes. So each one
//! is validated, at the speed of the pump: the schema is compiled once into a small table, and one pass over the
//! bytes checks the JSON syntax, the schema and where the row ends, without building values and without allocating.
//! That covers the keywords which schemas made from Rust types use. A schema with others is given to the
//! `jsonschema` crate, on parsed values, which is right as well but some ten times slower; which of the two it is
//! gets decided once, and [`RowChecker::slow_because`] says so.
//!
//! Stricter than JSON Schema asks: a row is an object, on one line, ended by a newline, in UTF-8, with no declared
//! field twice and nothing nested deeper than [`MAX_DEPTH`].

mod compile;
mod fault;
mod scan;
mod slow;
mod table;
mod walk;

use serde_json::Value;

use self::fault::{Fault, locate};
pub use self::fault::{RowError, SchemaError};
use self::scan::Space;
use self::slow::Slow;
use self::table::Table;
use self::walk::Walk;

/// Arrays and objects in a row may be nested this deep.
pub const MAX_DEPTH: u32 = 64;

/// Checks rows against one schema.
#[derive(Debug)]
pub struct RowChecker {
    rules: Rules,
}

#[derive(Debug)]
enum Rules {
    Fast(Table),
    Slow { validator: Box<Slow>, because: String },
}

impl RowChecker {
    /// A checker for rows (or the answer of a tool) that `schema`, a JSON Schema 2020-12, describes.
    ///
    /// # Errors
    /// When it is no valid schema, or refers to another document: nothing is ever fetched.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        let rules = match compile::table(schema) {
            Ok(table) => Rules::Fast(table),
            Err(because) => Rules::Slow { validator: Box::new(Slow::new(schema)?), because },
        };
        Ok(Self { rules })
    }

    /// A checker that wants rows to be JSON objects and nothing more.
    pub fn any_object() -> Self {
        Self { rules: Rules::Fast(Table::any()) }
    }

    /// Whether the schema could be compiled to a table.
    pub fn is_fast(&self) -> bool {
        self.slow_because().is_none()
    }

    /// What in the schema keeps it from being compiled to a table.
    pub fn slow_because(&self) -> Option<&str> {
        match &self.rules {
            Rules::Fast(_) => None,
            Rules::Slow { because, .. } => Some(because),
        }
    }

    /// The rows of `lines`, each without its newline, checked one by one. Ends after the first error. `before`: rows
    /// that came earlier, so that errors count from the run's first.
    pub fn rows<'a>(&'a self, lines: &'a [u8], before: u64) -> CheckedRows<'a> {
        let text = valid_text(lines);
        CheckedRows { rules: &self.rules, lines, text, at: 0, row: before }
    }

    /// Checks the one JSON object that a tool answers with; it may be spread over lines.
    ///
    /// # Errors
    /// As [`Self::rows`]; the row is 1.
    pub fn answer(&self, json: &[u8]) -> Result<(), RowError> {
        let text = valid_text(json);
        check_row(&self.rules, json, text, 0, Space::WithNewlines)
            .and_then(|end| {
                if end == json.len() { Ok(()) } else { Err(Fault::syntax(end, "the end of the answer")) }
            })
            .map_err(|fault| locate(*fault, 1, json))
    }
}

/// See [`RowChecker::rows`].
#[derive(Debug)]
pub struct CheckedRows<'a> {
    rules: &'a Rules,
    lines: &'a [u8],
    /// How much of `lines` is UTF-8.
    text: usize,
    at: usize,
    row: u64,
}

impl CheckedRows<'_> {
    /// Bytes of the rows given so far, newlines included.
    pub fn bytes(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for CheckedRows<'a> {
    type Item = Result<&'a [u8], RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.lines.len() {
            return None;
        }
        self.row += 1;
        let start = self.at;
        let checked =
            check_row(self.rules, self.lines, self.text, start, Space::NoNewlines).and_then(|end| match self
                .lines
                .get(end)
            {
                Some(b'\n') => Ok(end),
                _ => Err(Fault::syntax(end, "a newline at the end of the row")),
            });
        match checked {
            Ok(end) => {
                self.at = end + 1;
                Some(Ok(&self.lines[start..end]))
            }
            Err(fault) => {
                self.at = self.lines.len();
                Some(Err(locate(*fault, self.row, self.lines)))
            }
        }
    }
}

impl std::iter::FusedIterator for CheckedRows<'_> {}

/// Checks the row that starts at `start` and returns where it ends, trailing space skipped.
#[inline]
fn check_row(
    rules: &Rules,
    bytes: &[u8],
    text: usize,
    start: usize,
    space: Space,
) -> Result<usize, Box<Fault>> {
    let end = match rules {
        Rules::Fast(table) => Walk::new(table, bytes, space).row(start)?,
        Rules::Slow { validator, .. } => {
            // The scanner decides what is JSON in both cases, so that the two agree on it.
            let end = Walk::new(&Table::any(), bytes, space).row(start)?;
            validator.check(&bytes[start..end.min(text)], start)?;
            end
        }
    };
    if end > text {
        return Err(Fault::syntax(text, "UTF-8"));
    }
    Ok(end)
}

/// Length of the longest prefix that is UTF-8. Checked for all rows at once: that is faster by far than row by row,
/// and the scanner need not think of it.
fn valid_text(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) => error.valid_up_to(),
    }
}
