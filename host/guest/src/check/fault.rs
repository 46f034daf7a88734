//! What a row or a schema did wrong. The path to the fault is only put together when there is one: the walk's frames
//! add their segment while the fault travels up.

use std::fmt::Write as _;

/// A row that its schema does not describe, or that is no JSON object on a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}{}: wanted {wanted}, found {found}", field(.path))]
pub struct RowError {
    /// Which row of the run, from 1.
    pub row: u64,
    /// Path of the field: `container.name`, `args[3]`; empty for the row itself.
    pub path: String,
    /// What the schema (or JSON) wants there.
    pub wanted: String,
    /// What stands there.
    pub found: String,
}

fn field(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(", field `{path}`") }
}

/// A schema that rows cannot be checked against.
#[derive(Debug, thiserror::Error)]
#[error(
    "the row schema cannot be used: {message}; it must be a JSON Schema 2020-12 that refers to no other document"
)]
pub struct SchemaError {
    /// What is wrong with it, and where.
    pub message: String,
}

/// One step of the path to a fault.
#[derive(Debug)]
pub(super) enum Segment {
    Field(String),
    Index(usize),
}

/// A fault on its way up.
#[derive(Debug)]
pub(super) struct Fault {
    /// Where in the bytes.
    at: usize,
    wanted: String,
    found: Option<String>,
    /// From the inside out.
    path: Vec<Segment>,
}

impl Fault {
    #[cold]
    #[inline(never)]
    pub(super) fn syntax(at: usize, wanted: &str) -> Box<Self> {
        Box::new(Self { at, wanted: wanted.to_owned(), found: None, path: Vec::new() })
    }

    #[cold]
    #[inline(never)]
    pub(super) fn new(at: usize, wanted: impl FnOnce() -> String) -> Box<Self> {
        Box::new(Self { at, wanted: wanted(), found: None, path: Vec::new() })
    }

    /// A fault whose path is a JSON pointer already known.
    pub(super) fn with_path(at: usize, wanted: String, found: String, path: Vec<Segment>) -> Box<Self> {
        Box::new(Self { at, wanted, found: Some(found), path })
    }

    #[cold]
    #[inline(never)]
    pub(super) fn inside(mut self: Box<Self>, segment: Segment) -> Box<Self> {
        self.path.push(segment);
        self
    }
}

/// The error for callers.
pub(super) fn locate(fault: Fault, row: u64, bytes: &[u8]) -> RowError {
    let Fault { at, wanted, found, path } = fault;
    let found = found.unwrap_or_else(|| excerpt(bytes.get(at..).unwrap_or_default()));
    let mut text = String::new();
    for segment in path.iter().rev() {
        match segment {
            Segment::Field(name) if text.is_empty() => text.push_str(&printable(name, 64)),
            Segment::Field(name) => {
                text.push('.');
                text.push_str(&printable(name, 64));
            }
            Segment::Index(index) => {
                let _ = write!(text, "[{index}]");
            }
        }
    }
    RowError { row, path: text, wanted, found }
}

/// The start of what was found, fit for a line of a message.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const LONGEST: usize = 40;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.is_empty() {
        return if bytes.is_empty() { "the end of the output".into() } else { "the end of the line".into() };
    }
    let head = String::from_utf8_lossy(line.get(..LONGEST * 4).unwrap_or(line));
    printable(&head, LONGEST)
}

/// `text` without control characters, cut after `longest` characters.
pub(super) fn printable(text: &str, longest: usize) -> String {
    let mut out: String = text
        .chars()
        .take(longest)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(longest).is_some() {
        out.push('…');
    }
    out
}
