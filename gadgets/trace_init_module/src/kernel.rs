//! Calls that load or remove a module, at their exit. See `gadget::syscall` for why there is no program at the entry.
#![no_std]
#![no_main]

use gadget::{prelude::*, syscall::number};

mod event;
use event::Module;

gadget::params! {
    /// Only calls that failed.
    failed: bool,
}

#[gadget::program("tracepoint/syscalls/sys_exit_init_module")]
fn init_module(ctx: Tracepoint) -> Option<()> {
    exit(event::CALL_INIT, ctx.ret() as i32)
}

#[gadget::program("tracepoint/syscalls/sys_exit_finit_module")]
fn finit_module(ctx: Tracepoint) -> Option<()> {
    exit(event::CALL_FINIT, ctx.ret() as i32)
}

#[gadget::program("tracepoint/syscalls/sys_exit_delete_module")]
fn delete_module(ctx: Tracepoint) -> Option<()> {
    exit(event::CALL_DELETE, ctx.ret() as i32)
}

/// Arguments: the registers, and what the call returned.
#[gadget::program("tp_btf/sys_exit")]
fn any_call(ctx: BtfTracepoint) -> Option<()> {
    let call = match Syscall::current().number()? {
        number::INIT_MODULE => event::CALL_INIT,
        number::FINIT_MODULE => event::CALL_FINIT,
        number::DELETE_MODULE => event::CALL_DELETE,
        _ => return None,
    };
    exit(call, ctx.number::<u64>(1) as i32)
}

#[inline(always)]
fn exit(call: u8, ret: i32) -> Option<()> {
    if params::failed() && ret >= 0 {
        return None;
    }
    let mut record = gadget::begin::<Module>()?;
    let syscall = Syscall::current();
    let [first, second, third] = [syscall.arg::<0>(), syscall.arg::<1>(), syscall.arg::<2>()];
    let mut module = Module {
        size: 0,
        ret,
        fd: -1,
        flags: 0,
        name_len: 0,
        params_len: 0,
        call,
        notes: 0,
        reserved: [0; 2],
    };
    let name = match call {
        event::CALL_INIT => {
            module.size = second;
            Piece::EMPTY
        }
        event::CALL_FINIT => {
            module.fd = first as i32;
            module.flags = third as u32;
            record.path(Path::of_file(Task::current().file(module.fd)))
        }
        _ => {
            module.flags = second as u32;
            record.user_str(first)
        }
    };
    let params = match call {
        event::CALL_INIT => record.user_str(third),
        event::CALL_FINIT => record.user_str(second),
        _ => Piece::EMPTY,
    };
    if name.cut | params.cut {
        module.notes |= event::CUT;
    }
    if name.unreadable | params.unreadable {
        module.notes |= event::UNREADABLE;
    }
    module.name_len = name.len;
    module.params_len = params.len;
    record.set(module);
    record.emit()
}
