//! The calls that the standard library, rustix and aya do not offer.
#![allow(unsafe_code, reason = "the only unsafe code of this crate")]

pub(crate) mod mapped;
pub(crate) mod uprobe;

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// `PERF_FLAG_FD_CLOEXEC`.
const CLOEXEC: libc::c_ulong = 8;

/// Gives memory that was freed back to the system. After type information was parsed, some twenty megabytes lie
/// free in small pieces, which the allocator would keep.
pub(crate) fn return_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `malloc_trim` may be called at any time, from any thread; it touches only memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Bytes of a page of memory: what the kernel counts memory in.
pub fn page_bytes() -> u64 {
    // SAFETY: `sysconf` may be called at any time.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // It knows the answer on every Linux.
    u64::try_from(bytes).unwrap_or(4096)
}

/// `BPF_OBJ_GET_INFO_BY_FD`.
const GET_INFO: libc::c_long = 15;

/// `struct { ... } info` of `union bpf_attr`.
#[repr(C)]
struct GetInfo {
    fd: u32,
    len: u32,
    info: u64,
}

/// `struct bpf_prog_info` as far as its last number that is wanted; the kernel writes what the length asks for. A test
/// holds it to the kernel's own description.
#[repr(C)]
#[derive(Default)]
struct ProgramInfo {
    kind: u32,
    id: u32,
    before: [u64; 25],
    recursion_misses: u64,
}

/// How often the kernel passed this program by, since it would have run within itself or within another on the same CPU; 0
/// on kernels before 5.12, which keep no such count. A call on the descriptor, since reading `/proc/self/fdinfo` is an
/// open, which programs see. aya reads this struct too, and offers only other numbers of it.
pub(crate) fn recursion_misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(info(program)?.recursion_misses)
}

/// The kernel's number for a program that aya has not loaded.
pub(crate) fn program_id(program: BorrowedFd<'_>) -> io::Result<u32> {
    Ok(info(program)?.id)
}

fn info(program: BorrowedFd<'_>) -> io::Result<ProgramInfo> {
    let mut info = ProgramInfo::default();
    let mut get = GetInfo {
        fd: program.as_raw_fd().cast_unsigned(),
        len: size_of::<ProgramInfo>() as u32,
        info: (&raw mut info).expose_provenance() as u64,
    };
    // SAFETY: the attribute is as the kernel defines it for this command, and its pointer is to `len` bytes that live until
    // the call returns, all zero: the kernel follows no pointer that it finds there, and any bits are numbers.
    let done = unsafe { libc::syscall(libc::SYS_bpf, GET_INFO, &raw mut get, size_of::<GetInfo>()) };
    if done == 0 { Ok(info) } else { Err(io::Error::last_os_error()) }
}

/// `BPF_MAP_LOOKUP_BATCH`.
const LOOKUP_BATCH: libc::c_long = 24;

/// `struct { ... } batch` of `union bpf_attr`.
#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// A position in a map that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Position(u32);

/// Copies entries of a hash: their keys to `keys` and their values to `values`, both of whole entries of those sizes.
/// Begins at `from`, or at the start. The number of entries, and where to go on; `None` at the end. aya reads entries of
/// sizes known when it is compiled, one call each; this takes any size, some thousand at a call.
pub(crate) fn lookup_batch(
    map: BorrowedFd<'_>,
    from: Option<Position>,
    (keys, key_size): (&mut [u8], usize),
    (values, value_size): (&mut [u8], usize),
) -> io::Result<(usize, Option<Position>)> {
    let room = (keys.len() / key_size).min(values.len() / value_size);
    let (position, mut next) = (from.map_or(0, |it| it.0), 0_u32);
    let mut batch = Batch {
        in_batch: if from.is_some() { (&raw const position).addr() as u64 } else { 0 },
        out_batch: (&raw mut next).expose_provenance() as u64,
        keys: keys.as_mut_ptr().expose_provenance() as u64,
        values: values.as_mut_ptr().expose_provenance() as u64,
        count: u32::try_from(room).unwrap_or(u32::MAX),
        map_fd: map.as_raw_fd().cast_unsigned(),
        elem_flags: 0,
        flags: 0,
    };
    // SAFETY: the attribute is as the kernel defines it for this command, and its pointers are to memory that lives until
    // the call returns: two positions of a hash, which are `u32`, and room for `count` keys and values.
    let done = unsafe { libc::syscall(libc::SYS_bpf, LOOKUP_BATCH, &raw mut batch, size_of::<Batch>()) };
    let count = batch.count as usize;
    if done == 0 {
        return Ok((count, Some(Position(next))));
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::ENOENT) => Ok((count, None)),
        error => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::btf::{Btf, field};

    #[test]
    fn the_count_lies_where_the_kernel_has_it() {
        let btf = Btf::of_kernel().unwrap();
        let offset = field::offset(&btf, "bpf_prog_info__recursion_misses", "this").unwrap();
        assert_eq!(offset as usize, std::mem::offset_of!(ProgramInfo, recursion_misses));
    }
}
