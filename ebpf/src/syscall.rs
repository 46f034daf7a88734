//! The arguments of the system call that the current task is in.
//!
//! At a call's exit the registers with which it entered still hold its arguments. So one program at the exit sees both
//! the arguments and the result, without a second program at the entry and a map between the two; and by then the
//! kernel has read what the arguments point to, so that its pages are in memory. Another thread may have changed them
//! in between: what is read is what the caller's memory says at the exit.

use crate::{Task, fields, kernel::Btf, raw};

/// Numbers of system calls, where a gadget must know one: they differ between architectures.
#[cfg(bpf_target_arch = "x86_64")]
#[expect(missing_docs, reason = "each is the number of the call of that name")]
pub mod number {
    pub const READ: u32 = 0;
    pub const WRITE: u32 = 1;
    pub const READV: u32 = 19;
    pub const WRITEV: u32 = 20;
    pub const SENDTO: u32 = 44;
    pub const RECVFROM: u32 = 45;
    pub const SENDMSG: u32 = 46;
    pub const RECVMSG: u32 = 47;
    pub const INIT_MODULE: u32 = 175;
    pub const DELETE_MODULE: u32 = 176;
    pub const FINIT_MODULE: u32 = 313;
    pub const EXECVE: u32 = 59;
    pub const EXECVEAT: u32 = 322;
    pub const SENDFILE: u32 = 40;
}

/// Numbers of system calls, where a gadget must know one: they differ between architectures.
#[cfg(bpf_target_arch = "aarch64")]
#[expect(missing_docs, reason = "each is the number of the call of that name")]
pub mod number {
    pub const READ: u32 = 63;
    pub const WRITE: u32 = 64;
    pub const READV: u32 = 65;
    pub const WRITEV: u32 = 66;
    pub const SENDTO: u32 = 206;
    pub const RECVFROM: u32 = 207;
    pub const SENDMSG: u32 = 211;
    pub const RECVMSG: u32 = 212;
    pub const INIT_MODULE: u32 = 105;
    pub const DELETE_MODULE: u32 = 106;
    pub const FINIT_MODULE: u32 = 273;
    pub const EXECVE: u32 = 221;
    pub const EXECVEAT: u32 = 281;
    pub const SENDFILE: u32 = 71;
}

pub mod text;

#[cfg(bpf_target_arch = "aarch64")]
use text::AARCH64 as TEXTS;
#[cfg(bpf_target_arch = "x86_64")]
use text::X86_64 as TEXTS;

/// Numbers below this have a place in [`TEXT_BITS`]; a mask.
const NUMBERS: usize = 511;

static TEXT_BITS: [u8; NUMBERS + 1] = {
    let mut bits = [0; NUMBERS + 1];
    let mut at = 0;
    while at < TEXTS.len() {
        bits[TEXTS[at].0 as usize] = TEXTS[at].1;
        at += 1;
    }
    bits
};

/// Which arguments of the call `number` are strings: bit N for argument N.
#[inline(always)]
pub fn text_arguments(number: u32) -> u8 {
    if number > NUMBERS as u32 {
        return 0;
    }
    raw::load(TEXT_BITS.as_ptr(), number as usize & NUMBERS)
}

/// The call that the current task is in.
#[derive(Clone, Copy)]
pub struct Syscall(Btf);

impl Syscall {
    /// The current one.
    #[inline(always)]
    pub fn current() -> Self {
        Self(raw::task_registers(raw::current_task()))
    }

    /// The call's number; `None` outside of a call, and for one made by a 32-bit program, whose numbers are others.
    #[inline(always)]
    pub fn number(&self) -> Option<u32> {
        if is_compat(Task::current()) {
            return None;
        }
        u32::try_from(fields::REGS_NUMBER.load(self.0)).ok()
    }

    /// Of a Go program, the goroutine that makes the call: the same as [`Uprobe::goroutine`](crate::context::Uprobe). Of
    /// any other program, a number that means nothing.
    #[inline(always)]
    pub fn goroutine(&self) -> u64 {
        #[cfg(bpf_target_arch = "x86_64")]
        return fields::REGS_GOROUTINE.load(self.0);
        #[cfg(bpf_target_arch = "aarch64")]
        raw::load(self.0.as_ptr(), fields::REGS.offset() as usize + 8 * 28)
    }

    /// Argument `N`, from 0 to 5.
    #[inline(always)]
    #[cfg(bpf_target_arch = "x86_64")]
    pub fn arg<const N: usize>(&self) -> u64 {
        const { assert!(N < 6, "a call has six arguments") };
        match N {
            0 => fields::REGS_ARG0.load(self.0),
            1 => fields::REGS_ARG1.load(self.0),
            2 => fields::REGS_ARG2.load(self.0),
            3 => fields::REGS_ARG3.load(self.0),
            4 => fields::REGS_ARG4.load(self.0),
            _ => fields::REGS_ARG5.load(self.0),
        }
    }

    /// Argument `N`, from 0 to 5.
    #[inline(always)]
    #[cfg(bpf_target_arch = "aarch64")]
    pub fn arg<const N: usize>(&self) -> u64 {
        const { assert!(N < 6, "a call has six arguments") };
        match N {
            0 => fields::REGS_ARG0.load(self.0),
            _ => raw::load(self.0.as_ptr(), fields::REGS.offset() as usize + 8 * N),
        }
    }
}

/// Whether the task is in a call of the 32-bit interface (`TS_COMPAT`).
#[inline(always)]
#[cfg(bpf_target_arch = "x86_64")]
fn is_compat(task: Task) -> bool {
    fields::THREAD_STATUS.read_or_zero(task.addr()) & 2 != 0
}

/// Whether the task is a 32-bit one (`TIF_32BIT`).
#[inline(always)]
#[cfg(bpf_target_arch = "aarch64")]
fn is_compat(task: Task) -> bool {
    fields::THREAD_FLAGS.read_or_zero(task.addr()) & 1 << 22 != 0
}
