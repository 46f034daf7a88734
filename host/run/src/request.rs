//! What a caller asks for: the gadget's own parameters, and the common ones that every stream or snapshot takes.

use std::sync::Arc;
use std::time::Duration;

use gadgetry_enrich::Labels;
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

/// The namespaces that a caller may see; `None` for all of them, and the hosts too.
pub type Allowed = Option<Arc<[String]>>;

/// A validated request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Name of the gadget's tool.
    pub tool: String,
    /// The arguments as they were checked, for nodes elsewhere, which check them again.
    pub given: Map<String, Value>,
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
    /// Containers wanted; nothing given means everything.
    pub scope: Scope,
    /// Nodes wanted, by name; empty for all.
    pub nodes: Vec<String>,
    /// Namespaces that the caller may see: what happens elsewhere is kept from it whatever the gadget does.
    pub allowed: Allowed,
    /// Whether this is one node's part, of which whoever asks makes the answer: neither grouped nor sorted, with all fields,
    /// and, of a gadget that merges, unfiltered.
    pub part: bool,
    /// Size of the kernel's ring buffer in bytes.
    pub ring_bytes: Option<u32>,
    /// Which rows are wanted, and how: filtered, grouped, sorted, with which fields.
    pub query: Arc<Query>,
    /// Whether the summary tells the most frequent values; counting them costs a little for each row.
    pub summarize: bool,
}

impl Request {
    /// What each of several nodes is asked: what `merges` or is told of all rows together is not done on the node.
    pub fn to_part(&self, merges: bool) -> Self {
        let whole = merges || self.query.at_end();
        Self {
            query: Arc::new(if merges { Query::default() } else { self.query.before() }),
            max_rows: if whole { None } else { self.max_rows },
            end_at_max_rows: self.end_at_max_rows && !whole,
            summarize: false,
            part: true,
            ..self.clone()
        }
    }
}

/// Which containers are wanted: what is given must hold all together, of each list one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Names, ids or beginnings of ids.
    pub containers: Vec<String>,
    /// Pods, by name.
    pub pods: Vec<String>,
    /// Namespaces of pods.
    pub namespaces: Vec<String>,
    /// Labels of pods.
    pub labels: Option<Labels>,
}

impl Scope {
    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
