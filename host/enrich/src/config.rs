//! Where this node's files are. An agent in a pod sees the node below a mount (`/host`), a test below a folder of
//! its own; nothing else in this crate names an absolute path.

use std::path::{Component, Path, PathBuf};

/// The folders to read.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node's root file system: runtimes' state and metadata are looked for below its `run` and `var`.
    pub root: PathBuf,
    /// The node's `/proc`, of the initial pid namespace.
    pub proc: PathBuf,
    /// The mount of the cgroup v2 hierarchy; `None` on a node that has only v1.
    pub cgroup: Option<PathBuf>,
}

impl Config {
    /// The node this process runs on, seen directly.
    pub fn local() -> Self {
        Self::below("/")
    }

    /// The node whose root file system, `proc` and `sys` included, is mounted at `root`.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let cgroups = root.join("sys/fs/cgroup");
        let cgroup = [cgroups.clone(), cgroups.join("unified")]
            .into_iter()
            .find(|dir| dir.join("cgroup.controllers").exists());
        Self { proc: root.join("proc"), root, cgroup }
    }

    /// A path as the node's processes write it, seen from here. `None` for one that is relative or climbs.
    pub(crate) fn host_path(&self, path: &str) -> Option<PathBuf> {
        let inner = Path::new(path).strip_prefix("/").ok()?;
        if inner.components().any(|part| !matches!(part, Component::Normal(_))) {
            return None;
        }
        // `/var/run` is a link to `/run` everywhere, and an absolute link leads out of a mounted root.
        let inner =
            inner.strip_prefix("var/run").map_or(inner.to_owned(), |rest| Path::new("run").join(rest));
        Some(self.root.join(inner))
    }

    /// The folder of a v2 cgroup, from its path as `/proc/<pid>/cgroup` or a runtime's state gives it.
    pub(crate) fn cgroup_dir(&self, path: &str) -> Option<PathBuf> {
        let mount = self.cgroup.as_ref()?;
        let inner = Path::new(path);
        let inner = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/"]
            .iter()
            .find_map(|prefix| inner.strip_prefix(prefix).ok())?;
        inner.components().all(|part| matches!(part, Component::Normal(_))).then(|| mount.join(inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        let config = Config { root: "/host".into(), proc: "/host/proc".into(), cgroup: Some("/cg".into()) };
        let host = |path| config.host_path(path);
        assert_eq!(host("/run/crun/a"), Some("/host/run/crun/a".into()));
        assert_eq!(host("/var/run/docker"), Some("/host/run/docker".into()));
        assert_eq!(host("/var/running"), Some("/host/var/running".into()));
        assert_eq!(host("relative"), None);
        assert_eq!(host("/a/../../etc"), None);

        let cgroup = |path| config.cgroup_dir(path);
        assert_eq!(cgroup("/sys/fs/cgroup/unified/t"), Some("/cg/t".into()));
        assert_eq!(cgroup("/sys/fs/cgroup/system.slice/t"), Some("/cg/system.slice/t".into()));
        assert_eq!(cgroup("/system.slice/t"), Some("/cg/system.slice/t".into()));
        assert_eq!(cgroup("/../t"), None);
    }
}
