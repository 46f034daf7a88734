//! What a run returns, beside its rows: what was seen, what was lost, what was looked at, and which image it was.
//!
//! The shapes here are the outer part of every stream's and snapshot's outputSchema (see [`crate::schema`]); a test
//! holds the two together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use crate::guard::Guarded;
pub use crate::query::top::Top;

/// The whole answer of a stream or snapshot: the structuredContent of a tool call, and `-o json` at the shell.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The rows, as the post-processor wrote them.
    pub rows: Vec<Box<RawValue>>,
    /// Counts and circumstances.
    pub summary: Summary,
    /// Events known to have been dropped, and where.
    pub loss: Loss,
    /// Which image answered.
    pub gadget: Identity,
    /// How to get the rows that did not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Counts and circumstances of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Events (or iterator records) that reached the host.
    pub seen: u64,
    /// Rows that passed the filter.
    pub matched: u64,
    /// Rows that did not.
    pub filtered: u64,
    /// Rows in the answer.
    pub returned: u64,
    /// Rows (or groups) made but left out of the answer because of `max_rows`.
    pub truncated: u64,
    /// Rows that no group holds, for there were too many groups.
    #[serde(skip_serializing_if = "is_zero")]
    pub ungrouped: u64,
    /// The most frequent values of the gadget's key fields, among the rows that passed the filter.
    #[serde(skip_serializing_if = "Top::is_empty")]
    pub top: Top,
    /// How long the programs were attached, in milliseconds.
    pub duration_ms: u64,
    /// Why the run ended.
    pub ended: Ended,
    /// The same counts by node.
    pub by_node: BTreeMap<String, NodeCounts>,
    /// What was looked at: an empty answer is only worth something with this.
    pub looked_at: LookedAt,
    /// What the operator's guard found in the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guarded>,
    /// What the caller should know: a fallback taken, an optional hook that this kernel lacks, log lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Its duration was over, or the snapshot was complete.
    #[default]
    Complete,
    /// `max_rows` was reached and the caller wanted no more.
    MaxRows,
    /// The caller cancelled it.
    Cancelled,
}

/// One node's part of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeCounts {
    /// As [`Summary::seen`].
    pub seen: u64,
    /// As [`Summary::returned`].
    pub returned: u64,
    /// Events lost on this node.
    pub lost: u64,
    /// Why this node's part is missing, or not whole: it could not be reached, refused, was too slow, or went away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a run looked at.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LookedAt {
    /// Containers in scope: names or ids; empty when the run was not scoped to containers.
    pub containers: Vec<String>,
    /// Whether processes outside of containers were in scope.
    pub host: bool,
    /// Programs that were attached.
    pub programs: Vec<Attached>,
    /// Files of programs and libraries with a function that was probed, as the process that had one mapped first calls it;
    /// the first ones, if there are many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_files: u64,
    /// Start of the time window, RFC 3339.
    pub from: String,
    /// End of the time window, RFC 3339.
    pub to: String,
}

/// A program that was attached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attached {
    /// Program name in the object.
    pub program: String,
    /// Where: `tracepoint/syscalls/sys_exit_openat`.
    pub hook: String,
    /// For a program that is attached to functions of programs: in how many files it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
}

/// Events known to have been dropped, by place. `total` is their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Loss {
    /// All of the below.
    pub total: u64,
    /// No room in the kernel's ring buffer, or in a table of the gadget's.
    pub ring: u64,
    /// Given up when the run ended before the ring was read to its end.
    pub unread: u64,
    /// Rows beyond what the post-processor may return.
    pub limits: u64,
    /// Times that the kernel passed one of the programs by, as it would have run within itself or within another on the
    /// same CPU. At most so many events: which they were, and whether they were wanted, nobody knows.
    pub missed: u64,
    /// Rows that a node could not send on, as whoever reads them was too slow, or that were in a node's hands when it went
    /// away and had been counted.
    pub link: u64,
}

impl Loss {
    /// A loss with its sum made.
    pub const fn new(ring: u64, unread: u64, limits: u64) -> Self {
        Self { total: ring + unread + limits, ring, unread, limits, missed: 0, link: 0 }
    }

    /// The same, with programs passed by.
    pub const fn with_missed(self, missed: u64) -> Self {
        Self { total: self.total + missed, missed: self.missed + missed, ..self }
    }

    /// The same, with rows lost between nodes.
    pub const fn with_link(self, link: u64) -> Self {
        Self { total: self.total + link, link: self.link + link, ..self }
    }

    /// Both together.
    pub const fn and(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            ring: self.ring + other.ring,
            unread: self.unread + other.unread,
            limits: self.limits + other.limits,
            missed: self.missed + other.missed,
            link: self.link + other.link,
        }
    }
}

/// Which image answered: fixed before anything of it ran.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// The gadget's name.
    pub name: String,
    /// The gadget's version.
    pub version: String,
    /// The reference it was asked for by.
    pub reference: String,
    /// The digest of its index, `sha256:...`: what was verified and what ran.
    pub digest: String,
    /// Who vouches for it: the policy's rule and the key or identity.
    pub signed_by: String,
}
