//! The descriptor: everything the host needs to know of a gadget without running it.
//!
//! It is produced once, at build, from `gadget.toml` (what one edits without touching code) and from the
//! component's own `describe` (what follows from its Rust types), stored as the image's config, and so covered by
//! the signature. Listing tools reads descriptors and nothing else.

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod validate;

pub use validate::{Invalid, MAX_DESCRIPTION, RESERVED_PARAMS};

/// Version of this document's shape; a host refuses one it does not know.
pub const DESCRIPTOR_VERSION: u32 = 1;

/// What a gadget is, says and needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// [`DESCRIPTOR_VERSION`].
    pub descriptor: u32,
    /// The WIT package the component was built against: `gadgetry:gadget@0.1.0`.
    pub contract: String,
    /// Short name, also the tool's name for streams and snapshots: `[a-z][a-z0-9_]{0,47}`.
    pub name: String,
    /// Version of the gadget, from its Cargo package.
    pub version: String,
    /// A line for people.
    pub title: String,
    /// What it shows and when to reach for it; under 1,024 bytes, the key facts first.
    pub description: String,
    /// The shape of the gadget.
    pub kind: Kind,
    /// Whether the component exports `merge`.
    #[serde(default)]
    pub merge: bool,
    /// The tools it offers: exactly one for a stream or snapshot.
    pub tools: Vec<Tool>,
    /// Which eBPF programs to attach, in groups of alternatives; empty for a tool.
    #[serde(default)]
    pub hooks: Vec<Hook>,
    /// What it may use; checked against the eBPF object and the component before anything is loaded.
    pub permissions: Permissions,
    /// Prompts it offers.
    #[serde(default)]
    pub prompts: Vec<Prompt>,
    /// Where it comes from, for people.
    #[serde(default)]
    pub links: Links,
}

/// The three shapes of a gadget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// eBPF events to rows, for a time.
    Stream,
    /// One look at the kernel's state.
    Snapshot,
    /// A call in, an answer out; no eBPF.
    Tool,
}

/// One tool: what it takes, what it returns, how a person reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Tool name: `[a-z][a-z0-9_.-]{0,63}`.
    pub name: String,
    /// A line for people.
    pub title: String,
    /// As [`Descriptor::description`].
    pub description: String,
    /// JSON Schema (2020-12) of the gadget's own parameters; the host adds the common ones. An object schema
    /// without `$ref` to other documents.
    pub params: Value,
    /// JSON Schema of one row (stream, snapshot) or of the answer (tool).
    pub row: Value,
    /// How rows are shown as columns, in order. Empty for a tool.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// The MCP hints; for a stream or snapshot these are fixed by the host.
    #[serde(default)]
    pub annotations: Annotations,
}

/// The four MCP tool hints, all explicit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annotations {
    /// It changes nothing.
    pub read_only: bool,
    /// What it changes may be lost.
    pub destructive: bool,
    /// Calling it again changes nothing more.
    pub idempotent: bool,
    /// It reaches beyond this system.
    pub open_world: bool,
}

impl Default for Annotations {
    fn default() -> Self {
        Self { read_only: true, destructive: false, idempotent: true, open_world: false }
    }
}

/// One column at the shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The row's field; dotted for a nested one: `container.name`.
    pub field: String,
    /// Heading; upper case by custom.
    pub title: String,
    /// Preferred width in characters.
    pub width: u16,
    /// Numbers stand to the right.
    #[serde(default)]
    pub right: bool,
    /// Only shown when asked for.
    #[serde(default)]
    pub hidden: bool,
}

/// A group of programs of which the host attaches one: the first that this kernel allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// What the group does, for messages: `open`.
    pub name: String,
    /// Program names, the preferred first.
    pub prefer: Vec<String>,
    /// Attach only when this boolean parameter is true; or, of `library=go`, when this parameter has that value or is not
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// A kernel that allows none of them runs the gadget without, and the result says so.
    #[serde(default)]
    pub optional: bool,
}

/// What a gadget may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Permissions {
    /// eBPF program types: `tracepoint`, `tp_btf`, `raw_tracepoint`, `iter`, `uprobe`, `kprobe`, `perf_event`, ...
    pub programs: Vec<String>,
    /// Helpers that change what other programs see (`bpf_probe_write_user`, ...); refused unless named here and
    /// allowed by the policy.
    pub helpers: Vec<String>,
    /// Host interfaces the component imports: `log`, `symbols`.
    pub imports: Vec<String>,
}

/// A prompt template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Name, as a tool's.
    pub name: String,
    /// A line for people.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<PromptArgument>,
    /// The text; `{{name}}` stands for an argument.
    pub text: String,
}

/// An argument of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptArgument {
    /// Its name.
    pub name: String,
    /// What to put there.
    pub description: String,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
}

/// Where a gadget comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Links {
    /// Home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Source repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// License, an SPDX expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
}

/// What a component's `describe` export returns, as JSON: the part of the descriptor that follows from Rust types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    /// As in [`Descriptor::contract`].
    pub contract: String,
    /// The shape its traits give it.
    pub kind: Kind,
    /// Whether it exports `merge`.
    pub merge: bool,
    /// Its tools: one for a stream or snapshot, whose `name` is empty (the gadget's name is used).
    pub tools: Vec<DescribedTool>,
}

/// One tool as its types describe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedTool {
    /// Empty for a stream or snapshot.
    pub name: String,
    /// From the doc comment, for a tool; empty for a stream or snapshot.
    pub description: String,
    /// As [`Tool::params`].
    pub params: Value,
    /// As [`Tool::row`].
    pub row: Value,
    /// As [`Tool::columns`].
    pub columns: Vec<Column>,
}

#[cfg(test)]
pub(crate) mod tests;
