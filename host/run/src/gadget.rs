//! A gadget that has been pulled, verified, compiled and checked, and so can run at once.

use std::sync::Arc;

use gadget_registry::descriptor::{Annotations, Descriptor, Kind};
use serde_json::{Map, Value};

use crate::answer::Identity;

/// A gadget ready to run.
pub struct Gadget {
    /// Which image it is.
    pub identity: Identity,
    /// Everything the image says of itself.
    pub descriptor: Descriptor,
    /// Its tools, in the descriptor's order.
    pub tools: Vec<Tool>,
    /// Its README, Markdown, if the image has one.
    pub readme: Option<String>,
}

/// One tool as callers see it.
pub struct Tool {
    /// Unique in a catalogue.
    pub name: String,
    /// A line for people.
    pub title: String,
    /// For the model.
    pub description: String,
    /// The gadget's own parameters and the common ones.
    pub input_schema: Arc<Map<String, Value>>,
    /// What an answer looks like.
    pub output_schema: Arc<Map<String, Value>>,
    /// As [`Self::input_schema`], for a list that a model reads as a whole; see [`crate::schema::brief_input`].
    pub brief_input: Arc<Map<String, Value>>,
    /// As [`Self::output_schema`], for the same: the names of the gadget's own fields.
    pub brief_output: Arc<Map<String, Value>>,
    /// The MCP hints.
    pub annotations: Annotations,
    /// The gadget's shape: for [`Kind::Tool`] the structured answer is the gadget's own.
    pub kind: Kind,
}
