//! The post-processor half of a run: WASM components under wasmtime, and the check of every row they return.
//!
//! A component is somebody else's code, and its rows are somebody else's data. It gets no WASI: it computes, and
//! calls what its permissions import. It runs under a deadline for each call, a cap on memory and
//! caps on what it returns; a component that breaks one of them ends its own run, with a message that says what it
//! did, and nothing else. Its rows pass the [`check`] before anyone sees them.
//!
//! - [`Runtime`]: one for the process; compiles components, and keeps the compiled form in a folder.
//! - [`Component`]: compiled, linked and looked over; ready to be opened any number of times.
//! - [`Guest`]: one instance, for one run.
//!
//! This is the only crate that knows wasmtime.

mod cache;
pub mod check;
mod component;
mod error;
mod guest;
mod instance;
pub mod lent;
mod limits;
mod load;
mod log;
mod runtime;
mod secrets;
mod symbols;
mod ticker;
mod wire;

pub use crate::check::{RowChecker, RowError, SchemaError};
pub use crate::component::{Component, Origin, Shape};
pub use crate::error::{CompileError, GuestError, RuntimeError};
pub use crate::guest::{Guest, Output};
pub use crate::lent::Lent;
pub use crate::limits::{Counts, Limits};
pub use crate::log::{Level, LogLine};
pub use crate::runtime::{Config, Runtime};
pub use crate::secrets::SHORTEST as SHORTEST_SECRET;
pub use crate::symbols::Symbols;
