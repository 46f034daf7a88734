//! What ties a program's section to the type of its context, and its result to the number the kernel wants.
//!
//! The section is written once, in [`program`](crate::program); a context that does not fit it is a compile error.

use core::ffi::c_void;

/// The argument of a program.
pub trait Context {
    /// The kinds of program (what stands before the first `/` of the section) that have this context.
    const SECTIONS: &'static [&'static str];

    /// The context at `raw`.
    ///
    /// # Safety
    /// `raw` must be what the kernel passed to a program of one of [`Self::SECTIONS`].
    #[expect(
        unsafe_code,
        reason = "the trait is how the attribute makes a context of what the kernel passes"
    )]
    unsafe fn from_raw(raw: *mut c_void) -> Self;
}

/// What a program may return.
pub trait Outcome {
    /// The number for the kernel.
    fn code(self) -> i32;
}

impl Outcome for () {
    #[inline(always)]
    fn code(self) -> i32 {
        0
    }
}

impl Outcome for Option<()> {
    #[inline(always)]
    fn code(self) -> i32 {
        0
    }
}

impl Outcome for i32 {
    #[inline(always)]
    fn code(self) -> i32 {
        self
    }
}

impl Outcome for u32 {
    #[inline(always)]
    fn code(self) -> i32 {
        self.cast_signed()
    }
}

/// Fails to compile when `section` is of none of `kinds`.
pub const fn check(kinds: &[&str], section: &str) {
    let mut i = 0;
    while i < kinds.len() {
        if is_kind(kinds[i].as_bytes(), section.as_bytes()) {
            return;
        }
        i += 1;
    }
    panic!("this context does not fit the program's section");
}

const fn is_kind(kind: &[u8], section: &[u8]) -> bool {
    if section.len() < kind.len() {
        return false;
    }
    let mut i = 0;
    while i < kind.len() {
        if kind[i] != section[i] {
            return false;
        }
        i += 1;
    }
    section.len() == kind.len() || section[kind.len()] == b'/'
}
