//! The contexts of programs: what the kernel hands to each kind.
//!
//! Reading a context never goes wrong at run time: the verifier refuses a program that reads beyond it.

mod btf;
mod foreign;
mod iter;
mod sockets;
mod tracepoint;
mod uprobe;

pub use aya_ebpf::programs::PerfEventContext;
pub use btf::{BtfTracepoint, RawTracepoint};
pub use iter::{Fields, Iter, Object, OpenFile, Sequence};
pub use sockets::Sockets;
pub use tracepoint::Tracepoint;
pub use uprobe::Uprobe;
