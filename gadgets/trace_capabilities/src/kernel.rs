//! Checks of capabilities, where the kernel decides them.
#![no_std]
#![no_main]

use gadget::prelude::*;

mod event;
use event::Check;

gadget::params! {
    /// Only what was refused.
    denied_only: bool,
    /// Only checks that the kernel would log.
    audit_only: bool,
}

gadget::kernel_field! {
    static USER_NAMESPACE: cred.user_ns => Addr;
    static NAMESPACE_NUMBER: user_namespace.ns.inum => u32;
}

/// Arguments: credentials, namespace, capability, options; then the result.
#[gadget::program("fexit/cap_capable")]
fn function(ctx: BtfTracepoint) -> Option<()> {
    let options = ctx.number::<u64>(3) as u32;
    if params::audit_only() && options & event::NO_AUDIT != 0 {
        return None;
    }
    check(ctx.number(0), ctx.number(1), ctx.number::<u64>(2) as u32, options, ctx.number::<u64>(4) as i32)
}

/// Arguments: credentials, namespace, the namespace in which it is had, capability, result.
#[gadget::program("tp_btf/cap_capable")]
fn tracepoint(ctx: BtfTracepoint) -> Option<()> {
    let (capability, ret) = (ctx.number::<u64>(3) as u32, ctx.number::<u64>(4) as i32);
    check(ctx.number(0), ctx.number(1), capability, event::OPTIONS_UNKNOWN, ret)
}

#[inline(always)]
fn check(credentials: u64, namespace: u64, capability: u32, options: u32, ret: i32) -> Option<()> {
    if params::denied_only() && ret == 0 {
        return None;
    }
    let mut record = gadget::begin::<Check>()?;
    let task = Task::current();
    let syscall = if task.is_kernel_thread() { None } else { Syscall::current().number() };
    let own = USER_NAMESPACE.read_or_zero(Addr::new(credentials));
    record.set(Check {
        capability,
        ret,
        options,
        syscall: syscall.unwrap_or(event::NO_SYSCALL),
        target_namespace: NAMESPACE_NUMBER.read_or_zero(Addr::new(namespace)),
        namespace: NAMESPACE_NUMBER.read_or_zero(own),
    });
    record.emit()
}
