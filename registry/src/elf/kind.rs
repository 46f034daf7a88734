//! What kind of program an ELF section holds: the first part of its name says so, the rest is where it is attached.
//! The names are libbpf's, as far as aya loads them.

use serde::Serialize;

/// The type of a program, as permissions name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the kernel's own")]
pub enum ProgramKind {
    CgroupDevice,
    CgroupSkb,
    CgroupSock,
    CgroupSockAddr,
    CgroupSockopt,
    CgroupSysctl,
    Classifier,
    Extension,
    Fentry,
    Fexit,
    FlowDissector,
    Iter,
    Kprobe,
    LircMode2,
    Lsm,
    LsmCgroup,
    PerfEvent,
    RawTracepoint,
    SkLookup,
    SkMsg,
    SkReuseport,
    SkSkb,
    SockOps,
    SocketFilter,
    TpBtf,
    Tracepoint,
    Uprobe,
    Xdp,
}

impl ProgramKind {
    /// The kind, and the rest of the section's name: `tracepoint/syscalls/sys_enter_openat` is a tracepoint on
    /// `syscalls/sys_enter_openat`. `None` for a name that the loader does not know.
    pub fn of_section(section: &str) -> Option<(Self, Option<&str>)> {
        let (head, rest) = match section.split_once('/') {
            Some((head, rest)) => (head, Some(rest)),
            None => (section, None),
        };
        let kind = match head {
            "cgroup" => of_cgroup(rest?)?,
            "cgroup_skb" => Self::CgroupSkb,
            "classifier" => Self::Classifier,
            "fentry" | "fentry.s" => Self::Fentry,
            "fexit" | "fexit.s" => Self::Fexit,
            "flow_dissector" => Self::FlowDissector,
            "freplace" => Self::Extension,
            "iter" | "iter.s" => Self::Iter,
            "kprobe" | "kretprobe" => Self::Kprobe,
            "lirc_mode2" => Self::LircMode2,
            "lsm" | "lsm.s" => Self::Lsm,
            "lsm_cgroup" => Self::LsmCgroup,
            "perf_event" => Self::PerfEvent,
            "raw_tp" | "raw_tracepoint" => Self::RawTracepoint,
            "sk_lookup" => Self::SkLookup,
            "sk_msg" => Self::SkMsg,
            "sk_reuseport" => Self::SkReuseport,
            "sk_skb" => Self::SkSkb,
            "socket" => Self::SocketFilter,
            "sockops" => Self::SockOps,
            "tp" | "tracepoint" => Self::Tracepoint,
            "tp_btf" => Self::TpBtf,
            "uprobe" | "uprobe.s" | "uretprobe" | "uretprobe.s" => Self::Uprobe,
            "xdp" | "xdp.frags" => Self::Xdp,
            _ => return None,
        };
        Some((kind, rest))
    }

    /// As permissions name it: `tracepoint`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CgroupDevice => "cgroup_device",
            Self::CgroupSkb => "cgroup_skb",
            Self::CgroupSock => "cgroup_sock",
            Self::CgroupSockAddr => "cgroup_sock_addr",
            Self::CgroupSockopt => "cgroup_sockopt",
            Self::CgroupSysctl => "cgroup_sysctl",
            Self::Classifier => "classifier",
            Self::Extension => "extension",
            Self::Fentry => "fentry",
            Self::Fexit => "fexit",
            Self::FlowDissector => "flow_dissector",
            Self::Iter => "iter",
            Self::Kprobe => "kprobe",
            Self::LircMode2 => "lirc_mode2",
            Self::Lsm => "lsm",
            Self::LsmCgroup => "lsm_cgroup",
            Self::PerfEvent => "perf_event",
            Self::RawTracepoint => "raw_tracepoint",
            Self::SkLookup => "sk_lookup",
            Self::SkMsg => "sk_msg",
            Self::SkReuseport => "sk_reuseport",
            Self::SkSkb => "sk_skb",
            Self::SockOps => "sock_ops",
            Self::SocketFilter => "socket_filter",
            Self::TpBtf => "tp_btf",
            Self::Tracepoint => "tracepoint",
            Self::Uprobe => "uprobe",
            Self::Xdp => "xdp",
        }
    }
}

impl std::fmt::Display for ProgramKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

fn of_cgroup(rest: &str) -> Option<ProgramKind> {
    Some(match rest.split('/').next().unwrap_or(rest) {
        "skb" => ProgramKind::CgroupSkb,
        "sysctl" => ProgramKind::CgroupSysctl,
        "dev" => ProgramKind::CgroupDevice,
        "getsockopt" | "setsockopt" => ProgramKind::CgroupSockopt,
        "sock" | "sock_create" | "sock_release" | "post_bind4" | "post_bind6" => ProgramKind::CgroupSock,
        other => {
            let call = other.strip_suffix(['4', '6'])?;
            if !["bind", "connect", "getpeername", "getsockname", "sendmsg", "recvmsg"].contains(&call) {
                return None;
            }
            ProgramKind::CgroupSockAddr
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_name_their_kind_and_target() {
        let cases = [
            ("tracepoint/syscalls/sys_exit_openat", Some(("tracepoint", Some("syscalls/sys_exit_openat")))),
            ("tp_btf/sched_process_exec", Some(("tp_btf", Some("sched_process_exec")))),
            ("raw_tp/sys_enter", Some(("raw_tracepoint", Some("sys_enter")))),
            ("iter/task", Some(("iter", Some("task")))),
            ("uretprobe", Some(("uprobe", None))),
            ("cgroup/connect4", Some(("cgroup_sock_addr", Some("connect4")))),
            ("cgroup/nonsense", None),
            ("cgroup", None),
            ("tc", None),
            ("", None),
        ];
        for (section, expected) in cases {
            let found = ProgramKind::of_section(section).map(|(kind, target)| (kind.name(), target));
            assert_eq!(found, expected, "{section}");
        }
        assert_eq!(serde_json::to_value(ProgramKind::CgroupSockAddr).unwrap(), "cgroup_sock_addr");
    }
}
