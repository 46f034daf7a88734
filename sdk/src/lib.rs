//! What a post-processor is written against: the WASM half of a gadget, which turns the kernel half's events to rows.
//!
//! Three structs make one: the event (shared with the kernel half, [`event!`]), the parameters (`#[derive(Params)]`)
//! and the row (`#[derive(Row)]`). From them follow the decoding, the tool's inputSchema and outputSchema, and the
//! columns at the shell. What remains is a function from event to row:
//!
//! ```
//! # extern crate gadget_sdk as gadget;
//! use gadget::{Common, Context, Event, Failure, Gadget, Rows, Text};
//!
//! gadget::event! {
//!     /// A file was unlinked; the tail is its path.
//!     pub struct Unlink { pub ret: i32, pub path_len: u32 }
//! }
//!
//! #[derive(gadget::Params)]
//! pub struct Params {
//!     /// Also show attempts that failed.
//!     pub failed: bool,
//! }
//!
//! #[derive(gadget::Row)]
//! pub struct Row<'a> {
//!     #[row(flatten)]
//!     common: Common<'a>,
//!     /// The path, as given to the call.
//!     #[column(width = 40)]
//!     path: Text<'a>,
//!     /// The error, when it failed.
//!     error: Option<gadget::linux::Errno>,
//! }
//!
//! struct TraceUnlink;
//!
//! impl Gadget for TraceUnlink {
//!     type Params = Params;
//!     type Event = Unlink;
//!     type Row<'a> = Row<'a>;
//!
//!     fn start(_: Context<Params>) -> Result<Self, Failure> {
//!         Ok(Self)
//!     }
//!
//!     fn event(&mut self, event: &Event<'_, Unlink>, rows: &mut Rows<Self>) -> Result<(), Failure> {
//!         let path = event.parts().text(event.data.path_len)?;
//!         rows.push(&Row { common: event.common(), path, error: gadget::linux::errno(event.data.ret) });
//!         Ok(())
//!     }
//! }
//!
//! gadget::export!(stream TraceUnlink);
//! # fn main() {}
//! ```
//!
//! The same code compiles natively, so a post-processor is tested by plain `cargo test`, with [`testing`] to build
//! batches. Only for wasm32 does [`export!`] make a component of it.
//!
//! A gadget names this crate `gadget` in its manifest; the derives rely on that name.

pub mod clock;
mod common;
pub mod config;
mod context;
mod decode;
pub mod describe;
mod export;
mod failure;
mod gadget;
pub mod guard;
pub mod histogram;
pub mod http;
mod json;
pub mod linux;
pub mod log;
pub mod net;
pub mod params;
mod plain;
pub mod random;
pub mod row;
pub mod run;
mod schema;
pub mod store;
pub mod symbols;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod text;
pub mod top;
mod value;

pub use gadget_abi::{Flow, Header, Plain, event, flow};
pub use gadget_sdk_macros::{Choice, Params, Row, tool};
pub use schemars;
pub use serde;
pub use serde_json;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub use {gadget_sdk_macros::__bindings, wit_bindgen};

pub use crate::{
    clock::{Clock, Timestamp},
    common::{Common, Container, Kept},
    context::Context,
    decode::{Event, Tail},
    describe::{Described, DescribedTool, Kind},
    failure::Failure,
    gadget::{Gadget, Reduce, Tool},
    params::{Param, Params},
    row::{Column, Row, Rows},
    run::rows,
    schema::Schema,
    text::Text,
    value::{List, Serde, Value},
};
