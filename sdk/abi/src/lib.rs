//! The bytes that the three parties of a gadget share: the kernel half writes them, the host frames and enriches
//! them, the post-processor decodes them. They stand here once, without dependencies, because each party is
//! compiled for another target (bpf, the node, wasm32) and a layout written twice is a layout that drifts.
//!
//! Everything is little-endian: the host refuses to run on a big-endian machine.
#![no_std]

pub mod batch;
pub mod event;
pub mod flow;
pub mod histogram;
pub mod names;

pub use event::{Header, Plain};
pub use flow::Flow;
