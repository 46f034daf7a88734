//! What a caller asks for: the gadget's own parameters, and the common ones that every stream or snapshot takes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::query::Query;

/// How long a stream runs when the caller says nothing.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(10);
/// The longest foreground run.
pub const MAX_DURATION: Duration = Duration::from_secs(3600);
/// How many rows an answer holds when the caller says nothing.
pub const DEFAULT_MAX_ROWS: u64 = 1_000;
/// The most rows an answer may hold.
pub const MAX_MAX_ROWS: u64 = 100_000;
/// Size of the kernel's ring buffer when the caller says nothing, in bytes.
pub const DEFAULT_RING_BYTES: u32 = 4 << 20;

/// A validated request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The gadget's own parameters, defaults filled in.
    pub params: Map<String, Value>,
    /// How long to look; `None` for as long as the caller stays. Ignored by snapshots.
    pub duration: Option<Duration>,
    /// Rows wanted; further ones are counted, not kept. `None` for all (the shell).
    pub max_rows: Option<u64>,
    /// Whether the run ends with the last row wanted, or goes on counting. A person who asks for ten rows wants the
    /// former, an assistant the latter.
    pub end_at_max_rows: bool,
    /// Which tasks are wanted.
    pub filter: TaskFilter,
    /// Containers wanted, by name or id prefix; empty for everything.
    pub containers: Vec<String>,
    /// Size of the kernel's ring buffer in bytes.
    pub ring_bytes: Option<u32>,
    /// Which rows are wanted, and how: filtered, grouped, sorted, with which fields.
    pub query: Arc<Query>,
    /// Whether the summary tells the most frequent values; counting them costs a little for each row.
    pub summarize: bool,
}

/// The well-known filters, applied in the kernel.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Process id.
    pub pid: Option<u32>,
    /// Thread id.
    pub tid: Option<u32>,
    /// User id.
    pub uid: Option<u32>,
    /// Group id.
    pub gid: Option<u32>,
    /// Thread name.
    pub comm: Option<String>,
}
