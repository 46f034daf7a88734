//! What the kernel and this process must bring: capabilities, type information, tracefs. Checked once, so that a
//! missing piece is named at the start and not as an error number in the middle of a run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount};

use crate::btf::KERNEL_BTF;

/// Capabilities that matter here, by bit.
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Where tracefs is found or mounted; aya looks in the same two places, in this order.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Why no gadget with a kernel half can run here.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// Everything here is little-endian.
    #[error("this machine is big-endian; gadgets and their events are little-endian only")]
    BigEndian,
    /// The process may not load eBPF programs.
    #[error(
        "loading eBPF programs needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN; this process lacks {missing}: run it \
         as root, or give them with `AmbientCapabilities=` in a systemd unit or `capabilities.add` in a pod"
    )]
    Capabilities {
        /// What is missing.
        missing: String,
    },
    /// The kernel tells nothing of its types.
    #[error(
        "kernel {release} has no type information at {path}; it must be built with CONFIG_DEBUG_INFO_BTF, as the \
         kernels of current distributions are"
    )]
    NoBtf {
        /// The kernel.
        release: String,
        /// Where it should be.
        path: &'static str,
    },
    /// A file that every Linux has can't be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// What is missing of the capabilities that loading takes; `None` when all is there.
pub(crate) fn missing_capabilities() -> Result<Option<String>, KernelError> {
    Ok(missing_in(capabilities()?))
}

/// Whether this thread may do everything that takes CAP_SYS_ADMIN.
pub(crate) fn is_admin() -> bool {
    capabilities().is_ok_and(|mask| mask & (1 << CAP_SYS_ADMIN) != 0)
}

fn capabilities() -> Result<u64, KernelError> {
    const STATUS: &str = "/proc/thread-self/status";
    let status = fs::read_to_string(STATUS).map_err(|source| KernelError::Io { path: STATUS, source })?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).ok_or_else(|| {
        let source = io::Error::other("it has no line `CapEff:` with a hexadecimal number");
        KernelError::Io { path: STATUS, source }
    })
}

fn missing_in(mask: u64) -> Option<String> {
    let has = |bit: u32| mask & (1 << bit) != 0;
    if has(CAP_SYS_ADMIN) {
        return None;
    }
    let missing: Vec<&str> = [(CAP_BPF, "CAP_BPF"), (CAP_PERFMON, "CAP_PERFMON")]
        .into_iter()
        .filter_map(|(bit, name)| (!has(bit)).then_some(name))
        .collect();
    (!missing.is_empty()).then(|| missing.join(" and "))
}

/// The kernel's release: `6.18.44`.
pub(crate) fn release() -> Result<String, KernelError> {
    const RELEASE: &str = "/proc/sys/kernel/osrelease";
    let text = fs::read_to_string(RELEASE).map_err(|source| KernelError::Io { path: RELEASE, source })?;
    Ok(text.trim().to_owned())
}

pub(crate) fn check(release: &str) -> Result<(), KernelError> {
    if cfg!(target_endian = "big") {
        return Err(KernelError::BigEndian);
    }
    if let Some(missing) = missing_capabilities()? {
        return Err(KernelError::Capabilities { missing });
    }
    if !Path::new(KERNEL_BTF).is_file() {
        return Err(KernelError::NoBtf { release: release.to_owned(), path: KERNEL_BTF });
    }
    Ok(())
}

/// Whether functions of programs can be probed.
pub(crate) fn has_uprobes() -> bool {
    Path::new("/sys/bus/event_source/devices/uprobe/type").exists()
}

/// Where tracefs is mounted; mounts it when it is nowhere. Only tracepoints need it, so a failure is kept for them.
pub(crate) fn tracefs() -> Result<PathBuf, String> {
    let mounted = || TRACEFS.into_iter().map(Path::new).find(|path| path.join("events").is_dir());
    if let Some(path) = mounted() {
        return Ok(path.to_owned());
    }
    let target = TRACEFS[0];
    match mount(
        "tracefs",
        target,
        "tracefs",
        MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
        None,
    ) {
        Ok(()) => mounted().map(Path::to_owned).ok_or_else(|| "this kernel has no tracepoints".to_owned()),
        Err(error) => Err(format!(
            "tracefs is not mounted, and mounting it at {target} failed ({error}); mount it with `mount -t tracefs \
             tracefs {target}`, or in a pod mount the node's {target}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_named() {
        let bit = |bit: u32| 1u64 << bit;
        let cases = [
            (0, Some("CAP_BPF and CAP_PERFMON")),
            (bit(CAP_BPF), Some("CAP_PERFMON")),
            (bit(CAP_PERFMON), Some("CAP_BPF")),
            (bit(CAP_BPF) | bit(CAP_PERFMON), None),
            (bit(CAP_SYS_ADMIN), None),
            (!bit(CAP_SYS_ADMIN), None),
        ];
        for (mask, expected) in cases {
            assert_eq!(missing_in(mask).as_deref(), expected, "{mask:#x}");
        }
    }
}
