//! The kernel's numbers as the names that people know: errors, flags, modes, signals, arguments.
//!
//! x86_64 and aarch64 share the generic numbering, but for four flags of `open`; where it matters the functions take
//! the [`Arch`] of the node.

mod argv;
mod bits;
mod block;
mod capability;
mod device;
mod errno;
mod module;
mod mount;
mod open;
mod path;
mod signal;
mod signal_code;
mod syscalls;

pub use argv::Argv;
pub use bits::{Bits, Name};
pub use block::block_operation;
pub use capability::Capability;
pub use device::Device;
pub use errno::{Errno, errno};
pub use module::{delete_module_flags, finit_module_flags};
pub use mount::{
    fsopen_flags, fspick_flags, mount_attributes, mount_flags, move_mount_flags, tree_flags, umount_flags,
};
pub use open::{Mode, OpenFlags, creates, resolve_flags};
pub use path::JoinedPath;
pub use signal::{ExitStatus, Signal};
pub use signal_code::SignalCode;
pub use syscalls::{Argument, Syscall, Syscalls};

/// What the node's kernel was built for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arch {
    /// 64-bit x86, also when the host does not say.
    #[default]
    X86_64,
    /// 64-bit Arm.
    Aarch64,
}

impl Arch {
    /// By the name that Rust gives it; the default for names not known here.
    pub fn from_name(name: &str) -> Self {
        match name {
            "aarch64" => Self::Aarch64,
            _ => Self::X86_64,
        }
    }
}

/// `id`, or `None` when it is all ones, which is how the kernel says that there is none: a login user, a session.
pub const fn set(id: u32) -> Option<u32> {
    if id == u32::MAX { None } else { Some(id) }
}
