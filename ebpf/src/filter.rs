//! The well-known filters, which every gadget has without doing anything for it.
//!
//! They are read-only globals: a run that does not use one pays nothing for it.

use core::mem::MaybeUninit;

use crate::{Task, raw, ring};

/// A filter's memory.
#[repr(transparent)]
struct Filter<T>(MaybeUninit<T>);

impl<T: Copy> Filter<T> {
    const fn new(value: T) -> Self {
        Self(MaybeUninit::new(value))
    }

    #[inline(always)]
    fn get(&self) -> T {
        raw::global(&self.0)
    }
}

macro_rules! filters {
    ($($name:ident = $symbol:literal: $ty:ty = $off:expr;)*) => { $(
        #[expect(unsafe_code, reason = "the host finds the filter by its symbol")]
        #[unsafe(export_name = $symbol)]
        static $name: Filter<$ty> = Filter::new($off);
    )* };
}

filters! {
    SCOPE = "filter__scope": u8 = 0;
    PID = "filter__pid": u32 = 0;
    TID = "filter__tid": u32 = 0;
    UID = "filter__uid": u32 = u32::MAX;
    GID = "filter__gid": u32 = u32::MAX;
    COMM = "filter__comm": [u64; 2] = [0; 2];
    SELF = "filter__self": u32 = 0;
}

/// Whether a process is wanted: not the host's own, and the one asked for if one was.
#[inline(always)]
pub(crate) fn ids(pid: u32, tid: u32) -> bool {
    let (own, only_pid, only_tid) = (SELF.get(), PID.get(), TID.get());
    (own == 0 || pid != own) && (only_pid == 0 || pid == only_pid) && (only_tid == 0 || tid == only_tid)
}

/// Whether a user and group are wanted.
#[inline(always)]
pub(crate) fn owner(uid: u32, gid: u32) -> bool {
    let (only_uid, only_gid) = (UID.get(), GID.get());
    (only_uid == u32::MAX || uid == only_uid) && (only_gid == u32::MAX || gid == only_gid)
}

/// Whether a thread's name is wanted.
#[inline(always)]
pub(crate) fn comm(comm: [u64; 2]) -> bool {
    let only = COMM.get();
    only[0] == 0 || (comm[0] == only[0] && comm[1] == only[1])
}

/// Whether a mount namespace is in scope.
#[inline(always)]
pub(crate) fn scope(mount_namespace: u32) -> bool {
    SCOPE.get() == 0 || ring::in_scope(mount_namespace)
}

/// Whether the current task is wanted: all filters, before anything is looked up or counted for it. Whoever begins a
/// record has no need of it; whoever adds to what is already in a map asks first. A run without filters pays nothing.
#[inline(always)]
pub fn wanted() -> bool {
    let ids_pid_tgid = raw::current_pid_tgid();
    if !ids((ids_pid_tgid >> 32) as u32, ids_pid_tgid as u32) {
        return false;
    }
    if UID.get() != u32::MAX || GID.get() != u32::MAX {
        let ids = raw::current_uid_gid();
        if !owner(ids as u32, (ids >> 32) as u32) {
            return false;
        }
    }
    if COMM.get()[0] != 0 && !comm(Task::current().comm()) {
        return false;
    }
    SCOPE.get() == 0 || scope(Task::current().mount_namespace())
}

/// As [`wanted`], of another task: the main thread, say, where threads are counted as their process.
#[inline(always)]
pub fn wanted_of(task: Task) -> bool {
    if !ids(task.pid(), task.tid()) {
        return false;
    }
    if (UID.get() != u32::MAX || GID.get() != u32::MAX) && !owner(task.uid(), task.gid()) {
        return false;
    }
    if COMM.get()[0] != 0 && !comm(task.comm()) {
        return false;
    }
    SCOPE.get() == 0 || scope(task.mount_namespace())
}

/// Whether the run is limited at all: by containers, a process, a thread, a user, a group or a name.
#[inline(always)]
pub fn is_limited() -> bool {
    SCOPE.get() != 0
        || PID.get() != 0
        || TID.get() != 0
        || UID.get() != u32::MAX
        || GID.get() != u32::MAX
        || COMM.get()[0] != 0
}
