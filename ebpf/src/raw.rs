//! The one module that calls the kernel's helpers and follows its pointers.
//!
//! Its functions are safe to call although they take addresses: what a program may touch is decided by the verifier,
//! which refuses the object otherwise, and the `bpf_probe_read` helpers answer a bad address with an error.
#![expect(unsafe_code, reason = "the one place of the crate that does")]

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::{bindings::BPF_F_USER_STACK, helpers::generated};
use gadget_abi::Plain;

use crate::kernel::{Addr, Btf};

/// Loads a `T` at `base + offset`: a context, a map's value, or a struct whose type the verifier knows. A load
/// through such a struct that faults reads zero.
#[inline(always)]
pub fn load<T: Plain>(base: *const u8, offset: usize) -> T {
    // SAFETY: the verifier proves that the load stays within the object at `base`; any bits are a `T`.
    unsafe { base.wrapping_add(offset).cast::<T>().read_volatile() }
}

/// Stores `value` at `base + offset`, within a map's value.
#[inline(always)]
pub(crate) fn store<T: Plain>(base: *mut u8, offset: usize, value: T) {
    // SAFETY: the verifier proves that the store stays within the map's value.
    unsafe { base.wrapping_add(offset).cast::<T>().write(value) }
}

/// The value of a read-only global, as the host left it.
#[inline(always)]
pub(crate) fn global<T: Copy>(value: &MaybeUninit<T>) -> T {
    // SAFETY: globals are initialised; the read is volatile because the host writes them after compilation.
    unsafe { value.as_ptr().read_volatile() }
}

/// What was written there, field by field.
#[inline(always)]
pub(crate) fn written<T: Plain>(value: MaybeUninit<T>) -> T {
    // SAFETY: the caller wrote all of its fields; the verifier refuses a read of stack that was not written.
    unsafe { value.assume_init() }
}

/// `value`, at most `MAX`, in a form that the verifier sees and the compiler can't optimise away.
#[inline(always)]
pub(crate) fn clamp<const MAX: usize>(value: usize) -> usize {
    #[cfg(target_arch = "bpf")]
    {
        let mut value = value;
        // SAFETY: touches no memory.
        unsafe {
            core::arch::asm!(
                "if {value} <= {max} goto +1",
                "{value} = {max}",
                value = inout(reg) value,
                max = const MAX,
                options(pure, nomem, nostack),
            );
        }
        value
    }
    #[cfg(not(target_arch = "bpf"))]
    value.min(MAX)
}

/// Reads a `T` of kernel memory; `None` when the address is bad.
#[inline(always)]
pub fn read_kernel<T: Plain>(from: Addr) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes the whole of `value`, or fails (and zeroes it).
    unsafe {
        let failed =
            generated::bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, from.as_ptr());
        if failed == 0 { Some(value.assume_init()) } else { None }
    }
}

/// Reads a `T` of kernel memory; zeroes when the address is bad.
#[inline(always)]
pub fn read_kernel_or_zero<T: Plain>(from: Addr) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes the whole of `value`: zeroes when it fails.
    unsafe {
        generated::bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, from.as_ptr());
        value.assume_init()
    }
}

/// Reads a `T` of the current process; `None` when the address is bad or its page not in memory.
#[inline(always)]
pub fn read_user<T: Plain>(from: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes the whole of `value`, or fails (and zeroes it).
    unsafe {
        let failed = generated::bpf_probe_read_user(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            from as *const c_void,
        );
        if failed == 0 { Some(value.assume_init()) } else { None }
    }
}

/// Reads a `T` of the current process; zeroes when the address is bad or its page not in memory.
#[inline(always)]
pub fn read_user_or_zero<T: Plain>(from: u64) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes the whole of `value`: zeroes when it fails.
    unsafe {
        generated::bpf_probe_read_user(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            from as *const c_void,
        );
        value.assume_init()
    }
}

/// Copies `len` bytes of kernel memory to a map's value; whether it could.
#[inline(always)]
pub(crate) fn copy_kernel(to: *mut u8, len: usize, from: Addr) -> bool {
    // SAFETY: the verifier proves that `len` bytes fit at `to`.
    unsafe { generated::bpf_probe_read_kernel(to.cast(), len as u32, from.as_ptr()) == 0 }
}

