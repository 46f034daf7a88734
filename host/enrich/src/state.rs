//! The state that runc and crun write of a container before its first exec.

use std::{collections::HashMap, time::SystemTime};

use serde::Deserialize;

use crate::{files, roots::StateDir};

/// runc's state repeats the whole configuration.
const STATE_CAP: u64 = 4 << 20;

/// How a runtime writes a container's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `state.json`
    Runc,
    /// `status`
    Crun,
}

impl Format {
    const ALL: [Self; 2] = [Self::Runc, Self::Crun];

    fn file(self) -> &'static str {
        match self {
            Self::Runc => "state.json",
            Self::Crun => "status",
        }
    }
}

/// Whether a container's state is in a file of this name.
pub(crate) fn is_state_file(name: &str) -> bool {
    Format::ALL.iter().any(|format| format.file() == name)
}

/// When the state in `dir` was last written.
pub(crate) fn modified(dir: &StateDir) -> Option<SystemTime> {
    Format::ALL
        .iter()
        .find_map(|format| std::fs::metadata(dir.path.join(format.file())).ok()?.modified().ok())
}

/// What a state file tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// The first process; 0 while there is none.
    pub(crate) pid: u32,
    /// When it started, in clock ticks since boot; 0 when not told.
    pub(crate) start_time: u64,
    /// The bundle's folder, as the runtime saw it.
    pub(crate) bundle: Option<String>,
    /// The v2 cgroup's folder or path.
    pub(crate) cgroup: Option<String>,
    pub(crate) created: Option<String>,
    /// runc repeats the bundle's annotations and mounts; crun leaves them in the bundle.
    pub(crate) spec: Option<Spec>,
}

/// What matters to us of a bundle's `config.json`.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Spec {
    #[serde(default)]
    pub(crate) annotations: HashMap<String, String>,
    #[serde(default)]
    pub(crate) mounts: Vec<Mount>,
}

/// A mount of the container.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Mount {
    #[serde(default)]
    pub(crate) source: String,
}

impl Spec {
    /// Reads a `config.json`.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl State {
    /// Reads the state in `dir`; `None` while it is not complete.
    pub(crate) fn read(dir: &StateDir) -> Option<Self> {
        Format::ALL.iter().find_map(|format| {
            Self::parse(*format, &files::read(&dir.path.join(format.file()), STATE_CAP, dir.owner)?)
        })
    }

    /// Reads a state file; `None` when it is not complete yet, or nothing we know.
    fn parse(format: Format, bytes: &[u8]) -> Option<Self> {
        let state = match format {
            Format::Runc => serde_json::from_slice::<Runc>(bytes).ok()?.into_state(),
            Format::Crun => serde_json::from_slice::<Crun>(bytes).ok()?.into_state(),
        };
        (state.pid > 0).then_some(state)
    }
}

#[derive(Deserialize)]
struct Runc {
    init_process_pid: u32,
    #[serde(default)]
    init_process_start: u64,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    cgroup_paths: HashMap<String, String>,
    #[serde(default)]
    config: RuncConfig,
}

#[derive(Default, Deserialize)]
struct RuncConfig {
    /// `key=value`: the annotations, and `bundle`.
    #[serde(default)]
    labels: Option<Vec<String>>,
    #[serde(default)]
    mounts: Option<Vec<Mount>>,
}

impl Runc {
    fn into_state(self) -> State {
        let labels = self.config.labels.unwrap_or_default();
        let mut annotations: HashMap<String, String> = labels
            .iter()
            .filter_map(|label| label.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        State {
            pid: self.init_process_pid,
            start_time: self.init_process_start,
            bundle: annotations.remove("bundle"),
            // The v2 hierarchy has no controller's name.
            cgroup: self.cgroup_paths.get("").cloned(),
            created: self.created,
            spec: Some(Spec { annotations, mounts: self.config.mounts.unwrap_or_default() }),
        }
    }
}

#[derive(Deserialize)]
struct Crun {
    pid: u32,
    #[serde(default, rename = "process-start-time")]
    process_start_time: u64,
    #[serde(default, rename = "cgroup-path")]
    cgroup_path: String,
    #[serde(default)]
    bundle: Option<String>,
    #[serde(default)]
    created: Option<String>,
}

impl Crun {
    fn into_state(self) -> State {
        State {
            pid: self.pid,
            start_time: self.process_start_time,
            bundle: self.bundle,
            cgroup: (!self.cgroup_path.is_empty()).then_some(self.cgroup_path),
            created: self.created,
            spec: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runc() {
        let json = r#"{"id":"t2","init_process_pid":18107,"init_process_start":189497,
            "created":"2026-11-21T02:45:43.621643503Z",
            "config":{"rootfs":"/b/rootfs","labels":["io.kubernetes.cri.container-name=web","bundle=/b"],
                      "mounts":[{"source":"proc","destination":"/proc"}]},
            "cgroup_paths":{"":"/sys/fs/cgroup/unified/t2","memory":"/sys/fs/cgroup/memory/t2"}}"#;
        let state = State::parse(Format::Runc, json.as_bytes()).unwrap();
        assert_eq!((state.pid, state.start_time), (18107, 189_497));
        assert_eq!(state.bundle.as_deref(), Some("/b"));
        assert_eq!(state.cgroup.as_deref(), Some("/sys/fs/cgroup/unified/t2"));
        let spec = state.spec.unwrap();
        assert_eq!(spec.annotations["io.kubernetes.cri.container-name"], "web");
        assert_eq!(spec.mounts[0].source, "proc");
    }

    #[test]
    fn crun() {
        let json = r#"{"pid": 18182, "process-start-time": 189581, "cgroup-path": "/t1", "scope": "",
            "rootfs": "rootfs", "systemd-cgroup": false, "bundle": "/b", "created": "2026-11-21T02:45:44Z"}"#;
        let state = State::parse(Format::Crun, json.as_bytes()).unwrap();
        let wanted = State {
            pid: 18182,
            start_time: 189_581,
            bundle: Some("/b".into()),
            cgroup: Some("/t1".into()),
            created: Some("2026-11-21T02:45:44Z".into()),
            spec: None,
        };
        assert_eq!(state, wanted);
    }

    #[test]
    fn incomplete_or_foreign() {
        for (format, text) in [
            (Format::Runc, r#"{"init_process_pid":0}"#),
            (Format::Runc, r#"{"init_process_pid":12"#),
            (Format::Runc, r#"{"pid":12}"#),
            (Format::Crun, r#"{"pid": -1}"#),
            (Format::Crun, ""),
            (Format::Crun, "[]"),
        ] {
            assert_eq!(State::parse(format, text.as_bytes()), None, "{text}");
        }
    }
}
