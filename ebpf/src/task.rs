//! A task, and what can be told of it.
//!
//! Fields are read by `bpf_probe_read_kernel`, not by plain loads, although the verifier would allow those: from 6.3 on
//! each load of a pointer from a task makes it search the whole of the kernel's BTF several times, half a millisecond
//! per load and path, and a gadget with many fields takes a second to start. A helper call costs about 10 ns.

use crate::{Path, fields, kernel::Addr, raw};

/// A thread of a process, or of the kernel.
#[derive(Clone, Copy)]
pub struct Task(Addr);

/// `PF_KTHREAD`.
const KERNEL_THREAD: u32 = 0x0020_0000;
/// `SIGNAL_GROUP_EXIT`.
const GROUP_EXIT: u32 = 4;

impl Task {
    /// The task that is running.
    #[inline(always)]
    pub fn current() -> Self {
        Self(raw::current_task().addr())
    }

    /// The task whose `task_struct` lies at `address`.
    #[inline(always)]
    pub const fn new(address: Addr) -> Self {
        Self(address)
    }

    /// Where its `task_struct` lies, for fields that this type does not name.
    #[inline(always)]
    pub const fn addr(&self) -> Addr {
        self.0
    }

    /// Process id, in the initial pid namespace.
    #[inline(always)]
    pub fn pid(&self) -> u32 {
        fields::TASK_TGID.read_or_zero(self.0)
    }

    /// Thread id, in the initial pid namespace.
    #[inline(always)]
    pub fn tid(&self) -> u32 {
        fields::TASK_PID.read_or_zero(self.0)
    }

    /// Real user id, in the initial user namespace.
    #[inline(always)]
    pub fn uid(&self) -> u32 {
        fields::CRED_UID.read_or_zero(fields::TASK_CRED.read_or_zero(self.0))
    }

    /// Real group id, in the initial user namespace.
    #[inline(always)]
    pub fn gid(&self) -> u32 {
        fields::CRED_GID.read_or_zero(fields::TASK_CRED.read_or_zero(self.0))
    }

    /// Name of the thread.
    #[inline(always)]
    pub fn comm(&self) -> [u64; 2] {
        fields::TASK_COMM.read_or_zero(self.0)
    }

    /// Name of the thread, NUL-padded, for an event's field.
    #[inline(always)]
    pub fn name(&self) -> [u8; 16] {
        raw::read_kernel_or_zero(fields::TASK_COMM.at(self.0))
    }

    /// The parent's main thread.
    #[inline(always)]
    pub fn parent(&self) -> Self {
        Self(fields::TASK_GROUP_LEADER.read_or_zero(fields::TASK_REAL_PARENT.read_or_zero(self.0)))
    }

    /// The process' main thread.
    #[inline(always)]
    pub fn leader(&self) -> Self {
        Self(fields::TASK_GROUP_LEADER.read_or_zero(self.0))
    }

    /// Inode number of the mount namespace; 0 for a task that has given it up.
    #[inline(always)]
    pub fn mount_namespace(&self) -> u32 {
        let proxy = fields::TASK_NSPROXY.read_or_zero(self.0);
        fields::MNT_NS_INUM.read_or_zero(fields::NSPROXY_MNT_NS.read_or_zero(proxy))
    }

    /// Id of the cgroup in the v2 hierarchy.
    #[inline(always)]
    pub fn cgroup(&self) -> u64 {
        let cgroup = fields::CSS_SET_CGROUP.read_or_zero(fields::TASK_CGROUPS.read_or_zero(self.0));
        fields::KERNFS_ID.read_or_zero(fields::CGROUP_NODE.read_or_zero(cgroup))
    }

    /// When it was forked, nanoseconds since boot.
    #[inline(always)]
    pub fn start(&self) -> u64 {
        fields::TASK_START.read_or_zero(self.0)
    }

    /// Whether it is a thread of the kernel.
    #[inline(always)]
    pub fn is_kernel_thread(&self) -> bool {
        fields::TASK_FLAGS.read_or_zero(self.0) & KERNEL_THREAD != 0
    }

    /// State, the letter that `ps` shows.
    #[inline(always)]
    pub fn state(&self) -> u8 {
        let running = fields::TASK_STATE.read_or_zero(self.0);
        let exiting = fields::TASK_EXIT_STATE.read_or_zero(self.0).cast_unsigned();
        letter(running, exiting)
    }

