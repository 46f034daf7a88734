//! What is told of a Gadget object, as its definition has it.

use serde::{Deserialize, Serialize};

/// The status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// Of which spec this is.
    pub observed_generation: i64,
    /// The image that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Who vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Events known to be lost, on all nodes, since this spec is kept.
    pub loss: u64,
    /// When it was last started, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<String>,
    /// The nodes it runs on.
    pub nodes: Nodes,
    /// How it is, each condition once.
    pub conditions: Vec<Condition>,
}

/// Counts of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Nodes {
    /// Those it should run on.
    pub matching: u32,
    /// Those it runs on now.
    pub running: u32,
    /// Those it cannot run on, or on which it failed at last.
    pub failed: u32,
}

/// How an object is, in one respect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// In which respect.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Of which spec this is.
    pub observed_generation: i64,
    /// Since when it is so, RFC 3339.
    pub last_transition_time: String,
    /// Why, in a word.
    pub reason: String,
    /// Why, and what to do.
    pub message: String,
}
