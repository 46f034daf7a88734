//! The entry of every call; only the first use goes on to the host.
//!
//! What was seen is remembered by mount namespace and name of the thread: by the first containers are told apart, by the
//! second the programs outside of them.
#![no_std]
#![no_main]

use gadget::prelude::*;

mod event;
use event::Use;

gadget::event! {
    /// What was seen.
    struct Key {
        mntns: u32,
        number: u32,
        comm: [u64; 2],
    }
}

gadget::map! {
    /// Uses that the host knows of. When it is full, what was not used for longest is told again, which does no harm.
    static SEEN: LruHash<Key, u64> = 32768;
}

/// Arguments: the registers, the number of the call.
#[gadget::program("tp_btf/sys_enter")]
fn enter(_: BtfTracepoint) -> Option<()> {
    let number = Syscall::current().number()?;
    let task = Task::current();
    let key = Key { mntns: task.mount_namespace(), number, comm: task.comm() };
    if SEEN.contains(key) {
        return None;
    }
    let mut record = gadget::begin::<Use>()?;
    SEEN.insert(key, 1);
    record.set(Use { number, reserved: [0; 4] });
    record.emit()
}
