//! Attaches a program to a place in a file.
//!
//! Not by the loader, which keeps one descriptor for a place. Here are two: the event, which stands for the breakpoint, and
//! the link from it to the program. Closing a link takes the program off, in one of the kernel's grace periods, many side
//! by side. Closing an event takes the breakpoint out of every process, which the kernel does one after the other, some
//! tens of milliseconds each: that can wait.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use aya_obj::generated::perf_event_attr;

use super::CLOEXEC;

/// Where the kernel says which type of event a uprobe is.
const TYPE: &str = "/sys/bus/event_source/devices/uprobe/type";
/// `config:0`, the bit for a return, in every kernel.
const AT_RETURN: u64 = 1;
/// `BPF_LINK_CREATE` and `BPF_PERF_EVENT`.
const LINK_CREATE: libc::c_long = 28;
const PERF_EVENT: u32 = 41;

/// Where a program is attached.
pub(crate) struct Place<'a> {
    /// The file.
    pub(crate) path: &'a CStr,
    /// The instruction's place in it; for a return, the function's first.
    pub(crate) offset: u64,
    /// When the function returns.
    pub(crate) at_return: bool,
    /// In one process alone.
    pub(crate) pid: Option<u32>,
    /// What the program is told.
    pub(crate) cookie: u64,
}

/// A place with a breakpoint, and its link to a program.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) link: OwnedFd,
    pub(crate) event: OwnedFd,
}

/// `struct { ... } link_create` of `union bpf_attr`.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    bpf_cookie: u64,
}

/// The number by which the kernel knows events of this kind.
pub(crate) fn event_type() -> io::Result<u32> {
    fs::read_to_string(TYPE)?.trim().parse().map_err(io::Error::other)
}

/// Attaches a program.
pub(crate) fn attach(program: BorrowedFd<'_>, event_type: u32, place: &Place<'_>) -> io::Result<Attachment> {
    // SAFETY: all zeroes are an attribute: the type is made of numbers.
    let mut attr = unsafe { std::mem::zeroed::<perf_event_attr>() };
    attr.type_ = event_type;
    attr.size = size_of::<perf_event_attr>() as u32;
    attr.config = if place.at_return { AT_RETURN } else { 0 };
    attr.__bindgen_anon_3.uprobe_path = place.path.as_ptr().expose_provenance() as u64;
    attr.__bindgen_anon_4.probe_offset = place.offset;
    // Of all processes: then a CPU must be named, and any will do.
    let (pid, cpu) = place.pid.map_or((-1, 0), |pid| (pid.cast_signed(), -1));
    let no_group = -1;
    // SAFETY: the attribute is as the kernel defines it; it and the path live until the call returns.
    let event =
        unsafe { libc::syscall(libc::SYS_perf_event_open, &raw const attr, pid, cpu, no_group, CLOEXEC) };
    let event = owned(event)?;
    let create = LinkCreate {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_fd: event.as_raw_fd().cast_unsigned(),
        attach_type: PERF_EVENT,
        flags: 0,
        bpf_cookie: place.cookie,
    };
    // SAFETY: the attribute is as the kernel defines it for this command, and lives until the call returns.
    let link =
        unsafe { libc::syscall(libc::SYS_bpf, LINK_CREATE, &raw const create, size_of::<LinkCreate>()) };
    Ok(Attachment { link: owned(link)?, event })
}

/// The descriptor that a call returned, or its error.
pub(super) fn owned(returned: libc::c_long) -> io::Result<OwnedFd> {
    let fd = i32::try_from(returned).ok().filter(|it| *it >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel made the descriptor for this call, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
