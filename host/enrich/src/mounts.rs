//! Container ids in a process's mounts: the last resort, for a process whose cgroup says nothing.

use crate::{
    Runtime,
    cgroup::{Named, is_hash},
};

/// The container whose own files are mounted over `/etc/hostname` and the like: tells when the cgroup does not,
/// because something moved the process, or hid the path.
pub(crate) fn container(mountinfo: &str) -> Option<Named<'_>> {
    mountinfo.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (root, target) = (fields.nth(3)?, fields.next()?);
        if !["/etc/hostname", "/etc/resolv.conf", "/etc/hosts", "/run/.containerenv"].contains(&target) {
            return None;
        }
        let (before, after) = root.split_once("containers/")?;
        // `/var/lib/containers/storage/overlay-containers/<id>/userdata/hostname` has the word twice.
        let (runtime, rest) = match after.split_once("overlay-containers/") {
            Some((_, rest)) => (Runtime::Podman, rest),
            None if before.ends_with("overlay-") => (Runtime::Podman, after),
            None => (Runtime::Docker, after),
        };
        let id = rest.split('/').next().filter(|id| is_hash(id))?;
        Some(Named { id, runtime, sure: true })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_that_tell_the_container() {
        let id = "3f4e6c1d2b5a79880f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778";
        let table = [
            ("/var/lib/docker/containers/<ID>/hostname /etc/hostname", Some(Runtime::Docker)),
            ("/lib/docker/containers/<ID>/resolv.conf /etc/resolv.conf", Some(Runtime::Docker)),
            (
                "/var/lib/containers/storage/overlay-containers/<ID>/userdata/hosts /etc/hosts",
                Some(Runtime::Podman),
            ),
            ("/containers/storage/overlay-containers/<ID>/userdata/hosts /etc/hosts", Some(Runtime::Podman)),
            ("/containers/short/hosts /etc/hosts", None),
            ("/var/lib/docker/containers/<ID>/hostname /mnt", None),
            ("/ /", None),
        ];
        for (mount, runtime) in table {
            let line =
                format!("36 35 98:0 {} rw,noatime master:1 - ext4 /dev/root rw", mount.replace("<ID>", id));
            let found = container(&line);
            assert_eq!(found.map(|named| named.runtime), runtime, "{mount}");
            assert!(found.is_none_or(|named| named.id == id));
        }
    }
}
