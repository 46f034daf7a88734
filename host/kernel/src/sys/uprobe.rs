//! Attaches a program to a place in a file.
//!
//! Not by the loader, which keeps one descriptor for a place. Here are two: the event, which stands for the breakpoint, and
//! the link from it to the program. Closing a link takes the program off, in one of the kernel's grace periods, many side
//! by side. Closing an event takes the breakpoint out of every process, which the kernel does one after the other, some
//! tens of milliseconds each: that can wait. Where the kernel has links that are the breakpoints themselves
//! (`uprobe_multi`), and events of perf are not allowed, there is the link alone.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use aya_obj::generated::{bpf_insn, perf_event_attr};

use super::CLOEXEC;

/// Where the kernel says which type of event a uprobe is.
const TYPE: &str = "/sys/bus/event_source/devices/uprobe/type";
/// `config:0`, the bit for a return, in every kernel.
const AT_RETURN: u64 = 1;
/// `BPF_PROG_LOAD`, and `BPF_PROG_TYPE_KPROBE`, which programs for functions are.
const PROG_LOAD: libc::c_long = 5;
const KPROBE: u32 = 2;
/// `BPF_LINK_CREATE`, and what it may attach to: `BPF_PERF_EVENT`, `BPF_TRACE_UPROBE_MULTI`.
const LINK_CREATE: libc::c_long = 28;
const PERF_EVENT: u32 = 41;
const UPROBE_MULTI: u32 = 48;
/// `BPF_F_UPROBE_MULTI_RETURN`.
const MULTI_AT_RETURN: u32 = 1;

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

/// A place with a breakpoint, and its link to a program; the event, unless the link is the breakpoint as well.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) link: OwnedFd,
    pub(crate) event: Option<OwnedFd>,
}

/// The first fields of what `BPF_PROG_LOAD` takes of `union bpf_attr`.
#[repr(C)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

/// `struct { ... } link_create` of `union bpf_attr`, for `uprobe_multi`.
#[repr(C)]
struct MultiCreate {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    path: u64,
    offsets: u64,
    ref_ctr_offsets: u64,
    cookies: u64,
    cnt: u32,
    multi_flags: u32,
    pid: u32,
    _padding: u32,
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
    Ok(Attachment { link: owned(link)?, event: Some(event) })
}

/// Loads a program for links that are breakpoints. `license`: as the object has it.
pub(crate) fn load(name: &str, instructions: &[bpf_insn], license: &CStr) -> io::Result<OwnedFd> {
    let mut load = Load {
        prog_type: KPROBE,
        insn_cnt: u32::try_from(instructions.len()).map_err(io::Error::other)?,
        insns: instructions.as_ptr().expose_provenance() as u64,
        license: license.as_ptr().expose_provenance() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: 0,
        prog_name: [0; 16],
        prog_ifindex: 0,
        expected_attach_type: UPROBE_MULTI,
    };
    // The last byte stays zero.
    load.prog_name[..15].iter_mut().zip(name.bytes()).for_each(|(to, byte)| *to = byte);
    // SAFETY: the attribute is as the kernel defines it for this command; it, the instructions and the licence, which ends in
    // a zero, live until the call returns.
    let program = unsafe { libc::syscall(libc::SYS_bpf, PROG_LOAD, &raw const load, size_of::<Load>()) };
    owned(program)
}

/// Attaches a program that was loaded by [`load`].
pub(crate) fn link(program: BorrowedFd<'_>, place: &Place<'_>) -> io::Result<Attachment> {
    let (offset, cookie) = ([place.offset], [place.cookie]);
    let create = MultiCreate {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_fd: 0,
        attach_type: UPROBE_MULTI,
        flags: 0,
        path: place.path.as_ptr().expose_provenance() as u64,
        offsets: offset.as_ptr().expose_provenance() as u64,
        ref_ctr_offsets: 0,
        cookies: cookie.as_ptr().expose_provenance() as u64,
        cnt: 1,
        multi_flags: if place.at_return { MULTI_AT_RETURN } else { 0 },
        pid: place.pid.unwrap_or(0),
        _padding: 0,
    };
    // SAFETY: the attribute is as the kernel defines it for this command; it, the path and the two arrays of `cnt` numbers live
    // until the call returns.
    let link =
        unsafe { libc::syscall(libc::SYS_bpf, LINK_CREATE, &raw const create, size_of::<MultiCreate>()) };
    Ok(Attachment { link: owned(link)?, event: None })
}

/// The descriptor that a call returned, or its error.
pub(super) fn owned(returned: libc::c_long) -> io::Result<OwnedFd> {
    let fd = i32::try_from(returned).ok().filter(|it| *it >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel made the descriptor for this call, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
