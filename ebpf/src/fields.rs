//! The kernel fields that this crate uses, for gadgets to use as well.
#![expect(missing_docs, reason = "each is the kernel's field of that name")]
#![expect(
    clippy::allow_attributes,
    reason = "the macro's, which serves crates that deny unsafe code and others"
)]

use crate::{kernel::Addr, kernel_field, kernel_size};

kernel_field! {
    pub static TASK_CGROUPS: task_struct.cgroups => Addr;
    pub static TASK_COMM: task_struct.comm => [u64; 2];
    pub static TASK_CRED: task_struct.cred => Addr;
    pub static TASK_EXIT_CODE: task_struct.exit_code => i32;
    pub static TASK_EXIT_STATE: task_struct.exit_state => i32;
    pub static TASK_FILES: task_struct.files => Addr;
    pub static TASK_FLAGS: task_struct.flags => u32;
    pub static TASK_FS: task_struct.fs => Addr;
    pub static TASK_GROUP_LEADER: task_struct.group_leader => Addr;
    pub optional static TASK_LOGINUID: task_struct.loginuid => u32;
    pub static TASK_MM: task_struct.mm => Addr;
    pub static TASK_NSPROXY: task_struct.nsproxy => Addr;
    pub static TASK_PID: task_struct.pid => u32;
    pub static TASK_REAL_PARENT: task_struct.real_parent => Addr;
    pub optional static TASK_SESSIONID: task_struct.sessionid => u32;
    pub static TASK_SIGNAL: task_struct.signal => Addr;
    pub static TASK_START: task_struct.start_boottime => u64;
    pub static TASK_STATE: task_struct.__state => u32;
    pub static TASK_TGID: task_struct.tgid => u32;

    pub static SIGNAL_FLAGS: signal_struct.flags => u32;
    pub static SIGNAL_GROUP_EXIT_CODE: signal_struct.group_exit_code => i32;
    pub static SIGNAL_LIVE: signal_struct.live.counter => i32;
    pub static SIGNAL_NR_THREADS: signal_struct.nr_threads => u32;
    pub static SIGNAL_TTY: signal_struct.tty => Addr;
    pub static TTY_NAME: tty_struct.name => Addr;

    pub static CRED_GID: cred.gid.val => u32;
    pub static CRED_UID: cred.uid.val => u32;
    pub static NSPROXY_MNT_NS: nsproxy.mnt_ns => Addr;
    pub static MNT_NS_INUM: mnt_namespace.ns.inum => u32;
    pub static CSS_SET_CGROUP: css_set.dfl_cgrp => Addr;
    pub static CGROUP_NODE: cgroup.kn => Addr;
    pub static KERNFS_ID: kernfs_node.id => u64;

    pub static MM_ARG_END: mm_struct.arg_end => u64;
    pub static MM_ARG_START: mm_struct.arg_start => u64;
    pub static MM_EXE_FILE: mm_struct.exe_file => Addr;

    pub static FILES_FDT: files_struct.fdt => Addr;
    pub static FDTABLE_FD: fdtable.fd => Addr;
    pub static FDTABLE_MAX: fdtable.max_fds => u32;
    pub static FS_PWD_DENTRY: fs_struct.pwd.dentry => Addr;
    pub static FS_PWD_MNT: fs_struct.pwd.mnt => Addr;
    pub static FILE_DENTRY: file.f_path.dentry => Addr;
    pub static FILE_INODE: file.f_inode => Addr;
    pub static FILE_PRIVATE: file.private_data => Addr;
    pub static FILE_MNT: file.f_path.mnt => Addr;

    pub static DENTRY_NAME: dentry.d_name.name => Addr;
    pub static DENTRY_NAME_LEN: dentry.d_name.len => u32;
    pub static DENTRY_PARENT: dentry.d_parent => Addr;
    pub static INODE_NUMBER: inode.i_ino => u64;
    pub static INODE_MODE: inode.i_mode => u16;
    pub static INODE_SB: inode.i_sb => Addr;
    pub static SB_DEV: super_block.s_dev => u32;
    pub static SB_MAGIC: super_block.s_magic => u64;
    pub static MOUNT_MNT: mount.mnt => Addr;
    pub static MOUNT_MOUNTPOINT: mount.mnt_mountpoint => Addr;
    pub static MOUNT_PARENT: mount.mnt_parent => Addr;
    pub static VFSMOUNT_ROOT: vfsmount.mnt_root => Addr;
}

kernel_size! {
    pub static INODE: inode;
}

#[cfg(bpf_target_arch = "x86_64")]
kernel_field! {
    pub static REGS_ARG0: pt_regs.di => u64;
    pub static REGS_ARG1: pt_regs.si => u64;
    pub static REGS_ARG2: pt_regs.dx => u64;
    pub static REGS_ARG3: pt_regs.r10 => u64;
    pub static REGS_ARG4: pt_regs.r8 => u64;
    pub static REGS_ARG5: pt_regs.r9 => u64;
    pub static REGS_NUMBER: pt_regs.orig_ax => i64;
    pub static REGS_GOROUTINE: pt_regs.r14 => u64;
    pub static THREAD_STATUS: task_struct.thread_info.status => u32;
}

// On arm64 the first argument's register has the result by the time a call returns; the kernel keeps the argument.
#[cfg(bpf_target_arch = "aarch64")]
kernel_field! {
    pub static REGS_ARG0: pt_regs.orig_x0 => u64;
    pub static REGS: pt_regs.regs => [u64; 6];
    pub static REGS_NUMBER: pt_regs.syscallno => i32;
    pub static THREAD_FLAGS: task_struct.thread_info.flags => u64;
}
