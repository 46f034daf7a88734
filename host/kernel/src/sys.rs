//! The one call that the standard library and rustix do not offer.
#![allow(unsafe_code, reason = "the only unsafe code of this crate")]

/// Gives memory that was freed back to the system. After type information was parsed, some twenty megabytes lie
/// free in small pieces, which the allocator would keep.
pub(crate) fn return_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `malloc_trim` may be called at any time, from any thread; it touches only memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
