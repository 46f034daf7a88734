//! What the kernel half of a gadget is written against.
//!
//! A gadget's `kernel.rs` declares its programs and fills in its event; everything that is the same for every gadget
//! happens here, so that no gadget can forget it: the common header, the filters, the scope, the ring buffer and the
//! count of what it could not take.
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//! use gadget::prelude::*;
//! mod event;
//!
//! #[gadget::program("tracepoint/sched/sched_process_exit")]
//! fn exit(_: Tracepoint) -> Option<()> {
//!     let mut record = gadget::begin::<event::Exit>()?;
//!     record.set(event::Exit { threads: Task::current().threads() });
//!     record.emit()
//! }
//! ```
//!
//! Rust emits no CO-RE relocations yet. A field of a kernel struct is therefore a read-only global, whose value, the
//! field's offset, the host takes from the running kernel's BTF before it loads the object: see [`kernel`]. As the
//! verifier knows the value of read-only globals, code behind a parameter or filter that is off costs nothing.
#![no_std]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

pub mod context;
pub mod fields;
pub mod filter;
mod header;
pub mod kernel;
pub mod map;
pub mod param;
mod path;
pub mod program;
pub mod raw;
mod record;
mod ring;
mod runtime;
mod small;
pub mod socket;
mod strings;
pub mod syscall;
pub mod table;
mod task;

pub use aya_ebpf;
pub use filter::{wanted, wanted_of};
pub use gadget_abi::{Flow, Header, Plain, event, flow};
pub use gadget_ebpf_macros::program;
pub use header::{header_of, header_of_current};
pub use path::Path;
pub use record::{Piece, Record, Strings, begin, begin_for, begin_with};
pub use small::{emit, emit_current, emit_with};
pub use socket::{Socket, fields as socket_fields, unowned::begin_unowned};
pub use task::Task;

/// What a `kernel.rs` needs by name.
pub mod prelude {
    pub use crate::context::{
        BtfTracepoint, Iter, OpenFile, PerfEventContext, RawTracepoint, Sockets, Tracepoint, Uprobe,
    };
    pub use crate::kernel::{Addr, Btf};
    pub use crate::map::Slot;
    pub use crate::syscall::Syscall;
    pub use crate::{Flow, Path, Piece, Record, Socket, Strings, Task};
}
