//! The kernel half of a run: loads, attaches and reads the eBPF programs of a gadget.
//!
//! The work is split by when it is paid. [`Kernel::new`], once per process: what the kernel and this process bring.
//! [`Kernel::prepare`], once per gadget: its object is checked, and everything that depends on this kernel is written
//! into it. [`Kernel::attach`], once per run: the run's constants are written into a copy, which is loaded and
//! attached; a few milliseconds. Then one thread reads events with a [`Reader`].
//!
//! This crate is the only one that knows aya. It takes any object that follows the names of `gadget_abi::names`,
//! written in Rust or in C.
//!
//! Invariants: nothing stays attached when an [`Attached`] is dropped. Programs that a run does not use are not
//! loaded. Every event is read or counted as lost. An error says what was wanted, what the kernel said, and what to
//! do.

mod attached;
mod btf;
mod co_re;
mod environment;
mod iterator;
mod kernel;
mod prepare;
mod program;
mod reader;
mod refusal;
mod scope;
mod settings;
mod starting;
mod sys;
mod table;
mod unused;
mod uprobe;

pub use attached::{AttachError, Attached, AttachedProgram, MissingHook};
pub use btf::{BtfError, KernelTypes, field::FieldError};
pub use environment::KernelError;
pub use iterator::ReadError;
pub use kernel::Kernel;
pub use prepare::{Enums, PrepareError, Prepared};
pub use reader::{Reader, Waker, Woken};
pub use refusal::{Refusal, Refused};
pub use scope::Scope;
pub use settings::{Filter, RING_BYTES, Settings, SettingsError};
pub use sys::page_bytes;
pub use table::Table;
pub use uprobe::Probed;

/// A run moves these between threads; one kernel serves all runs.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    const fn moved<T: Send>() {}
    shared::<Kernel>();
    shared::<KernelTypes>();
    shared::<Prepared>();
    moved::<Attached>();
    moved::<Reader>();
    moved::<Scope>();
};
