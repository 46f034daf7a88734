//! Capabilities by name.

use crate::{Schema, Value, json};

/// A capability: in a row its name, `"CAP_SYS_ADMIN"`; one not known here as `"CAP_41"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(pub u32);

impl Capability {
    /// Its name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(self.0 as usize).copied()
    }
}

impl Value for Capability {
    const WIDTH: u16 = 22;

    fn write(&self, out: &mut Vec<u8>) {
        match self.name() {
            Some(name) => json::plain(out, name),
            None => json::numbered(out, "CAP_", self.0),
        }
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

/// From 0 on.
const NAMES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_capabilities() {
        let cases = [
            (0, "CAP_CHOWN"),
            (5, "CAP_KILL"),
            (13, "CAP_NET_RAW"),
            (21, "CAP_SYS_ADMIN"),
            (31, "CAP_SETFCAP"),
            (40, "CAP_CHECKPOINT_RESTORE"),
            (41, "CAP_41"),
        ];
        for (number, name) in cases {
            let mut out = Vec::new();
            Capability(number).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{name}\""));
        }
    }
}
