//! Absolute paths, by walking from a directory entry up to the root of its mount namespace.
//!
//! The kernel's own `bpf_d_path` may only be called from a few hooks, none of which exist on every kernel. The walk
//! writes names from the end of a buffer towards its start, then the result is copied to the record.
//!
//! The walk is a global function, which the verifier looks at once and not once per caller; and what changes from step
//! to step stays in memory, where the verifier does not follow it: otherwise each step would multiply the states to
//! look at, and a gadget would take seconds to load.

use crate::{
    fields,
    kernel::Addr,
    raw,
    record::{PATH_MAX, SCRATCH_SIZE},
    ring,
};

/// Most steps of a walk: components of the path, and mounts crossed.
const STEPS: u32 = 48;
/// Longest name of a directory entry; a mask.
const NAME_MAX: usize = 255;
/// Where in the buffer the walk keeps the start of what it has written. Names are written below `PATH_MAX`, but the
/// verifier wants to see that the longest fits wherever it starts.
const START: usize = PATH_MAX + NAME_MAX + 1;
pub(crate) const BUFFER_SIZE: usize = START + 8;

/// Bits of [`gadget_path`]'s result: bytes written.
pub(crate) const LEN: u64 = 0xffff;
/// The path lacks its first components.
pub(crate) const CUT: u64 = 1 << 16;

/// A place in the tree of files: a directory entry, in a mount.
#[derive(Clone, Copy)]
pub struct Path {
    pub(crate) mnt: Addr,
    pub(crate) dentry: Addr,
}

impl Path {
    /// Of a `struct vfsmount` and a `struct dentry`.
    #[inline(always)]
    pub const fn new(mnt: Addr, dentry: Addr) -> Self {
        Self { mnt, dentry }
    }

    /// That of an open file; an empty one when `file` is null.
    #[inline(always)]
    pub fn of_file(file: Addr) -> Self {
        Self { mnt: fields::FILE_MNT.read_or_zero(file), dentry: fields::FILE_DENTRY.read_or_zero(file) }
    }
}

/// Writes the path of `dentry` in `mnt` to the scratch memory, from byte `at` on. Nothing when it is null.
#[inline(never)]
#[expect(unsafe_code, reason = "an exported symbol is what makes a function global to the verifier")]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn gadget_path(mnt: u64, dentry: u64, at: u64) -> u64 {
    let (Some(scratch), Some(buffer)) = (ring::scratch(), ring::path_buffer()) else { return 0 };
    if dentry == 0 {
        return 0;
    }
    let cut = walk(Addr::new(mnt), Addr::new(dentry), buffer);
    let to = scratch.wrapping_add(raw::clamp::<{ SCRATCH_SIZE - PATH_MAX }>(at as usize));
    let start = raw::clamp::<PATH_MAX>(raw::load::<u64>(buffer, START) as usize);
    let len = PATH_MAX - start;
    if len == 0 {
        raw::store(to, 0, b'/');
        return 1;
    }
    raw::copy_kernel(to, raw::clamp::<PATH_MAX>(len), Addr::new(buffer as u64 + start as u64));
    len as u64 | if cut { CUT } else { 0 }
}

/// Writes the path to the end of the first [`PATH_MAX`] bytes of `buffer`, and at [`START`] where it begins; whether
/// it lacks its first components.
#[inline(always)]
fn walk(mnt: Addr, mut dentry: Addr, buffer: *mut u8) -> bool {
    let mut mount = mnt.minus(u64::from(fields::MOUNT_MNT.offset()));
    // A bad address reads as null here, and ends the walk.
    let mut root = fields::VFSMOUNT_ROOT.read_or_zero(mnt);
    raw::store(buffer, START, PATH_MAX as u64);
    for _ in 0..STEPS {
        if dentry == root {
            let parent = fields::MOUNT_PARENT.read_or_zero(mount);
            if parent == mount {
                return false;
            }
            dentry = fields::MOUNT_MOUNTPOINT.read_or_zero(mount);
            root = fields::VFSMOUNT_ROOT.read_or_zero(fields::MOUNT_MNT.at(parent));
            mount = parent;
            continue;
        }
        let (parent, len, name) = entry(dentry);
        let len = len as usize & NAME_MAX;
        let start = raw::load::<u64>(buffer, START);
        if parent.is_null() || start <= len as u64 {
            return true;
        }
        let start = start - 1 - len as u64;
        raw::store(buffer, START, start);
        let to = buffer.wrapping_add(start as usize & (PATH_MAX - 1));
        raw::store(to, 0, b'/');
        raw::copy_kernel(to.wrapping_add(1), len, name);
        // An entry without a parent that is not the root of its mount: an anonymous file, or one cut off its tree.
        if parent == dentry {
            return false;
        }
        dentry = parent;
    }
    true
}

/// A directory entry's parent, and the length and place of its name.
#[inline(always)]
fn entry(dentry: Addr) -> (Addr, u32, Addr) {
    let parent = fields::DENTRY_PARENT.offset();
    // Side by side on every kernel that does not shuffle its structs; the verifier drops what does not apply.
    if fields::DENTRY_NAME_LEN.offset() == parent + 12 && fields::DENTRY_NAME.offset() == parent + 16 {
        let [parent, hash_len, name]: [u64; 3] = raw::read_kernel_or_zero(fields::DENTRY_PARENT.at(dentry));
        return (Addr::new(parent), (hash_len >> 32) as u32, Addr::new(name));
    }
    (
        fields::DENTRY_PARENT.read_or_zero(dentry),
        fields::DENTRY_NAME_LEN.read_or_zero(dentry),
        fields::DENTRY_NAME.read_or_zero(dentry),
    )
}
