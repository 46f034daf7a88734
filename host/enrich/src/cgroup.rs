//! Container ids in cgroup paths. Every runtime names the cgroup of a container after its id, each in its own way
//! and in another again under systemd; this is the list, as found on real nodes.
//!
//! A path is read from its inner end, so that of a container inside a container the inner one is found, and a
//! cgroup that a container made below its own (systemd, `init.scope`) still leads to it.

use crate::Runtime;

/// A component of a path that may name a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    /// The container's id.
    pub(crate) id: &'a str,
    /// Whose way of naming it is.
    pub(crate) runtime: Runtime,
    /// Whether the form alone proves it. Plain runtimes take any name as id: those must be known otherwise.
    pub(crate) sure: bool,
}

/// Everything in `path` that may name a container, the innermost first.
pub(crate) fn candidates(path: &str) -> impl Iterator<Item = Named<'_>> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != "..").collect();
    (0..parts.len()).rev().filter_map(move |at| component(&parts[..at], parts[at]))
}

/// What the cgroup named `name` below `parents` is, if it may be a container's.
pub(crate) fn component<'a>(parents: &[&'a str], name: &'a str) -> Option<Named<'a>> {
    // Containerd told to use systemd's driver with a runtime that doesn't: `<slice>:cri-containerd:<id>`.
    let colons = name.rsplit_once(':').and_then(|(slice, id)| Some((slice.rsplit_once(':')?.1, id)));
    if let Some((prefix, id)) = colons {
        return prefixed(prefix, id);
    }
    if let Some(scope) = name.strip_suffix(".scope") {
        return split_prefix(scope).and_then(|(prefix, id)| prefixed(prefix, id));
    }
    if name.ends_with(".slice") || name.ends_with(".service") || name.ends_with(".mount") {
        return None;
    }
    if is_hash(name) {
        return Some(Named { id: name, runtime: bare(parents), sure: true });
    }
    match split_prefix(name).and_then(|(prefix, id)| prefixed(prefix, id)) {
        Some(named) if named.sure => Some(named),
        _ if is_conmon(name) => None,
        _ => is_id(name).then_some(Named { id: name, runtime: Runtime::Unknown, sure: false }),
    }
}

/// The prefixes that runtimes put before ids; longer ones before their beginnings.
const PREFIXES: [(&str, Runtime); 10] = [
    ("cri-containerd", Runtime::Containerd),
    ("containerd", Runtime::Containerd),
    ("nerdctl", Runtime::Containerd),
    ("docker", Runtime::Docker),
    ("crio", Runtime::Crio),
    ("libpod-payload", Runtime::Podman),
    ("libpod", Runtime::Podman),
    ("runc", Runtime::Runc),
    ("crun", Runtime::Crun),
    ("youki", Runtime::Unknown),
];

fn split_prefix(name: &str) -> Option<(&str, &str)> {
    PREFIXES.iter().find_map(|(prefix, _)| Some((*prefix, name.strip_prefix(prefix)?.strip_prefix('-')?)))
}

fn prefixed<'a>(prefix: &str, id: &'a str) -> Option<Named<'a>> {
    let (_, runtime) = *PREFIXES.iter().find(|(known, _)| *known == prefix)?;
    match runtime {
        // Their ids are whatever the caller chose.
        Runtime::Runc | Runtime::Crun | Runtime::Unknown => {
            is_id(id).then_some(Named { id, runtime, sure: is_hash(id) })
        }
        // `crio-conmon-<id>` and `libpod-conmon-<id>` hold the monitor, not the container.
        _ => is_hash(id).then_some(Named { id, runtime, sure: true }),
    }
}

fn is_conmon(name: &str) -> bool {
    name.starts_with("crio-conmon-") || name.starts_with("libpod-conmon-")
}

/// Whose a bare hash is, by what stands above it.
fn bare(parents: &[&str]) -> Runtime {
    match parents {
        [.., "docker" | "actions_job" | "buildkit"] => Runtime::Docker,
        [.., "libpod_parent"] => Runtime::Podman,
        [.., "crun"] => Runtime::Crun,
        [.., "default" | "k8s.io" | "moby"] => Runtime::Containerd,
        _ if parents.contains(&"ecs") => Runtime::Docker,
        // The kubelet's cgroupfs driver; Docker's shim wrote the same, but that is gone since 1.24.
        _ if parents.iter().any(|part| part.starts_with("kubepods")) => Runtime::Containerd,
        _ => Runtime::Unknown,
    }
}

