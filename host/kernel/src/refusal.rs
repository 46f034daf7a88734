//! Why the kernel did not take a program, in words: what was wanted, what it said, what to do.
//!
//! One error number stands for many causes. `EPERM` on load means a missing capability, or a kernel that forbids that
//! kind of program; the capabilities and the verifier's log tell which.

use std::io;
use std::path::Path;

use aya::maps::MapError;
use aya::programs::{ProgramError, kprobe::KProbeError, trace_point::TracePointError};
use gadget_registry::elf::ProgramKind;

use crate::environment;

/// Lines of the verifier's log that are kept.
const LOG_LINES: usize = 20;

/// Why one program was not attached.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The verifier found the program unsafe.
    #[error("the kernel's verifier rejected it ({errno}): {reason}\n{log}")]
    Verifier {
        /// The error's name and text.
        errno: String,
        /// The line of the log that tells why.
        reason: String,
        /// The last lines of the log.
        log: String,
    },
    /// The process lacks a capability.
    #[error("this process lacks {missing}")]
    Capability {
        /// Which.
        missing: String,
    },
    /// The capabilities are there, and yet the kernel says no.
    #[error(
        "this kernel forbids {kind} programs (EPERM with an empty verifier log, though CAP_BPF and CAP_PERFMON are \
         there): it can't patch its own code, or lockdown or a security module is in the way; name a tracepoint as \
         an alternative"
    )]
    Forbidden {
        /// The kind of program.
        kind: ProgramKind,
    },
    /// The kernel has nothing of this name to attach to.
    #[error("kernel {release} has no {what} `{name}`{}", nearest.as_ref().map_or(String::new(), |it| format!("; the nearest is `{it}`")))]
    NoTarget {
        /// The kernel.
        release: String,
        /// A tracepoint, a function, ...
        what: &'static str,
        /// Its name.
        name: String,
        /// One whose name is nearly that.
        nearest: Option<String>,
    },
    /// The kernel has no probes of this kind at all.
    #[error("kernel {release} has no kprobes (CONFIG_KPROBE_EVENTS)")]
    NoKprobes {
        /// The kernel.
        release: String,
    },
    /// The kernel has no probes of programs.
    #[error("kernel {release} has no uprobes (CONFIG_UPROBE_EVENTS)")]
    NoUprobes {
        /// The kernel.
        release: String,
    },
    /// Tracepoints are reached through tracefs.
    #[error("{reason}")]
    NoTracefs {
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Out of memory.
    #[error("the kernel has no memory for it ({errno})")]
    Memory {
        /// The error's name and text.
        errno: String,
    },
    /// Anything else.
    #[error("{what}")]
    Other {
        /// What was tried and what came of it, causes included.
        what: String,
    },
}

/// A hook's alternative that was not taken, and why.
#[derive(Debug)]
pub struct Refused {
    /// Name of the program.
    pub program: String,
    /// Its kind.
    pub kind: ProgramKind,
    /// What it was to be attached to.
    pub target: String,
    /// Why not.
    pub reason: Refusal,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { program, kind, target, reason } = self;
        write!(f, "`{program}` ({kind} {target}): {reason}")
    }
}

/// Several, as one message.
pub(crate) fn list(refused: &[Refused]) -> String {
    refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What is known about a program that failed.
pub(crate) struct Attempt<'a> {
    pub(crate) kind: ProgramKind,
    pub(crate) target: &'a str,
    pub(crate) release: &'a str,
    pub(crate) tracefs: Option<&'a Path>,
}

impl Attempt<'_> {
    /// Puts aya's error into words.
    pub(crate) fn explain(&self, error: &ProgramError) -> Refusal {
        match error {
            ProgramError::LoadError { io_error, verifier_log } => self.load(
                io_error,
                &verifier_log.to_string(),
                environment::missing_capabilities().ok().flatten(),
            ),
            ProgramError::TracePointError(TracePointError::FileError { io_error, .. })
                if io_error.kind() == io::ErrorKind::NotFound =>
            {
                self.no_tracepoint()
            }
            ProgramError::KProbeError(KProbeError::FileError { io_error, .. })
                if io_error.kind() == io::ErrorKind::NotFound =>
            {
                Refusal::NoKprobes { release: self.release.to_owned() }
            }
            ProgramError::SyscallError(failed) => self.syscall(failed.call, &failed.io_error),
            ProgramError::MapError(MapError::SyscallError(failed)) => {
                self.syscall(failed.call, &failed.io_error)
            }
            other => Refusal::Other { what: causes(other) },
        }
    }

    fn load(&self, error: &io::Error, log: &str, missing: Option<String>) -> Refusal {
        let errno = errno(error);
        match error.raw_os_error() {
            Some(libc::EPERM) if missing.is_some() => {
                Refusal::Capability { missing: missing.unwrap_or_default() }
            }
            Some(libc::EPERM) if log.trim().is_empty() => Refusal::Forbidden { kind: self.kind },
            Some(libc::ENOMEM) => Refusal::Memory { errno },
            _ if log.trim().is_empty() => Refusal::Other {
                what: format!("the kernel refused to load it ({errno}) and does not say why"),
            },
            _ => {
                let (reason, log) = verdict(log);
                Refusal::Verifier { errno, reason, log }
            }
        }
    }

    fn syscall(&self, call: &str, error: &io::Error) -> Refusal {
        let absent = matches!(error.raw_os_error(), Some(libc::ENOENT));
        match (error.raw_os_error(), self.kind) {
            (Some(libc::EPERM | libc::EACCES), _) => {
                match environment::missing_capabilities().ok().flatten() {
                    Some(missing) => Refusal::Capability { missing },
                    None => Refusal::Other {
                        what: format!(
                            "`{call}` failed with {}: lockdown, a security module or kernel.perf_event_paranoid \
                             is in the way",
                            errno(error)
                        ),
                    },
                }
            }
            (Some(libc::ENOMEM | libc::ENOSPC), _) => Refusal::Memory { errno: errno(error) },
            (_, ProgramKind::RawTracepoint) if absent => self.missing("raw tracepoint", None),
            (_, ProgramKind::Kprobe) if absent || error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => {
                self.missing("function that can be probed", None)
            }
            _ => Refusal::Other { what: format!("`{call}` failed: {}", errno(error)) },
        }
    }

    /// That the kernel has no target of this name.
    pub(crate) fn missing(&self, what: &'static str, nearest: Option<String>) -> Refusal {
        Refusal::NoTarget { release: self.release.to_owned(), what, name: self.target.to_owned(), nearest }
    }

    fn no_tracepoint(&self) -> Refusal {
        let events = self.tracefs.map(|path| path.join("events"));
        let names = events.as_deref().map(|events| tracepoints(events, self.target)).unwrap_or_default();
        self.missing("tracepoint", nearest(self.target, names.iter().map(String::as_str)))
    }
}

