//! Static tracepoints (`tracepoint/<category>/<name>`): a struct whose layout tracefs tells, in `format`.

use core::ffi::c_void;

use crate::{Plain, kernel::Addr, program::Context, raw};

/// The context of a tracepoint.
#[derive(Clone, Copy)]
pub struct Tracepoint(*const u8);

impl Tracepoint {
    /// The field at `offset`, which must be that of the tracepoint's `format`; its first eight bytes are closed to
    /// programs.
    #[inline(always)]
    pub fn field<T: Plain>(&self, offset: usize) -> T {
        raw::load(self.0, offset)
    }

    /// What the call returned, at a `syscalls/sys_exit_*` tracepoint.
    #[inline(always)]
    pub fn ret(&self) -> i64 {
        self.field(16)
    }

    /// The string that the `__data_loc` field at `offset` points to.
    #[inline(always)]
    pub fn data_loc(&self, offset: usize) -> Addr {
        let location: u32 = self.field(offset);
        Addr::new(self.0 as u64 + u64::from(location & 0xffff))
    }
}

impl Context for Tracepoint {
    const SECTIONS: &'static [&'static str] = &["tracepoint", "tp"];

    #[inline(always)]
    #[expect(unsafe_code, reason = "as the trait")]
    unsafe fn from_raw(raw: *mut c_void) -> Self {
        Self(raw.cast())
    }
}
