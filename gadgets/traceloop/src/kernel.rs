//! The entry and return of every call, and the end of threads.
#![no_std]
#![no_main]

use gadget::{
    fields, filter,
    prelude::*,
    syscall::{self, number},
};

mod event;
use event::Call;

const NOTHING: Call = Call {
    args: [0; 6],
    ret: 0,
    number: 0,
    text_len: [0; event::TEXTS],
    kind: event::KIND_ENTER,
    notes: 0,
    unreadable: 0,
    reserved: [0; 5],
};

/// Arguments: the registers, the number of the call.
#[gadget::program("tp_btf/sys_enter")]
fn enter(_: BtfTracepoint) -> Option<()> {
    let (mut record, mut call, syscall) = begin(event::KIND_ENTER)?;
    call.args = [
        syscall.arg::<0>(),
        syscall.arg::<1>(),
        syscall.arg::<2>(),
        syscall.arg::<3>(),
        syscall.arg::<4>(),
        syscall.arg::<5>(),
    ];
    if is_exec(call.number) {
        texts(&mut record, &mut call, syscall);
    }
    record.set(call);
    record.emit()
}

/// Arguments: the registers, what the call returned.
#[gadget::program("tp_btf/sys_exit")]
fn exit(ctx: BtfTracepoint) -> Option<()> {
    let (mut record, mut call, syscall) = begin(event::KIND_EXIT)?;
    call.ret = ctx.number(1);
    if !is_exec(call.number) {
        texts(&mut record, &mut call, syscall);
    }
    record.set(call);
    record.emit()
}

/// Arguments: the task.
#[gadget::program("tp_btf/sched_process_exit")]
fn end(_: BtfTracepoint) -> Option<()> {
    if !filter::is_limited() {
        return None;
    }
    let mut record = gadget::begin::<Call>()?;
    let status = fields::TASK_EXIT_CODE.read_or_zero(Task::current().addr());
    record.set(Call { ret: i64::from(status), kind: event::KIND_END, ..NOTHING });
    record.emit()
}

#[inline(always)]
fn begin(kind: u8) -> Option<(Record<Call>, Call, Syscall)> {
    let syscall = Syscall::current();
    let number = syscall.number()?;
    let record = gadget::begin::<Call>()?;
    let notes = if filter::is_limited() { 0 } else { event::UNLIMITED };
    Some((record, Call { number, kind, notes, ..NOTHING }, syscall))
}

#[inline(always)]
fn is_exec(number: u32) -> bool {
    number == number::EXECVE || number == number::EXECVEAT
}

/// Appends the arguments that are strings.
#[inline(always)]
fn texts(record: &mut Record<Call>, call: &mut Call, syscall: Syscall) {
    let which = syscall::text_arguments(call.number);
    if which == 0 {
        return;
    }
    call.notes |= event::HAS_TEXT;
    let mut text = |bit: u8, from: u64| {
        if which & 1 << bit == 0 {
            return 0;
        }
        let piece = record.user_str(from);
        if piece.unreadable {
            call.unreadable |= 1 << bit;
        }
        piece.len
    };
    call.text_len = [
        text(0, syscall.arg::<0>()),
        text(1, syscall.arg::<1>()),
        text(2, syscall.arg::<2>()),
        text(3, syscall.arg::<3>()),
        text(4, syscall.arg::<4>()),
    ];
}