/// Whether it is an id as Docker, containerd's CRI, CRI-O and Podman make them: a SHA-256 in hex.
pub(crate) fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a runtime would take it as an id.
pub(crate) fn is_id(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "3f4e6c1d2b5a79880f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778";
    const B: &str = "77665544332211000f1e2d3c4b5a69788796a5b4c3d2e1f0aabbccddeeff0011";

    /// The container a path surely names, as `runtime:id`.
    fn sure(path: &str) -> Option<String> {
        let path = path.replace("<A>", A).replace("<B>", B);
        let named = candidates(&path).find(|named| named.sure)?;
        let id = named.id.replace(A, "<A>").replace(B, "<B>");
        Some(format!("{}:{id}", named.runtime.as_str()))
    }

    #[test]
    fn paths_that_tell_by_themselves() {
        let table = [
            // Docker
            ("/docker/<A>", "docker:<A>"),
            ("/system.slice/docker-<A>.scope", "docker:<A>"),
            ("/system.slice/docker-<A>.scope/init.scope", "docker:<A>"),
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-<A>.scope", "docker:<A>"),
            ("/docker/<A>/system.slice/nginx.service", "docker:<A>"),
            ("/ecs/3b8a4f0c-9a7d-4a4c-b0a0-1c8a8f7a4d1e/<A>", "docker:<A>"),
            ("/ecs/prod/3b8a4f0c/<A>", "docker:<A>"),
            ("/actions_job/<A>", "docker:<A>"),
            // containerd below Kubernetes, both drivers
            ("/kubepods/burstable/pod11111111-2222-3333-4444-555555555555/<A>", "containerd:<A>"),
            ("/kubepods/pod11111111-2222-3333-4444-555555555555/<A>", "containerd:<A>"),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod11111111_2222.slice/cri-containerd-<A>.scope",
                "containerd:<A>",
            ),
            (
                "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod1.slice/cri-containerd-<A>.scope",
                "containerd:<A>",
            ),
            (
                "/system.slice/containerd.service/kubepods-besteffort-pod1.slice:cri-containerd:<A>",
                "containerd:<A>",
            ),
            ("/k8s.io/<A>", "containerd:<A>"),
            ("/default/<A>", "containerd:<A>"),
            ("/system.slice/nerdctl-<A>.scope", "containerd:<A>"),
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/nerdctl-<A>.scope", "containerd:<A>"),
            // CRI-O
            ("/kubepods.slice/kubepods-pod1.slice/crio-<A>.scope", "crio:<A>"),
            ("/kubepods/besteffort/pod1/crio-<A>", "crio:<A>"),
            ("/kubepods.slice/kubepods-pod1.slice/crio-<A>.scope/container", "crio:<A>"),
            // Podman
            ("/machine.slice/libpod-<A>.scope", "podman:<A>"),
            ("/machine.slice/libpod-<A>.scope/container", "podman:<A>"),
            ("/machine.slice/libpod-<A>.scope/libpod-payload-<A>", "podman:<A>"),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-<A>.scope/container",
                "podman:<A>",
            ),
            ("/libpod_parent/libpod-<A>", "podman:<A>"),
            ("/system.slice/my.service/libpod-payload-<A>", "podman:<A>"),
            // kind, and Docker in Docker: the inner one
            (
                "/docker/<A>/kubelet/kubepods/burstable/pod11111111-2222-3333-4444-555555555555/<B>",
                "containerd:<B>",
            ),
            (
                "/system.slice/docker-<A>.scope/kubelet.slice/kubelet-kubepods.slice/cri-containerd-<B>.scope",
                "containerd:<B>",
            ),
            ("/docker/<A>/docker/<B>", "docker:<B>"),
            // Seen from inside a cgroup namespace
            ("/../<A>", "unknown:<A>"),
            ("/../../kubepods-burstable-pod1.slice/cri-containerd-<A>.scope", "containerd:<A>"),
            // A plain runtime given a hash
            ("/system.slice/runc-<A>.scope", "runc:<A>"),
        ];
        for (path, wanted) in table {
            assert_eq!(sure(path).as_deref(), Some(wanted), "{path}");
        }
    }

    #[test]
    fn paths_of_no_container() {
        let table = [
            "/",
            "/init.scope",
            "/user.slice/user-1000.slice/session-2.scope",
            "/system.slice/docker.service",
            "/system.slice/containerd.service",
            "/kubepods.slice/kubepods-pod1.slice/crio-conmon-<A>.scope",
            "/kubepods/besteffort/pod1/crio-conmon-<A>",
            "/machine.slice/libpod-conmon-<A>.scope",
            "/libpod_parent/libpod-conmon-<A>",
            "/machine.slice/libpod_pod_<A>.slice",
            "/system.slice/docker-short.scope",
            "/kubepods/burstable/pod11111111-2222-3333-4444-555555555555",
            "/a/3F4E6C1D2B5A79880F1E2D3C4B5A69788796A5B4C3D2E1F00112233445566778",
        ];
        for path in table {
            assert_eq!(sure(path), None, "{path}");
        }
    }

    #[test]
    fn plain_runtimes_are_candidates() {
        let table = [
            ("/web", vec!["unknown:web"]),
            ("/system.slice/runc-web.1.scope", vec!["runc:web.1"]),
            ("/system.slice/crun-web.scope/container", vec!["unknown:container", "crun:web"]),
            ("/crun/web", vec!["unknown:web", "unknown:crun"]),
            ("/default/web", vec!["unknown:web", "unknown:default"]),
            ("/user.slice/user@1000.service/user.slice/runc-web.scope", vec!["runc:web"]),
            ("/process_api/7d6db6e2", vec!["unknown:7d6db6e2", "unknown:process_api"]),
            ("/machine.slice/libpod-conmon-3f.scope", vec![]),
            ("/bad name/..", vec![]),
        ];
        for (path, wanted) in table {
            let found: Vec<String> =
                candidates(path).map(|it| format!("{}:{}", it.runtime.as_str(), it.id)).collect();
            assert_eq!(found, wanted, "{path}");
            assert!(candidates(path).all(|it| !it.sure), "{path}");
        }
    }
}
