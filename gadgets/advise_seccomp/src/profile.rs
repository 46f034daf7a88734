//! A seccomp profile as the OCI runtime specification has it.

use std::collections::BTreeSet;

use gadget::{
    Schema, Value,
    linux::Arch,
    serde_json::{Value as Json, json, to_string},
};

/// Calls that a container runtime makes after it applied the profile and before the program runs (runc and crun: to run
/// it, to close what it must not inherit, to wait, to end when that fails), and without which no process ends or takes
/// a signal.
const RUNTIME: [&str; 20] = [
    "capget",
    "capset",
    "chdir",
    "close",
    "close_range",
    "execve",
    "exit",
    "exit_group",
    "fcntl",
    "fstat",
    "fstatfs",
    "futex",
    "getdents64",
    "getppid",
    "newfstatat",
    "openat",
    "prctl",
    "rt_sigreturn",
    "setgroups",
    "write",
];

/// The profile that allows some calls, and nothing else.
pub struct Profile<'a> {
    /// Whose numbers they were.
    pub arch: Arch,
    /// The calls seen. Those without a name are left out: a runtime would refuse the profile.
    pub calls: &'a BTreeSet<String>,
    /// Whether the runtime's own are allowed, too.
    pub runtime_calls: bool,
}

impl Profile<'_> {
    fn json(&self) -> Json {
        let runtime = RUNTIME.iter().copied().filter(|_| self.runtime_calls);
        let named = self.calls.iter().map(String::as_str).filter(|name| !name.starts_with("syscall_"));
        let names: BTreeSet<&str> = named.chain(runtime).collect();
        // 32-bit programs were not seen, so theirs are not allowed.
        let architecture = match self.arch {
            Arch::X86_64 => "SCMP_ARCH_X86_64",
            Arch::Aarch64 => "SCMP_ARCH_AARCH64",
        };
        json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": 1,
            "architectures": [architecture],
            "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}],
        })
    }
}

impl Value for Profile<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        // Strings and numbers can always be written.
        out.extend_from_slice(to_string(&self.json()).unwrap_or_default().as_bytes());
    }

    fn schema() -> Schema {
        Schema::object(&[], &[], true)
    }
}
