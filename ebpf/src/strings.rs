//! A list of strings, as `execve` takes one: a null-terminated array of pointers.
//!
//! A global function with its state in memory, for the same reason as the walk of a path.

use crate::{
    raw,
    record::{BYTES_MAX, PATH_MAX, SCRATCH_SIZE, SCRATCH_WORD},
    ring,
};

/// Most strings.
const MOST: u64 = 64;

/// Bits of [`gadget_strings`]'s result: bytes written.
pub(crate) const LEN: u64 = 0xffff;
/// There were more strings, or longer ones.
pub(crate) const CUT: u64 = 1 << 16;
/// Something could not be read.
pub(crate) const UNREADABLE: u64 = 1 << 17;
/// From here on: number of strings.
pub(crate) const COUNT: u32 = 32;

/// Copies the strings of the array at `from` to the scratch memory, from byte `at` on, a NUL after each.
#[inline(never)]
#[expect(unsafe_code, reason = "an exported symbol is what makes a function global to the verifier")]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn gadget_strings(from: u64, at: u64) -> u64 {
    let Some(scratch) = ring::scratch() else { return UNREADABLE };
    let at = raw::clamp::<{ SCRATCH_SIZE - BYTES_MAX - PATH_MAX - 1 }>(at as usize);
    let to = scratch.wrapping_add(at);
    raw::store(scratch, SCRATCH_WORD, 0u64);
    for n in 0..MOST {
        let used = raw::load::<u64>(scratch, SCRATCH_WORD);
        let done = used | n << COUNT;
        let Some(string) = raw::read_user::<u64>(from.wrapping_add(n * 8)) else { return done | UNREADABLE };
        if string == 0 {
            return done;
        }
        let written =
            raw::copy_user_str(to.wrapping_add(raw::clamp::<BYTES_MAX>(used as usize)), PATH_MAX + 1, string);
        if written <= 0 {
            return done | UNREADABLE;
        }
        let used = used + written as u64;
        if used > BYTES_MAX as u64 {
            return BYTES_MAX as u64 | (n + 1) << COUNT | CUT;
        }
        raw::store(scratch, SCRATCH_WORD, used);
        if written as usize > PATH_MAX {
            return used | (n + 1) << COUNT | CUT;
        }
    }
    let more = raw::read_user_or_zero::<u64>(from.wrapping_add(MOST * 8)) != 0;
    raw::load::<u64>(scratch, SCRATCH_WORD) | MOST << COUNT | if more { CUT } else { 0 }
}
