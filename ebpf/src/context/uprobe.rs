//! Functions of programs (`uprobe/<function>,...`), and their returns (`uretprobe/<function>,...`).
//!
//! A section names one or more functions, which the host finds in whatever files processes run; [`Uprobe::function`] tells
//! which one it was. Functions of Go are named `uprobe/go:<function>,...`, and their returns, which are probed at the
//! instructions, `uprobe/go-return:<function>,...`; they take arguments and give results in registers of their own.
//!
//! The context has the registers as the kernel's stable interface gives them to probes: `pt_regs` on x86_64, `user_pt_regs`
//! on arm64.

use core::ffi::c_void;

use crate::{program::Context, raw};

/// The registers at a function's entry or return.
#[derive(Clone, Copy)]
pub struct Uprobe(*const u8);

/// Where registers lie: of C's arguments, its result, Go's arguments and results, the goroutine, and the stack.
#[cfg(bpf_target_arch = "x86_64")]
mod place {
    pub(super) const ARGUMENTS: [usize; 6] = [112, 104, 96, 88, 72, 64];
    pub(super) const RESULT: usize = 80;
    pub(super) const GO: [usize; 9] = [80, 40, 88, 112, 104, 72, 64, 56, 48];
    pub(super) const GOROUTINE: usize = 8;
    pub(super) const STACK: usize = 152;
    /// What a return takes off the stack: the address it returns to.
    pub(super) const RETURNED: u64 = 8;
}

/// Where registers lie: of C's arguments, its result, Go's arguments and results, the goroutine, and the stack.
#[cfg(bpf_target_arch = "aarch64")]
mod place {
    pub(super) const ARGUMENTS: [usize; 6] = [0, 8, 16, 24, 32, 40];
    pub(super) const RESULT: usize = 0;
    pub(super) const GO: [usize; 9] = [0, 8, 16, 24, 32, 40, 48, 56, 64];
    pub(super) const GOROUTINE: usize = 8 * 28;
    pub(super) const STACK: usize = 8 * 31;
    pub(super) const RETURNED: u64 = 0;
}

/// Where a goroutine says where its stack ends (`g.stack.hi`), in every version of Go.
const STACK_END: u64 = 8;

impl Uprobe {
    /// Which function of the section's list this is, from 0.
    #[inline(always)]
    pub fn function(&self) -> u64 {
        raw::attach_cookie(self.0)
    }

    /// Argument `N` of a function that is called as C's are, at its entry.
    #[inline(always)]
    pub fn arg<const N: usize>(&self) -> u64 {
        const { assert!(N < place::ARGUMENTS.len(), "further arguments are on the stack") };
        raw::load(self.0, place::ARGUMENTS[N])
    }

    /// What such a function returns, at its return.
    #[inline(always)]
    pub fn ret(&self) -> u64 {
        raw::load(self.0, place::RESULT)
    }

    /// Word `N` of the arguments of a function of Go at its entry, the receiver first; or of its results at its return. A
    /// slice is three words, a string or an interface two.
    #[inline(always)]
    pub fn go<const N: usize>(&self) -> u64 {
        const { assert!(N < place::GO.len(), "further words are on the stack") };
        raw::load(self.0, place::GO[N])
    }

    /// The goroutine that runs, by its address: a goroutine may go on in another thread.
    #[inline(always)]
    pub fn goroutine(&self) -> u64 {
        raw::load(self.0, place::GOROUTINE)
    }

    /// A number for a call, by where its stack frame lies: the same at its entry and at [`Self::frame_at_return`], and
    /// smaller in calls that it makes in turn.
    #[inline(always)]
    pub fn frame(&self) -> u64 {
        raw::load(self.0, place::STACK)
    }

    /// As [`Self::frame`], at the return of a function that is called as C's are.
    #[inline(always)]
    pub fn frame_at_return(&self) -> u64 {
        self.frame().wrapping_sub(place::RETURNED)
    }

    /// As [`Self::frame`], of a function of Go, at its entry and at its return: counted from the end of the stack, which Go
    /// moves when it has to grow.
    #[inline(always)]
    pub fn go_frame(&self) -> u64 {
        self.frame().wrapping_sub(raw::read_user_or_zero::<u64>(self.goroutine().wrapping_add(STACK_END)))
    }
}

impl Context for Uprobe {
    const SECTIONS: &'static [&'static str] = &["uprobe", "uretprobe"];

    #[inline(always)]
    #[expect(unsafe_code, reason = "as the trait")]
    unsafe fn from_raw(raw: *mut c_void) -> Self {
        Self(raw.cast())
    }
}
