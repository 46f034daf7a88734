//! One execution of a gadget: load, attach, pump, enrich, post-process, rows.
//!
//! This crate is the only one that knows both halves of a gadget. Above it stand the MCP front and the command line,
//! which know descriptors, the [`catalog::Catalog`] and the [`fleet::Fleet`]; below it the kernel, the guest and the
//! containers, which know nothing of each other.

pub mod agent;
pub mod answer;
pub mod arguments;
pub mod catalog;
mod clock;
mod cpu;
pub mod encode;
mod execute;
pub mod flame;
pub mod fleet;
mod frame;
pub mod gadget;
mod gather;
pub mod guard;
pub mod log;
pub mod node;
mod pump;
pub mod query;
pub mod request;
mod rows;
pub mod runs;
pub mod schema;
mod scope;
mod stop;
pub mod supply;
mod symbols;
mod text;

pub use gadgetry_lend::Options as Lending;
