//! What `/proc` tells of one process. Each answer is `None` once the process is gone, and before: a pid may name
//! another process by then, so callers compare start times or namespaces.

use std::path::PathBuf;

use rustix::time::{ClockId, clock_gettime};

use crate::files;

/// A file of a process in `/proc` is at most so large for us.
const PROC_CAP: u64 = 1 << 20;

/// Nanoseconds since boot: the clock of events' timestamps.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A mount of procfs.
#[derive(Clone, Debug)]
pub(crate) struct Proc(pub(crate) PathBuf);

impl Proc {
    fn of(&self, pid: &str, file: &str) -> PathBuf {
        let mut path = self.0.join(pid);
        path.push(file);
        path
    }

    fn text(&self, pid: u32, file: &str) -> Option<String> {
        files::read_text(&self.of(&pid.to_string(), file), PROC_CAP)
    }

    /// Inode number of the process's mount namespace; zombies have none.
    pub(crate) fn mntns(&self, pid: u32) -> Option<u32> {
        self.mntns_of(&pid.to_string())
    }

    /// As [`Proc::mntns`], for `self` as well.
    pub(crate) fn mntns_of(&self, pid: &str) -> Option<u32> {
        let link = std::fs::read_link(self.of(pid, "ns/mnt")).ok()?;
        link.to_str()?.strip_prefix("mnt:[")?.strip_suffix(']')?.parse().ok()
    }

    /// When the process started, in clock ticks since boot: with the pid, its identity.
    pub(crate) fn start_time(&self, pid: u32) -> Option<u64> {
        let stat = self.text(pid, "stat")?;
        // The name may hold spaces and parentheses; what follows its last `)` starts at field 3 of 22.
        stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
    }

    /// The process's cgroups.
    pub(crate) fn cgroups(&self, pid: u32) -> Option<Cgroups> {
        Some(Cgroups::parse(&self.text(pid, "cgroup")?))
    }

    /// The process's mounts, as `mountinfo` lists them.
    pub(crate) fn mountinfo(&self, pid: u32) -> Option<String> {
        self.text(pid, "mountinfo")
    }

    /// Whether the process's user namespace maps the user `uid` of ours: what a rootless container's always does.
    pub(crate) fn maps_user(&self, pid: u32, uid: u32) -> bool {
        let Some(map) = self.text(pid, "uid_map") else { return false };
        map.lines().any(|line| {
            let mut fields = line.split_ascii_whitespace().map(|field| field.parse::<u64>().unwrap_or(0));
            let (_inside, outside, count) = (fields.next(), fields.next(), fields.next());
            // The initial namespace maps everything; it is nobody's container.
            match (outside, count) {
                (Some(outside), Some(count)) if count < u64::from(u32::MAX) => {
                    (outside..outside + count).contains(&u64::from(uid))
                }
                _ => false,
            }
        })
    }

    /// All processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return Vec::new() };
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
    }

    /// Whether the pids of this mount are the ones this process can name in system calls.
    pub(crate) fn is_ours(&self) -> bool {
        let own = std::process::id().to_string();
        std::fs::read_link(self.0.join("self")).is_ok_and(|link| link.as_os_str() == own.as_str())
    }
}

/// The paths of a process in the cgroup hierarchies.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cgroups {
    /// In the v2 hierarchy.
    pub(crate) unified: Option<String>,
    /// In the v1 hierarchies, systemd's own first, each path once.
    pub(crate) legacy: Vec<String>,
}

impl Cgroups {
    /// Reads `/proc/<pid>/cgroup`.
    pub(crate) fn parse(text: &str) -> Self {
        let mut cgroups = Self::default();
        for line in text.lines() {
            let mut fields = line.splitn(3, ':');
            let (Some(hierarchy), Some(controllers), Some(path)) =
                (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            if hierarchy == "0" && controllers.is_empty() {
                cgroups.unified = Some(path.to_owned());
            } else if !cgroups.legacy.iter().any(|known| known == path) {
                let first = if controllers == "name=systemd" { 0 } else { cgroups.legacy.len() };
                cgroups.legacy.insert(first, path.to_owned());
            }
        }
        cgroups
    }

    /// Every path, the one that tells most first.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.unified.iter().chain(&self.legacy).map(String::as_str).filter(|path| *path != "/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroup_files() {
        let v2 = Cgroups::parse("0::/system.slice/docker-0a.scope\n");
        assert_eq!(v2.paths().collect::<Vec<_>>(), ["/system.slice/docker-0a.scope"]);
        let hybrid =
            Cgroups::parse("9:memory:/docker/0a\n1:name=systemd:/system.slice/x\n2:cpu,cpuacct:/\n0::/\n");
        assert_eq!(hybrid.paths().collect::<Vec<_>>(), ["/system.slice/x", "/docker/0a"]);
        // A path may hold colons.
        let colons = Cgroups::parse("0::/a.slice:cri-containerd:0a\nnonsense\n");
        assert_eq!(colons.unified.as_deref(), Some("/a.slice:cri-containerd:0a"));
    }

    #[test]
    fn own_process() {
        let proc = Proc("/proc".into());
        let own = std::process::id();
        assert!(proc.is_ours());
        assert!(proc.mntns(own).is_some_and(|mntns| mntns > 0));
        assert_eq!(proc.mntns(own), proc.mntns_of("self"));
        let ticks = proc.start_time(own).unwrap();
        assert!(ticks * 10_000_000 < now() + 1_000_000_000, "started before now");
        assert!(!proc.maps_user(own, 1000) || !proc.maps_user(own, 3_999_999_999));
        assert_eq!(proc.mntns(u32::MAX), None);
    }

    #[test]
    fn names_with_parentheses_and_foreign_files() {
        let dir = tempfile::tempdir().unwrap();
        let proc = Proc(dir.path().to_owned());
        std::fs::create_dir_all(dir.path().join("7/ns")).unwrap();
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1 1";
        std::fs::write(dir.path().join("7/stat"), stat).unwrap();
        std::os::unix::fs::symlink("mnt:[4026532177]", dir.path().join("7/ns/mnt")).unwrap();
        std::fs::write(dir.path().join("7/uid_map"), "0 1000 1\n1 100000 65536\n").unwrap();
        assert_eq!(proc.start_time(7), Some(4242));
        assert_eq!(proc.mntns(7), Some(4_026_532_177));
        assert!(proc.maps_user(7, 1000));
        assert!(!proc.maps_user(7, 1001));
        assert_eq!(proc.pids(), [7]);
    }
}