/// Fills `len` bytes of a map's value with zeroes: what the helper does when it can't read, as at this address.
#[inline(always)]
pub(crate) fn zero(to: *mut u8, len: usize) {
    // SAFETY: the verifier proves that `len` bytes fit at `to`.
    unsafe { generated::bpf_probe_read_kernel(to.cast(), len as u32, core::ptr::null()) };
}

/// Copies `len` bytes of the current process to a map's value; whether it could.
#[inline(always)]
pub(crate) fn copy_user(to: *mut u8, len: usize, from: u64) -> bool {
    // SAFETY: the verifier proves that `len` bytes fit at `to`.
    unsafe { generated::bpf_probe_read_user(to.cast(), len as u32, from as *const c_void) == 0 }
}

/// Copies a string of kernel memory, cut to `len - 1` bytes, to a map's value; bytes written, the NUL included, or a
/// negative error.
#[inline(always)]
pub(crate) fn copy_kernel_str(to: *mut u8, len: usize, from: Addr) -> i64 {
    // SAFETY: the verifier proves that `len` bytes fit at `to`.
    unsafe { generated::bpf_probe_read_kernel_str(to.cast(), len as u32, from.as_ptr()) }
}

/// As [`copy_kernel_str`], from the current process.
#[inline(always)]
pub(crate) fn copy_user_str(to: *mut u8, len: usize, from: u64) -> i64 {
    // SAFETY: the verifier proves that `len` bytes fit at `to`.
    unsafe { generated::bpf_probe_read_user_str(to.cast(), len as u32, from as *const c_void) }
}

/// A key or value on the stack, written there volatile: a constant one would be promoted to a global, and LLVM merges
/// that with any other constant of the same bytes, such as a filter, whose value the host changes after compilation.
#[inline(always)]
pub(crate) fn on_stack<T: Plain, R>(value: T, then: impl FnOnce(*const c_void) -> R) -> R {
    let mut slot = MaybeUninit::<T>::uninit();
    // SAFETY: the slot is a place for a `T`.
    unsafe { slot.as_mut_ptr().write_volatile(value) };
    then(slot.as_ptr().cast())
}

/// The value of `key` in a map; null when there is none.
#[inline(always)]
pub(crate) fn lookup<K: Plain>(map: *const c_void, key: K) -> *mut u8 {
    // SAFETY: the helper reads the key and checks the map.
    on_stack(key, |key| unsafe { generated::bpf_map_lookup_elem(map.cast_mut(), key).cast() })
}

/// Sets the value of `key` in a map to the bytes at `value`; 0, or a negative error.
#[inline(always)]
pub(crate) fn update_from<K: Plain>(map: *const c_void, key: K, value: *const u8, flags: u64) -> i64 {
    // SAFETY: the verifier proves that a whole value lies at `value`; the helper checks the map.
    on_stack(key, |key| unsafe { generated::bpf_map_update_elem(map.cast_mut(), key, value.cast(), flags) })
}

/// As [`update_from`], with a value.
#[inline(always)]
pub(crate) fn update<K: Plain, V: Plain>(map: *const c_void, key: K, value: V, flags: u64) -> i64 {
    on_stack(value, |value| update_from(map, key, value.cast(), flags))
}

/// Removes `key` from a map; whether it was there.
#[inline(always)]
pub(crate) fn delete<K: Plain>(map: *const c_void, key: K) -> bool {
    // SAFETY: the helper reads the key and checks the map.
    on_stack(key, |key| unsafe { generated::bpf_map_delete_elem(map.cast_mut(), key) == 0 })
}

/// Adds to the number at `base + offset`, within a map's value, as one step that no other CPU can come between.
#[inline(always)]
pub(crate) fn atomic_add(base: *mut u8, offset: usize, amount: u64) {
    let at = base.wrapping_add(offset);
    #[cfg(target_arch = "bpf")]
    // SAFETY: the verifier proves that the number lies within the map's value.
    unsafe {
        core::arch::asm!(
            "lock *(u64 *)({at} + 0) += {amount}",
            at = in(reg) at,
            amount = in(reg) amount,
            options(nostack),
        );
    }
    #[cfg(not(target_arch = "bpf"))]
    store(at, 0, load::<u64>(at, 0).wrapping_add(amount));
}

