//! Follows a number as if it were a pointer: what the verifier is there to refuse.
#![no_std]
#![no_main]

use gadget::prelude::*;

mod event;
use event::Seen;

#[gadget::program("tracepoint/syscalls/sys_enter_getpid")]
fn peek(_: Tracepoint) -> Option<()> {
    // SAFETY: none; the verifier refuses it, which is what the test wants to see.
    let reserved = unsafe {
        core::ptr::read_volatile(gadget::aya_ebpf::helpers::bpf_get_current_pid_tgid() as *const u64)
    };
    let mut record = gadget::begin::<Seen>()?;
    record.set(Seen { reserved });
    record.emit()
}
