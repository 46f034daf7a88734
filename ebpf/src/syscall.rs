//! The arguments of the system call that the current task is in.
//!
//! At a call's exit the registers with which it entered still hold its arguments. So one program at the exit sees both
//! the arguments and the result, without a second program at the entry and a map between the two; and by then the
//! kernel has read what the arguments point to, so that its pages are in memory. Another thread may have changed them
//! in between: what is read is what the caller's memory says at the exit.

use crate::{fields, kernel::Btf, raw};

/// The call that the current task is in.
#[derive(Clone, Copy)]
pub struct Syscall(Btf);

impl Syscall {
    /// The current one.
    #[inline(always)]
    pub fn current() -> Self {
        Self(raw::task_registers(raw::current_task()))
    }

    /// Argument `N`, from 0 to 3.
    #[inline(always)]
    #[cfg(bpf_target_arch = "x86_64")]
    pub fn arg<const N: usize>(&self) -> u64 {
        const { assert!(N < 4, "only the first four arguments can be read") };
        match N {
            0 => fields::REGS_ARG0.load(self.0),
            1 => fields::REGS_ARG1.load(self.0),
            2 => fields::REGS_ARG2.load(self.0),
            _ => fields::REGS_ARG3.load(self.0),
        }
    }

    /// Argument `N`, from 0 to 3.
    #[inline(always)]
    #[cfg(bpf_target_arch = "aarch64")]
    pub fn arg<const N: usize>(&self) -> u64 {
        const { assert!(N < 4, "only the first four arguments can be read") };
        match N {
            0 => fields::REGS_ARG0.load(self.0),
            _ => raw::load(self.0.as_ptr(), fields::REGS.offset() as usize + 8 * N),
        }
    }
}