/// Writes the return addresses of the stack that the program interrupted, the innermost first; bytes written, or a
/// negative error.
#[inline(always)]
pub(crate) fn stack(context: *mut c_void, to: *mut u8, len: usize, user: bool) -> i64 {
    let flags = if user { u64::from(BPF_F_USER_STACK) } else { 0 };
    // SAFETY: the verifier proves that `context` is the program's and that `len` bytes fit at `to`.
    unsafe { generated::bpf_get_stack(context, to.cast(), len as u32, flags) }
}

/// Copies `len` bytes to a ring buffer; 0, or a negative error when there is no room.
#[inline(always)]
pub(crate) fn ring_output(map: *const c_void, from: *mut u8, len: usize, flags: u64) -> i64 {
    // SAFETY: the verifier proves that `len` bytes lie at `from`.
    unsafe { generated::bpf_ringbuf_output(map.cast_mut(), from.cast(), len as u64, flags) }
}

/// Room for `len` bytes in a ring buffer; null when there is none.
#[inline(always)]
pub(crate) fn ring_reserve(map: *const c_void, len: usize) -> *mut u8 {
    // SAFETY: the helper checks the map; the verifier sees to it that the room is given back.
    unsafe { generated::bpf_ringbuf_reserve(map.cast_mut(), len as u64, 0).cast() }
}

/// Hands the room on, filled.
#[inline(always)]
pub(crate) fn ring_submit(room: *mut u8) {
    // SAFETY: the verifier proves that this is room of a ring buffer.
    unsafe { generated::bpf_ringbuf_submit(room.cast(), 0) };
}

/// Gives the room back.
#[inline(always)]
pub(crate) fn ring_discard(room: *mut u8) {
    // SAFETY: the verifier proves that this is room of a ring buffer.
    unsafe { generated::bpf_ringbuf_discard(room.cast(), 0) };
}

/// Writes `len` bytes to an iterator's sequence; 0, or a negative error when its buffer is full.
#[inline(always)]
pub(crate) fn sequence_write(sequence: Btf, from: *const u8, len: usize) -> i64 {
    // SAFETY: the verifier proves that `len` bytes lie at `from`, and that `sequence` is one.
    unsafe { generated::bpf_seq_write(sequence.as_ptr().cast_mut().cast(), from.cast(), len as u32) }
}

/// Nanoseconds since boot, suspend included.
#[inline(always)]
pub fn boot_ns() -> u64 {
    // SAFETY: takes nothing.
    unsafe { generated::bpf_ktime_get_boot_ns() }
}

/// The current task.
#[inline(always)]
pub(crate) fn current_task() -> Btf {
    // SAFETY: takes nothing.
    Btf::new(unsafe { generated::bpf_get_current_task_btf() } as u64)
}

/// The number that the host gave to where a probe is attached.
#[inline(always)]
pub(crate) fn attach_cookie(context: *const u8) -> u64 {
    // SAFETY: the verifier proves that `context` is the program's.
    unsafe { generated::bpf_get_attach_cookie(context.cast_mut().cast()) }
}

/// The registers with which the current call entered the kernel.
#[inline(always)]
pub(crate) fn task_registers(task: Btf) -> Btf {
    // SAFETY: the verifier proves that `task` is one.
    Btf::new(unsafe { generated::bpf_task_pt_regs(task.as_ptr().cast_mut().cast()) }.cast_unsigned())
}

/// Process (upper half) and thread id of the current task, in the initial pid namespace.
#[inline(always)]
pub fn current_pid_tgid() -> u64 {
    // SAFETY: takes nothing.
    unsafe { generated::bpf_get_current_pid_tgid() }
}

/// Group (upper half) and user id of the current task, in the initial user namespace.
#[inline(always)]
pub(crate) fn current_uid_gid() -> u64 {
    // SAFETY: takes nothing.
    unsafe { generated::bpf_get_current_uid_gid() }
}

/// Id of the current task's cgroup in the v2 hierarchy.
#[inline(always)]
pub(crate) fn current_cgroup() -> u64 {
    // SAFETY: takes nothing.
    unsafe { generated::bpf_get_current_cgroup_id() }
}
