//! What an object must contain besides programs: its license, and what happens on a panic.
#![expect(unsafe_code, reason = "the license is found by its section")]

/// Direct loads from kernel structs are only open to programs whose license is compatible with the GPL.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// A program that could panic does not load: the verifier refuses the endless loop.
#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
