//! Names and images: what Docker, containerd, CRI-O and Podman leave on disk about a container. Annotations in its
//! bundle tell most; Docker and Podman keep names in stores of their own, found by the container's mounts or id.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Runtime, config::Config, container::Details, files, state::Spec};

/// A `config.json` is some tens of kilobytes; one with a long seccomp profile more.
const SPEC_CAP: u64 = 4 << 20;
/// Docker's file of one container.
const DOCKER_CAP: u64 = 1 << 20;
/// Podman's and CRI-O's file of all containers.
const STORE_CAP: u64 = 16 << 20;

/// Folders in which containerd keeps bundles, a folder per namespace in each.
const CONTAINERD_TASKS: [&str; 5] = [
    "run/containerd/io.containerd.runtime.v2.task",
    "run/docker/containerd/daemon/io.containerd.runtime.v2.task",
    "run/k3s/containerd/io.containerd.runtime.v2.task",
    "run/k0s/containerd/io.containerd.runtime.v2.task",
    "var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task",
];
/// Folders in which Podman and CRI-O keep a folder per container.
const STORES: [&str; 2] =
    ["run/containers/storage/overlay-containers", "var/lib/containers/storage/overlay-containers"];

/// What a bundle's folder tells, `spec` being its `config.json` when that is known already. A user's own files are
/// believed about that user's containers only, so they must be `owner`'s.
pub(crate) fn of_bundle(
    config: &Config,
    id: &str,
    runtime: Runtime,
    bundle: Option<&Path>,
    spec: Option<Spec>,
    owner: Option<u32>,
) -> Details {
    let mut details = Details::new(id, runtime);
    let read = || Spec::parse(&files::read(&bundle?.join("config.json"), SPEC_CAP, owner)?);
    let spec = spec.or_else(read).unwrap_or_default();
    details.fill(of_annotations(id, &spec));
    if (details.runtime == Runtime::Docker || details.name.is_none())
        && let Some(docker) = of_docker(config, id, &spec, owner)
    {
        // Docker's containers are containerd's as well, and runc's.
        details.runtime = Runtime::Docker;
        details.fill(docker);
    }
    let overlay = bundle.filter(|path| path.ends_with("userdata")).and_then(|path| path.parent()?.parent());
    if details.name.is_none()
        && let Some(store) = overlay.and_then(|store| of_store(store, id, owner))
    {
        details.fill(store);
    }
    details
}

/// What can be found by the id alone: for containers known by their cgroup only.
pub(crate) fn of_id(config: &Config, id: &str, runtime: Runtime) -> Details {
    let tasks = CONTAINERD_TASKS.iter().flat_map(|dir| files::folders(&config.root.join(dir), 64)).map(
        |(namespace, path)| {
            (path.join(id), if namespace == "moby" { Runtime::Docker } else { Runtime::Containerd })
        },
    );
    let stores = STORES.iter().map(|dir| (config.root.join(dir).join(id).join("userdata"), Runtime::Unknown));
    let bundle = tasks.chain(stores).find(|(path, _)| path.join("config.json").exists());
    let (bundle, runtime) = match bundle {
        // Where the bundle lies proves more than how the cgroup is called.
        Some((path, found)) => (Some(path), if found == Runtime::Unknown { runtime } else { found }),
        None => (None, runtime),
    };
    of_bundle(config, id, runtime, bundle.as_deref(), None, None)
}

/// What Kubernetes' runtimes, nerdctl and Podman note in annotations.
fn of_annotations(id: &str, spec: &Spec) -> Details {
    let first = |keys: &[&str]| {
        keys.iter().find_map(|key| spec.annotations.get(*key)).filter(|value| !value.is_empty()).cloned()
    };
    let runtime = if spec.annotations.keys().any(|key| key.starts_with("io.kubernetes.cri-o.")) {
        Runtime::Crio
    } else if spec.annotations.keys().any(|key| key.starts_with("io.kubernetes.cri.")) {
        Runtime::Containerd
    } else {
        match spec.annotations.get("io.container.manager").map(String::as_str) {
            Some("cri-o") => Runtime::Crio,
            Some("libpod") => Runtime::Podman,
            _ => Runtime::Unknown,
        }
    };
    let image = first(&["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"]);
    let kind = first(&["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"]);
    Details {
        name: first(&["io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"]),
        image_digest: image.as_deref().and_then(digest),
        image,
        pod: first(&["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"]),
        namespace: first(&["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"]),
        pod_uid: first(&["io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"]),
        sandbox: kind.as_deref() == Some("sandbox"),
        created: first(&["io.kubernetes.cri-o.Created"]),
        ..Details::new(id, runtime)
    }
}

fn digest(image: &str) -> Option<String> {
    image.split_once('@').map(|(_, digest)| digest.to_owned())
}

/// Docker's own file of a container, in its data root: which a mount of the container's tells if it is not the
/// usual one.
fn of_docker(config: &Config, id: &str, spec: &Spec, owner: Option<u32>) -> Option<Details> {
    let folder = format!("/containers/{id}/");
    let own = |mount: &crate::state::Mount| {
        let end = mount.source.find(&folder)? + folder.len();
        config.host_path(&mount.source[..end])
    };
    let dir: PathBuf = spec
        .mounts
        .iter()
        .find_map(own)
        .unwrap_or_else(|| config.root.join("var/lib/docker/containers").join(id));
    let file: DockerContainer =
        serde_json::from_slice(&files::read(&dir.join("config.v2.json"), DOCKER_CAP, owner)?).ok()?;
    let label = |key: &str| file.config.labels.as_ref()?.get(key).cloned();
    let name = file.name.map(|name| name.trim_start_matches('/').to_owned()).filter(|name| !name.is_empty());
    let image = file.config.image.filter(|image| !image.is_empty());
    Some(Details {
        name: label("io.kubernetes.container.name").or(name),
        image_digest: image.as_deref().and_then(digest),
        image,
        pod: label("io.kubernetes.pod.name"),
        namespace: label("io.kubernetes.pod.namespace"),
        pod_uid: label("io.kubernetes.pod.uid"),
        sandbox: label("io.kubernetes.docker.type").as_deref() == Some("podsandbox"),
        created: file.created,
        ..Details::new(id, Runtime::Docker)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerContainer {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    config: DockerConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerConfig {
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    labels: Option<std::collections::HashMap<String, String>>,
}

/// The store that Podman and CRI-O share: one file of all containers, and one of those that don't outlive a boot.
fn of_store(store: &Path, id: &str, owner: Option<u32>) -> Option<Details> {
    ["containers.json", "volatile-containers.json"].iter().find_map(|file| {
        let bytes = files::read(&store.join(file), STORE_CAP, owner)?;
        let containers: Vec<StoreContainer> = serde_json::from_slice(&bytes).ok()?;
        let container = containers.into_iter().find(|container| container.id == id)?;
        let metadata: StoreMetadata = serde_json::from_str(&container.metadata).unwrap_or_default();
        let image = metadata.image_name.filter(|image| !image.is_empty());
        Some(Details {
            name: metadata.name.or_else(|| container.names.into_iter().flatten().next()),
            image_digest: image.as_deref().and_then(digest),
            image,
            created: container.created,
            ..Details::new(id, Runtime::Podman)
        })
    })
}

#[derive(Deserialize)]
struct StoreContainer {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    /// JSON again.
    #[serde(default)]
    metadata: String,
    #[serde(default)]
    created: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StoreMetadata {
    #[serde(default)]
    image_name: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
