//! The post-processor: a check of a capability to a row, its numbers by name.
//!
//! `unique` remembers what it has shown in two generations, so that the memory is bounded and still most of what was
//! shown lately is remembered: when the younger one is full, it takes the place of the older.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use std::{borrow::Cow, collections::BTreeSet};

use event::Check;
use gadget::{
    Common, Context, Event, Failure, Gadget, Rows,
    linux::{Capability, Syscalls},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Only checks that were refused.
    pub denied_only: bool,
    /// Each capability and answer only once per process.
    pub unique: bool,
    /// Only checks that the kernel would log. Needs a kernel that allows fexit programs: others do not tell.
    pub audit_only: bool,
}

/// One check.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten, show("uid"))]
    common: Common<'a>,
    /// The capability.
    capability: Capability,
    /// Whether the task has it.
    allowed: bool,
    /// The system call at that moment; absent outside of one (a fault, a kernel thread) and in 32-bit programs.
    syscall: Option<Cow<'static, str>>,
    /// Whether the kernel would log a use or refusal; absent where the kernel only offers the tracepoint.
    #[column(hidden)]
    audit: Option<bool>,
    /// Whether setuid or a call like it asks; absent where the kernel only offers the tracepoint.
    #[column(hidden)]
    insetid: Option<bool>,
    /// Inode number of the user namespace in which the capability is wanted.
    #[column(hidden)]
    target_userns: u32,
    /// Inode number of the task's user namespace.
    #[column(hidden)]
    userns: u32,
}

/// Most checks remembered by each of the two generations.
const REMEMBERED: usize = 32_768;

/// Process, capability, and whether it was refused.
type Key = (u32, u32, bool);

pub struct TraceCapabilities {
    params: Params,
    calls: Syscalls,
    younger: BTreeSet<Key>,
    older: BTreeSet<Key>,
}

impl TraceCapabilities {
    /// Whether it was shown before, as far as is remembered.
    fn known(&mut self, key: Key) -> bool {
        if self.older.contains(&key) || self.younger.contains(&key) {
            return true;
        }
        if self.younger.len() == REMEMBERED {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(key);
        false
    }
}

impl Gadget for TraceCapabilities {
    type Params = Params;
    type Event = Check;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        let calls = Syscalls::new(context.arch);
        Ok(Self { params: context.params, calls, younger: BTreeSet::new(), older: BTreeSet::new() })
    }

    fn event(&mut self, event: &Event<'_, Check>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let check = event.data;
        let options = (check.options != event::OPTIONS_UNKNOWN).then_some(check.options);
        if self.params.audit_only && options.is_none() {
            return Err(Failure::of(
                "audit_only",
                "this kernel does not tell whether a check would be logged: it allows no fexit program on \
                 cap_capable; leave the parameter out",
            ));
        }
        if self.params.unique && self.known((event.header.pid, check.capability, check.ret != 0)) {
            return Ok(());
        }
        let syscall = (check.syscall != event::NO_SYSCALL).then(|| self.calls.name(check.syscall));
        rows.push(&Row {
            common: event.common(),
            capability: Capability(check.capability),
            allowed: check.ret == 0,
            syscall,
            audit: options.map(|options| options & event::NO_AUDIT == 0),
            insetid: options.map(|options| options & event::IN_SET_ID != 0),
            target_userns: check.target_namespace,
            userns: check.namespace,
        });
        Ok(())
    }
}

gadget::export!(stream TraceCapabilities);

#[cfg(test)]
mod tests;
