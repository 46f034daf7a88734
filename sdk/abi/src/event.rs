//! What stands at the start of every event, and what an event type may be made of.

/// Length of a task's name in the kernel, the closing NUL included.
pub const COMM_LEN: usize = 16;

/// The common header: who caused the event, and when.
///
/// Written by the kernel half before the gadget's own fields, so that filtering, loss accounting and enrichment are
/// the same for every gadget.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Nanoseconds since boot, suspend included (`bpf_ktime_get_boot_ns`).
    pub timestamp: u64,
    /// Id of the task's cgroup in the v2 hierarchy (`bpf_get_current_cgroup_id`).
    pub cgroup: u64,
    /// Inode number of the task's mount namespace: the key by which a container is found.
    pub mntns: u32,
    /// Process (thread group) id in the initial pid namespace.
    pub pid: u32,
    /// Thread id in the initial pid namespace.
    pub tid: u32,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// Real group id in the initial user namespace.
    pub gid: u32,
    /// Process id of the parent.
    pub ppid: u32,
    /// Name of the thread, NUL-padded.
    pub comm: [u8; COMM_LEN],
    /// Name of the parent's main thread, NUL-padded.
    pub parent_comm: [u8; COMM_LEN],
}

impl Header {
    /// Of nobody: for an event that tells of no process, such as one that happens while anyone runs.
    pub const NOBODY: Self = Self {
        timestamp: 0,
        cgroup: 0,
        mntns: 0,
        pid: 0,
        tid: 0,
        uid: 0,
        gid: 0,
        ppid: 0,
        comm: [0; COMM_LEN],
        parent_comm: [0; COMM_LEN],
    };
}

/// A type every bit pattern of which is a value, and that has no padding, so that it may cross the kernel boundary
/// as bytes without telling what lay on the kernel's stack.
///
/// # Safety
/// The implementing type must be `#[repr(C)]`, free of padding, and valid for every bit pattern. The [`event!`] macro
/// checks all three at compile time.
pub unsafe trait Plain: Copy + 'static {}

macro_rules! plain {
    ($($t:ty),*) => { $(
        // SAFETY: integers have no padding and no invalid bit patterns.
        unsafe impl Plain for $t {}
    )* };
}
plain!(u8, u16, u32, u64, i8, i16, i32, i64);

// SAFETY: an array of plain values has no padding between them.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

// SAFETY: `repr(C)`; the assertion below shows that there is no padding; all fields are plain.
unsafe impl Plain for Header {}

const _: () = assert!(size_of::<Header>() == 2 * 8 + 6 * 4 + 2 * COMM_LEN);

/// Declares an event struct that both halves share: plain fields, no padding, checked at compile time.
///
/// ```
/// gadget_abi::event! {
///     /// One call of `open`.
///     pub struct Open {
///         /// What the call returned.
///         pub ret: i64,
///         /// The flags given.
///         pub flags: u32,
///         /// The mode given.
///         pub mode: u32,
///     }
/// }
/// ```
#[macro_export]
macro_rules! event {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident : $ty:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy)]
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $ty),* }

        const _: () = {
            const fn plain<T: $crate::Plain>() {}
            $(plain::<$ty>();)*
            assert!(
                ::core::mem::size_of::<$name>() == 0 $(+ ::core::mem::size_of::<$ty>())*,
                "the event has padding: order its fields by size, or add an explicit one"
            );
        };
        // SAFETY: `repr(C)`, no padding and only plain fields, by the assertions above.
        #[allow(unsafe_code, reason = "the one place where an event is declared plain")]
        unsafe impl $crate::Plain for $name {}
    };
}
