//! The MCP front: the catalogue as tools, and tool calls as runs.
//!
//! It knows descriptors and the fleet and nothing below them; the crates below know nothing of MCP. This is the only
//! crate that uses the protocol's SDK, so that a new revision of the protocol is a change here and nowhere else.
//!
//! Both eras of the protocol are served on both transports: the one with an `initialize` handshake and sessions, and
//! the stateless one, where each request carries its own metadata. [`Server`] is written once for both; what differs
//! is how a client hears that the list of tools has changed ([`peers`] for sessions, `subscriptions/listen` for the
//! rest) and how it says that it no longer wants an answer.

pub mod access;
mod audit;
pub mod beside;
mod caller;
mod compact;
mod complete;
mod desk;
mod flame;
mod handler;
pub mod http;
pub mod lifecycle;
mod listing;
mod options;
mod owner;
mod peers;
mod progress;
mod prompts;
mod reply;
mod resources;
mod runs;
mod server;
pub mod stdio;
mod tasks;

pub use caller::Caller;
pub use desk::Beyond;
pub use options::{Mode, Options, UnknownTool};
pub use rmcp::model::Tool as Listed;
pub use server::Server;
