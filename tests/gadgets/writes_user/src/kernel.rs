//! Overwrites a byte of whoever calls `getpid`: what a gadget must not do unasked.
#![no_std]
#![no_main]

use gadget::prelude::*;

mod event;
use event::Seen;

#[gadget::program("tracepoint/syscalls/sys_enter_getpid")]
fn write(_: Tracepoint) -> Option<()> {
    let byte = 0_u8;
    // SAFETY: the helper checks the address; the program is never loaded.
    unsafe {
        gadget::aya_ebpf::helpers::generated::bpf_probe_write_user(8 as *mut _, (&raw const byte).cast(), 1);
    }
    let mut record = gadget::begin::<Seen>()?;
    record.set(Seen { reserved: 0 });
    record.emit()
}
