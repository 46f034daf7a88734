//! Tracepoints by their arguments: `tp_btf/<name>` knows their types, so that pointers among them can be followed
//! by plain loads; `raw_tracepoint/<name>` gives bare numbers. The entry and exit of a kernel's function
//! (`fentry/<name>`, `fexit/<name>`) have their arguments in the same form, and `fexit` the result behind them.

use core::ffi::c_void;

use aya_ebpf::EbpfContext;

use crate::{
    Plain,
    kernel::{Addr, Btf},
    program::Context,
    raw,
};

/// The arguments of a tracepoint, typed.
#[derive(Clone, Copy)]
pub struct BtfTracepoint(*const u8);

impl BtfTracepoint {
    /// Argument `n`, a pointer to a kernel struct.
    #[inline(always)]
    pub fn pointer(&self, n: usize) -> Btf {
        Btf::new(raw::load(self.0, n * 8))
    }

    /// Argument `n`, a number; `T` as wide as the argument.
    #[inline(always)]
    pub fn number<T: Plain>(&self, n: usize) -> T {
        raw::load(self.0, n * 8)
    }
}

/// For helpers that take the context, such as those that walk the stack.
impl EbpfContext for BtfTracepoint {
    #[inline(always)]
    fn as_ptr(&self) -> *mut c_void {
        self.0.cast_mut().cast()
    }
}

impl Context for BtfTracepoint {
    const SECTIONS: &'static [&'static str] = &["tp_btf", "fentry", "fexit"];

    #[inline(always)]
    #[expect(unsafe_code, reason = "as the trait")]
    unsafe fn from_raw(raw: *mut c_void) -> Self {
        Self(raw.cast())
    }
}

/// The arguments of a tracepoint, as numbers.
#[derive(Clone, Copy)]
pub struct RawTracepoint(*const u8);

impl RawTracepoint {
    /// Argument `n`.
    #[inline(always)]
    pub fn number(&self, n: usize) -> u64 {
        raw::load(self.0, n * 8)
    }

    /// Argument `n`, an address in the kernel.
    #[inline(always)]
    pub fn address(&self, n: usize) -> Addr {
        Addr::new(self.number(n))
    }
}

impl Context for RawTracepoint {
    const SECTIONS: &'static [&'static str] = &["raw_tracepoint", "raw_tp"];

    #[inline(always)]
    #[expect(unsafe_code, reason = "as the trait")]
    unsafe fn from_raw(raw: *mut c_void) -> Self {
        Self(raw.cast())
    }
}
