//! Files as the runtimes write them, shortened to what is read and a little around it.

use super::*;

const ID: &str = "3f4e6c1d2b5a79880f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778";

struct Node {
    dir: tempfile::TempDir,
    config: Config,
}

impl Node {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path.replace("<ID>", ID));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text.replace("<ID>", ID)).unwrap();
        }
        let config = Config { root: dir.path().into(), proc: "/proc".into(), cgroup: None };
        Self { dir, config }
    }

    /// `runtime name image pod namespace`, `-` for what is absent.
    fn by_id(&self, runtime: Runtime) -> String {
        line(&of_id(&self.config, ID, runtime))
    }

    fn by_bundle(&self, runtime: Runtime, bundle: &str, owner: Option<u32>) -> String {
        let bundle = self.dir.path().join(bundle.replace("<ID>", ID));
        line(&of_bundle(&self.config, ID, runtime, Some(&bundle), None, owner))
    }
}

fn line(details: &Details) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let Details { runtime, name, image, pod, namespace, .. } = details;
    let runtime = runtime.as_str();
    format!("{runtime} {} {} {} {}", text(name), text(image), text(pod), text(namespace))
}

const DOCKER: &str = r#"{"StreamConfig":{},"State":{"Running":true,"Pid":12},"ID":"<ID>","Created":"2026-01-02T03:04:05Z",
    "Config":{"Hostname":"3f4e","Image":"nginx:1.25","Labels":{}},"Image":"sha256:aa","Name":"/web","Driver":"overlay2"}"#;

#[test]
fn docker() {
    let node = Node::new(&[("var/lib/docker/containers/<ID>/config.v2.json", DOCKER)]);
    assert_eq!(node.by_id(Runtime::Docker), "docker web nginx:1.25 - -");
}

#[test]
fn docker_with_its_data_elsewhere() {
    let bundle = r#"{"ociVersion":"1.0.2","mounts":[{"destination":"/proc","source":"proc"},
        {"destination":"/etc/hosts","source":"/data/docker/containers/<ID>/hosts"}]}"#;
    let node = Node::new(&[
        ("data/docker/containers/<ID>/config.v2.json", DOCKER),
        ("run/containerd/io.containerd.runtime.v2.task/moby/<ID>/config.json", bundle),
    ]);
    assert_eq!(node.by_id(Runtime::Unknown), "docker web nginx:1.25 - -");
}

#[test]
fn docker_below_kubernetes() {
    let file = r#"{"Name":"/k8s_web_web-0_shop_1_0","Config":{"Image":"nginx@sha256:bb","Labels":{
        "io.kubernetes.container.name":"web","io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop",
        "io.kubernetes.docker.type":"container"}}}"#;
    let node = Node::new(&[("var/lib/docker/containers/<ID>/config.v2.json", file)]);
    assert_eq!(node.by_id(Runtime::Containerd), "docker web nginx@sha256:bb web-0 shop");
    assert_eq!(of_id(&node.config, ID, Runtime::Docker).image_digest.as_deref(), Some("sha256:bb"));
}

#[test]
fn containerd_below_kubernetes() {
    let container = r#"{"annotations":{"io.kubernetes.cri.container-name":"web",
        "io.kubernetes.cri.container-type":"container","io.kubernetes.cri.image-name":"docker.io/library/nginx:1.25",
        "io.kubernetes.cri.sandbox-id":"77","io.kubernetes.cri.sandbox-name":"web-0",
        "io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.sandbox-uid":"11-22"}}"#;
    for dir in ["run/containerd", "run/k3s/containerd"] {
        let path = format!("{dir}/io.containerd.runtime.v2.task/k8s.io/<ID>/config.json");
        let node = Node::new(&[(&path, container)]);
        assert_eq!(node.by_id(Runtime::Unknown), "containerd web docker.io/library/nginx:1.25 web-0 shop");
    }
    let sandbox = r#"{"annotations":{"io.kubernetes.cri.container-type":"sandbox",
        "io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop"}}"#;
    let node =
        Node::new(&[("run/containerd/io.containerd.runtime.v2.task/k8s.io/<ID>/config.json", sandbox)]);
    assert_eq!(node.by_id(Runtime::Unknown), "containerd - - web-0 shop");
    assert!(of_id(&node.config, ID, Runtime::Unknown).sandbox);
}

#[test]
fn crio() {
    let spec = r#"{"annotations":{"io.container.manager":"cri-o","io.kubernetes.container.name":"web",
        "io.kubernetes.cri-o.ContainerType":"container","io.kubernetes.cri-o.ImageName":"quay.io/nginx:1.25",
        "io.kubernetes.cri-o.Created":"2026-01-02T03:04:05Z","io.kubernetes.pod.name":"web-0",
        "io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"11-22"}}"#;
    let node = Node::new(&[("run/containers/storage/overlay-containers/<ID>/userdata/config.json", spec)]);
    assert_eq!(node.by_id(Runtime::Unknown), "crio web quay.io/nginx:1.25 web-0 shop");
}

const STORE: &str = r#"[{"id":"other","names":["x"],"layer":"1"},{"id":"<ID>","names":["web"],"image":"aa",
    "metadata":"{\"image-name\":\"docker.io/library/nginx:1.25\",\"image-id\":\"aa\",\"name\":\"web\"}",
    "created":"2026-01-02T03:04:05Z"}]"#;
const LIBPOD: &str =
    r#"{"annotations":{"io.container.manager":"libpod","org.opencontainers.image.stopSignal":"15"}}"#;

#[test]
fn podman() {
    for file in ["containers.json", "volatile-containers.json"] {
        let node = Node::new(&[
            ("var/lib/containers/storage/overlay-containers/<ID>/userdata/config.json", LIBPOD),
            (&format!("var/lib/containers/storage/overlay-containers/{file}"), STORE),
        ]);
        assert_eq!(node.by_id(Runtime::Unknown), "podman web docker.io/library/nginx:1.25 - -", "{file}");
    }
}

#[test]
fn rootless_podman_is_believed_in_its_users_files_only() {
    let store = "home/me/.local/share/containers/storage/overlay-containers";
    let bundle = format!("{store}/<ID>/userdata");
    let node = Node::new(&[
        (&format!("{bundle}/config.json"), LIBPOD),
        (&format!("{store}/containers.json"), STORE),
    ]);
    let owner = std::os::unix::fs::MetadataExt::uid(&node.dir.path().metadata().unwrap());
    assert_eq!(
        node.by_bundle(Runtime::Crun, &bundle, Some(owner)),
        "podman web docker.io/library/nginx:1.25 - -"
    );
    assert_eq!(node.by_bundle(Runtime::Crun, &bundle, Some(owner + 1)), "crun - - - -");
}

#[test]
fn nothing_or_nonsense_is_absent() {
    let node = Node::new(&[]);
    assert_eq!(node.by_id(Runtime::Crun), "crun - - - -");
    let node = Node::new(&[
        ("var/lib/docker/containers/<ID>/config.v2.json", r#"{"Name":7}"#),
        ("run/containerd/io.containerd.runtime.v2.task/k8s.io/<ID>/config.json", "{"),
    ]);
    assert_eq!(node.by_id(Runtime::Unknown), "containerd - - - -");
}