    /// Number of threads of the process.
    #[inline(always)]
    pub fn threads(&self) -> u32 {
        fields::SIGNAL_NR_THREADS.read_or_zero(fields::TASK_SIGNAL.read_or_zero(self.0))
    }

    /// How many of its threads have not begun to exit.
    #[inline(always)]
    pub fn live_threads(&self) -> i32 {
        fields::SIGNAL_LIVE.read_or_zero(fields::TASK_SIGNAL.read_or_zero(self.0))
    }

    /// How the process ended, as `wait` gives it.
    #[inline(always)]
    pub fn exit_status(&self) -> u32 {
        let signal = fields::TASK_SIGNAL.read_or_zero(self.0);
        let status = if fields::SIGNAL_FLAGS.read_or_zero(signal) & GROUP_EXIT != 0 {
            fields::SIGNAL_GROUP_EXIT_CODE.read_or_zero(signal)
        } else {
            fields::TASK_EXIT_CODE.read_or_zero(self.leader().0)
        };
        status.cast_unsigned()
    }

    /// The user who logged in; `u32::MAX` when none did, or the kernel does not tell.
    #[inline(always)]
    pub fn login_uid(&self) -> u32 {
        if fields::TASK_LOGINUID.exists() { fields::TASK_LOGINUID.read_or_zero(self.0) } else { u32::MAX }
    }

    /// The audit session; `u32::MAX` when there is none, or the kernel does not tell.
    #[inline(always)]
    pub fn session(&self) -> u32 {
        if fields::TASK_SESSIONID.exists() { fields::TASK_SESSIONID.read_or_zero(self.0) } else { u32::MAX }
    }

    /// Name of the controlling terminal, cut to 29 bytes; empty when there is none.
    #[inline(always)]
    pub fn terminal(&self) -> [u8; 30] {
        let terminal = fields::SIGNAL_TTY.read_or_zero(fields::TASK_SIGNAL.read_or_zero(self.0));
        let mut name: [u8; 30] = raw::read_kernel(fields::TTY_NAME.at(terminal)).unwrap_or([0; 30]);
        name[29] = 0;
        name
    }

    /// The executable's `struct file`; null for a thread of the kernel.
    #[inline(always)]
    pub fn exe_file(&self) -> Addr {
        fields::MM_EXE_FILE.read_or_zero(fields::TASK_MM.read_or_zero(self.0))
    }

    /// The working directory.
    #[inline(always)]
    pub fn working_directory(&self) -> Path {
        let fs = fields::TASK_FS.read_or_zero(self.0);
        Path::new(fields::FS_PWD_MNT.read_or_zero(fs), fields::FS_PWD_DENTRY.read_or_zero(fs))
    }

    /// The `struct file` of a descriptor; null when there is none.
    #[inline(always)]
    pub fn file(&self, fd: i32) -> Addr {
        let table = fields::FILES_FDT.read_or_zero(fields::TASK_FILES.read_or_zero(self.0));
        let fd = fd.cast_unsigned();
        if fd >= fields::FDTABLE_MAX.read_or_zero(table) {
            return Addr::new(0);
        }
        let slots = fields::FDTABLE_FD.read_or_zero(table);
        Addr::new(raw::read_kernel(slots.plus(u64::from(fd) * 8)).unwrap_or(0))
    }

    /// Where the arguments lie in the process' memory: first byte, and first byte after.
    #[inline(always)]
    pub fn arguments(&self) -> (u64, u64) {
        let mm = fields::TASK_MM.read_or_zero(self.0);
        (fields::MM_ARG_START.read_or_zero(mm), fields::MM_ARG_END.read_or_zero(mm))
    }
}

/// As the kernel's `task_state_index`.
#[inline(always)]
fn letter(running: u32, exiting: u32) -> u8 {
    const REPORT: u32 = 0x7f;
    const IDLE: u32 = 0x402;
    const UNINTERRUPTIBLE: u32 = 0x2;
    const RT_LOCK_WAIT: u32 = 0x1000;
    const FROZEN: u32 = 0x8000;
    if running & IDLE == IDLE {
        return b'I';
    }
    let state =
        if running & (RT_LOCK_WAIT | FROZEN) != 0 { UNINTERRUPTIBLE } else { (running | exiting) & REPORT };
    match state {
        0 => b'R',
        0x40.. => b'P',
        0x20.. => b'Z',
        0x10.. => b'X',
        0x08.. => b't',
        0x04.. => b'T',
        0x02.. => b'D',
        _ => b'S',
    }
}