/// `EPERM: Operation not permitted (os error 1)`.
fn errno(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(libc::EACCES) => "EACCES",
        Some(libc::EINVAL) => "EINVAL",
        Some(libc::ENOENT) => "ENOENT",
        Some(libc::ENOMEM) => "ENOMEM",
        Some(libc::ENOSPC) => "ENOSPC",
        Some(libc::E2BIG) => "E2BIG",
        Some(libc::EPERM) => "EPERM",
        _ => return error.to_string(),
    };
    format!("{name}, {error}")
}

/// An error and its causes, in one line.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// The line of the verifier's log that tells why, and its last lines. The statistics at the end tell nothing.
fn verdict(log: &str) -> (String, String) {
    let statistics = ["processed ", "verification time ", "stack depth "];
    let mut lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    while lines.last().is_some_and(|line| statistics.iter().any(|start| line.starts_with(start))) {
        lines.pop();
    }
    let reason = lines.last().copied().unwrap_or_default().to_owned();
    let from = lines.len().saturating_sub(LOG_LINES);
    (reason, lines[from..].join("\n"))
}

/// The names most like the one wanted: those of its category, or the categories where that is wrong.
fn tracepoints(events: &Path, wanted: &str) -> Vec<String> {
    let list = |folder: &Path| -> Vec<String> {
        let entries = folder.read_dir().into_iter().flatten().filter_map(Result::ok);
        entries
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    };
    let categories = list(events);
    let (category, name) = wanted.split_once('/').unwrap_or(("", wanted));
    let same_name = categories.iter().filter(|it| events.join(it).join(name).is_dir());
    let mut names: Vec<String> = same_name.map(|it| format!("{it}/{name}")).collect();
    let near =
        nearest(category, categories.iter().map(String::as_str)).unwrap_or_else(|| category.to_owned());
    names.extend(list(&events.join(&near)).into_iter().map(|name| format!("{near}/{name}")));
    names
}

/// The name most like `wanted`, if any is like it at all.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored = names.map(|name| (strsim::jaro_winkler(wanted, name), name));
    let (score, name) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score > 0.8).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTEMPT: Attempt<'_> =
        Attempt { kind: ProgramKind::Fentry, target: "vfs_open", release: "6.1", tracefs: None };

    #[test]
    fn a_refusal_to_load_is_told_apart() {
        let load = |code, log, missing: Option<&str>| {
            let refusal = ATTEMPT.load(&io::Error::from_raw_os_error(code), log, missing.map(str::to_owned));
            refusal.to_string()
        };
        assert_eq!(load(libc::EPERM, "", Some("CAP_BPF")), "this process lacks CAP_BPF");
        assert!(load(libc::EPERM, "", None).starts_with("this kernel forbids fentry programs"));
        assert!(load(libc::ENOMEM, "", None).contains("no memory"));
        assert!(load(libc::EINVAL, "", None).contains("EINVAL"));
        let log: String = (0..50).map(|i| format!("{i}: (bf) r{i} = r0\n")).collect();
        let log = log + "R1 invalid mem access 'scalar'\nprocessed 51 insns (limit 1000000) max_states 0\n\n";
        let said = load(libc::EACCES, &log, None);
        assert!(
            said.contains("(EACCES, Permission denied (os error 13)): R1 invalid mem access 'scalar'\n31: "),
            "{said}"
        );
        assert!(!said.contains("processed") && said.lines().count() == 21, "{said}");
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        let names = ["sys_enter_openat", "sys_exit_openat", "sys_enter_read"];
        let near = |wanted| nearest(wanted, names.into_iter());
        assert_eq!(near("sys_enter_opennat").as_deref(), Some("sys_enter_openat"));
        assert_eq!(near("zzz"), None);
    }
}
