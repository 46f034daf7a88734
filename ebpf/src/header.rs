//! The common header: filters are applied as soon as what they look at is known, the cheap ones first.

use core::mem::{MaybeUninit, offset_of};

use gadget_abi::Header;

use crate::{Task, filter, raw};

/// Where a header comes from.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    /// The task that is running: its ids by stable helpers.
    Current,
    /// Another one.
    Other(Task),
}

/// The header of the current task, to be kept in a map until its event is complete: in a softirq, say, where the
/// current task is anyone. `None` when a filter does not want the task's events; so what was kept is wanted.
#[inline(always)]
pub fn header_of_current() -> Option<Header> {
    of(Of::Current)
}

/// As [`header_of_current`], of another task.
#[inline(always)]
pub fn header_of(task: Task) -> Option<Header> {
    of(Of::Other(task))
}

#[inline(always)]
fn of(of: Of) -> Option<Header> {
    let mut header = MaybeUninit::<Header>::uninit();
    write(header.as_mut_ptr().cast(), of)?;
    Some(raw::written(header))
}

/// Writes the header at `to`; `None` when a filter does not want the event.
#[inline(always)]
pub(crate) fn write(to: *mut u8, of: Of) -> Option<()> {
    let (pid, tid) = match of {
        Of::Current => {
            let ids = raw::current_pid_tgid();
            ((ids >> 32) as u32, ids as u32)
        }
        Of::Other(task) => (task.pid(), task.tid()),
    };
    if !filter::ids(pid, tid) {
        return None;
    }
    let (uid, gid) = match of {
        Of::Current => {
            let ids = raw::current_uid_gid();
            (ids as u32, (ids >> 32) as u32)
        }
        Of::Other(task) => (task.uid(), task.gid()),
    };
    if !filter::owner(uid, gid) {
        return None;
    }
    let task = match of {
        Of::Current => Task::current(),
        Of::Other(task) => task,
    };
    let comm = task.comm();
    if !filter::comm(comm) {
        return None;
    }
    let mntns = task.mount_namespace();
    if !filter::scope(mntns) {
        return None;
    }
    let cgroup = match of {
        Of::Current => raw::current_cgroup(),
        Of::Other(task) => task.cgroup(),
    };
    let parent = task.parent();
    raw::store(to, offset_of!(Header, timestamp), raw::boot_ns());
    raw::store(to, offset_of!(Header, cgroup), cgroup);
    raw::store(to, offset_of!(Header, mntns), mntns);
    raw::store(to, offset_of!(Header, pid), pid);
    raw::store(to, offset_of!(Header, tid), tid);
    raw::store(to, offset_of!(Header, uid), uid);
    raw::store(to, offset_of!(Header, gid), gid);
    raw::store(to, offset_of!(Header, ppid), parent.pid());
    raw::store(to, offset_of!(Header, comm), comm);
    raw::store(to, offset_of!(Header, parent_comm), parent.comm());
    Some(())
}
