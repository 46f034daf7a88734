//! One log line for each tool call: which tool, who called it, a digest of its arguments, how it ended, how long it took.
//!
//! Arguments are never logged: they hold paths, user ids and search terms. The digest is over their canonical form
//! (object keys sorted, no white space), so that equal calls can be told to be equal, and is cut to 12 hex digits.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With an answer.
    Ok,
    /// An argument was at fault.
    Argument,
    /// The gadget or the kernel failed.
    Failed,
    /// The caller, or the end of this process, cancelled it.
    Cancelled,
    /// With a protocol error: there is no such tool, or it is not offered.
    Refused,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Argument => "argument",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }
}

/// The line of one call, from its start.
pub(crate) struct Line {
    tool: String,
    who: Arc<str>,
    arguments: String,
    start: Instant,
}

impl Line {
    /// Starts the clock. `tool` may be anything a client sent, so it is cut to the length of a real name.
    pub(crate) fn start(tool: &str, who: Arc<str>, arguments: Option<&Map<String, Value>>) -> Self {
        let arguments = digest(arguments.unwrap_or(&Map::new()));
        Self { tool: cut(tool).to_owned(), who, arguments, start: Instant::now() }
    }

    /// Writes the line.
    pub(crate) fn end(self, outcome: Outcome) {
        let Self { tool, who, arguments, start } = self;
        let ms = start.elapsed().as_millis();
        tracing::info!(tool, %who, arguments, outcome = outcome.word(), ms, "tool call");
    }
}

/// At most 64 bytes of a name that a client sent: the longest a tool's name can be.
pub(crate) fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(64)]
}

fn digest(arguments: &Map<String, Value>) -> String {
    let mut canonical = Value::Object(arguments.clone());
    canonical.sort_all_objects();
    let hash = Sha256::digest(canonical.to_string());
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> String {
        digest(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn the_digest_is_over_the_canonical_form() {
        assert_eq!(of(r#"{"a":1,"b":{"x":[1,2],"y":null}}"#), of(r#"{ "b":{"y":null,"x":[1,2]},"a":1 }"#));
        assert_ne!(of(r#"{"a":[1,2]}"#), of(r#"{"a":[2,1]}"#));
        // sha256 of "{}".
        assert_eq!(of("{}"), "44136fa355b3");
    }

    #[test]
    fn a_foreign_name_is_cut_at_a_character() {
        assert_eq!(cut("trace_open"), "trace_open");
        assert_eq!(cut(&"é".repeat(40)).len(), 64);
        assert_eq!(cut(&format!("a{}", "é".repeat(40))).len(), 63);
    }
}
