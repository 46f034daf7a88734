//! The kubelet's part: containers of the image, started by runc as a pod's template says and in no other way: arguments,
//! environment, user, capabilities, read-only root, files of Secrets and ConfigMaps, folders of the node, and the service
//! account's token, limits of memory and CPU, and the runtime's seccomp profile. What is not as on a node: there is no network
//! of a pod's own, but each has an address of the loopback, at which it listens where the template says `0.0.0.0`.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gadgetry_kube_double::Double;
use serde_json::{Value, json};

use crate::cluster::{World, ready_pod};
use crate::image::Image;
use crate::nodes::Files;
use crate::seccomp::runtime_default;

/// How long a pod may take to be ready.
const PATIENCE: Duration = Duration::from_secs(90);
/// Where a pod finds who it is to the API server.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Starts pods on the nodes of a cluster.
pub struct Kubelet<'w> {
    world: &'w World,
    image: Image,
    api: SocketAddr,
    authorities: String,
}

/// A pod of one container, ended when it is dropped.
pub struct Running {
    id: String,
    /// Its name in the cluster.
    pub name: String,
    process: Child,
}

/// A template of pods, and of which node one is made.
struct Template<'t> {
    kubelet: &'t Kubelet<'t>,
    namespace: &'t str,
    pod: &'t Value,
    container: &'t Value,
    node: &'t str,
    address: Ipv4Addr,
    more: &'t [&'t str],
    /// The files of this pod.
    folder: PathBuf,
}

impl<'w> Kubelet<'w> {
    /// Builds the image, and lets pods reach the API server: by TLS, with a certificate of `authority` for 127.0.0.1.
    pub fn new(world: &'w World, authority: &Files) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).expect("a file of the authority's");
        let (certificate, key) = (read(&authority.certificate), read(&authority.key));
        let api = world.runtime.block_on(world.double.listen_tls(&certificate, &key));
        Self { world, image: Image::build(), api, authorities: read(&authority.authorities) }
    }

    const fn double(&self) -> &Double {
        &self.world.double
    }

    /// Starts a pod of `workload` on `node`, waits until its readiness probe is content, and tells the cluster of it.
    /// `more`: arguments beside the template's, for what pods can't have alike that share a network.
    #[track_caller]
    pub fn run(&self, workload: &Value, node: &str, address: Ipv4Addr, more: &[&str]) -> Running {
        let text =
            |pointer: &str| workload.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned();
        let (namespace, name) = (text("/metadata/namespace"), format!("{}-{node}", text("/metadata/name")));
        let pod = &workload["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(
            container["image"],
            self.image.name.as_str(),
            "the manifests ask for the image that was built"
        );
        let folder = self.image.folder().join(&name);
        let template = Template {
            kubelet: self,
            namespace: &namespace,
            pod,
            container,
            node,
            address,
            more,
            folder: folder.clone(),
        };
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("config.json"), template.bundle().to_string())
            .expect("the bundle is written");
        let id = format!("{name}-{}", std::process::id());
        let mut process = Command::new("runc")
            .args(["run", "--bundle"])
            .args([&folder, Path::new(&id)])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runc starts (make setup-test)");
        let said = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let by = name.clone();
        std::thread::spawn(move || said.map_while(Result::ok).for_each(|line| eprintln!("{by}: {line}")));
        let mut running = Running { id, name: name.clone(), process };
        let probe = template.probe();
        let start = Instant::now();
        while !Command::new("curl").args(["-sf", "-o", "/dev/null", &probe]).status().expect("curl").success()
        {
            let ended = running.process.try_wait().expect("its state is known");
            assert!(
                ended.is_none() && start.elapsed() < PATIENCE,
                "{name} does not get ready at {probe}: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        let labels = &workload["spec"]["template"]["metadata"]["labels"];
        self.double().put(ready_pod(&name, labels, node, &address.to_string()));
        running
    }

    /// A token of a service account, of the API server's own.
    fn token(&self, namespace: &str, account: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let url = format!("{}{path}", self.double().url());
        let ask = [
            "-sSf",
            "--json",
            r#"{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}"#,
        ];
        let output = Command::new("curl").args(ask).arg(url).output().expect("curl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        answer["status"]["token"].as_str().expect("a token").to_owned()
    }
}

impl Running {
    /// Ends it as a node does that drains: by SIGTERM. Says whether it ended well.
    pub fn terminate(mut self) -> bool {
        let told = Command::new("runc").args(["kill", &self.id, "TERM"]).status();
        assert!(told.expect("runc").success());
        self.process.wait().expect("it ends").success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("runc").args(["kill", &self.id, "KILL"]).stderr(Stdio::null()).status();
        let _ = self.process.wait();
        let _ = Command::new("runc").args(["delete", "--force", &self.id]).stderr(Stdio::null()).status();
    }
}

impl Template<'_> {
    /// The runtime's configuration (OCI runtime specification 1.0).
    fn bundle(&self) -> Value {
        let image = &self.kubelet.image;
        let context = &self.container["securityContext"];
        assert_eq!(
            context["capabilities"]["drop"],
            json!(["ALL"]),
            "what is not asked for would be the runtime's own"
        );
        let added = context["capabilities"]["add"].as_array().cloned().unwrap_or_default();
        let capabilities: Vec<_> =
            added.iter().map(|it| format!("CAP_{}", it.as_str().expect("a capability"))).collect();
        let user = self.user();
        let mut sets = json!({"bounding": capabilities});
        // Who is not root has none by the kernel's rules for programs that are run.
        if user["uid"] == 0 {
            sets["effective"] = json!(capabilities);
            sets["permitted"] = json!(capabilities);
        }
        let mut arguments = image.config["Entrypoint"].as_array().expect("an entry point").clone();
        let environment = self.environment();
        let expanded = self.container["args"].as_array().expect("arguments").iter().map(|argument| {
            let argument = argument.as_str().expect("a text").replace("0.0.0.0", &self.address.to_string());
            environment
                .iter()
                .fold(argument, |text, (name, value)| text.replace(&format!("$({name})"), value))
        });
        arguments.extend(expanded.map(Value::from));
        arguments.extend(self.more.iter().map(|it| json!(it)));
        let environment: Vec<_> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut namespaces = vec!["ipc", "uts", "mount", "cgroup"];
        if self.pod["hostPID"] != true {
            namespaces.push("pid");
        }
        json!({"ociVersion": "1.0.2",
            "process": {"terminal": false, "cwd": "/", "user": user, "args": arguments, "env": environment,
                "capabilities": sets, "noNewPrivileges": context["allowPrivilegeEscalation"] == false},
            "root": {"path": image.root(), "readonly": context["readOnlyRootFilesystem"]},
            "hostname": "pod",
            "mounts": self.mounts(),
            "linux": {"namespaces": namespaces.iter().map(|it| json!({"type": it})).collect::<Vec<_>>(),
                "resources": self.resources(),
                "seccomp": self.seccomp(&capabilities),
                // What containerd hides of every container that is not privileged.
                "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]}})
    }

    /// Limits, which are whole cores, and mebibytes or gibibytes.
    fn resources(&self) -> Value {
        let limits = &self.container["resources"]["limits"];
        let number = |of: &str| -> u64 {
            let text = limits[of].as_str().unwrap_or_else(|| panic!("no limit of {of}"));
            let (number, unit) = text.split_at(text.find(char::is_alphabetic).unwrap_or(text.len()));
            let shift = ["", "Ki", "Mi", "Gi"].iter().position(|it| *it == unit).map(|it| it * 10);
            let number: Option<u64> = number.parse().ok();
            number.zip(shift).map(|(number, shift)| number << shift).unwrap_or_else(|| panic!("{of}: {text}"))
        };
        let period = 100_000;
        json!({"memory": {"limit": number("memory")}, "cpu": {"quota": number("cpu") * period, "period": period}})
    }

    fn seccomp(&self, capabilities: &[String]) -> Value {
        let said = [&self.container["securityContext"], &self.pod["securityContext"]];
        let profile = said.into_iter().find_map(|it| it["seccompProfile"]["type"].as_str());
        assert_eq!(profile, Some("RuntimeDefault"), "what is not asked for is no profile at all");
        runtime_default(capabilities)
    }

    /// The container's word first, then the pod's, then the image's.
    fn user(&self) -> Value {
        let said = |field: &str| {
            [&self.container["securityContext"][field], &self.pod["securityContext"][field]]
                .into_iter()
                .find_map(Value::as_u64)
        };
        let image = self.kubelet.image.config["User"].as_str().unwrap_or("0:0");
        let (uid, gid) = image.split_once(':').expect("user and group");
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let group = said("fsGroup").map(|it| vec![it]).unwrap_or_default();
        let uid = said("runAsUser").unwrap_or_else(|| number(uid));
        let gid = said("runAsGroup").unwrap_or_else(|| number(gid));
        json!({"uid": uid, "gid": gid, "additionalGids": group})
    }

    fn environment(&self) -> Vec<(String, String)> {
        let api = self.kubelet.api;
        let mut all = vec![
            ("KUBERNETES_SERVICE_HOST".to_owned(), api.ip().to_string()),
            ("KUBERNETES_SERVICE_PORT".to_owned(), api.port().to_string()),
        ];
        for one in self.container["env"].as_array().into_iter().flatten() {
            let from = &one["valueFrom"];
            let field = from["fieldRef"]["fieldPath"].as_str();
            let value = match (one["value"].as_str(), field, &from["configMapKeyRef"]) {
                (Some(value), ..) => value.to_owned(),
                (_, Some("spec.nodeName"), _) => self.node.to_owned(),
                (_, Some("metadata.namespace"), _) => self.namespace.to_owned(),
                (_, None, of @ Value::Object(_)) => {
                    let data = self.held("ConfigMap", of["name"].as_str().expect("a name"));
                    data["data"][of["key"].as_str().expect("a key")].as_str().expect("a value").to_owned()
                }
                _ => panic!("this kubelet can't tell {one}"),
            };
            all.push((one["name"].as_str().expect("a name").to_owned(), value));
        }
        all
    }

    #[track_caller]
    fn held(&self, kind: &str, name: &str) -> Value {
        let found = self.kubelet.double().get(kind, self.namespace, name);
        found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    fn mounts(&self) -> Vec<Value> {
        let mut all = vec![
            json!({"destination": "/proc", "type": "proc", "source": "proc"}),
            json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]}),
            json!({"destination": "/sys", "type": "sysfs", "source": "sysfs",
                "options": ["nosuid", "noexec", "nodev", "ro"]}),
            bind(ACCOUNT, &self.account(), true),
        ];
        for mount in self.container["volumeMounts"].as_array().into_iter().flatten() {
            let volumes = self.pod["volumes"].as_array().into_iter().flatten();
            let volume =
                volumes.clone().find(|it| it["name"] == mount["name"]).expect("a volume of that name");
            let to = mount["mountPath"].as_str().expect("a path");
            all.push(bind(to, &self.volume(volume), mount["readOnly"] == true));
        }
        all
    }

    /// A folder with what a volume holds.
    fn volume(&self, volume: &Value) -> PathBuf {
        let folder = self.folder.join(volume["name"].as_str().expect("a name"));
        let (secret, map) = (&volume["secret"], &volume["configMap"]);
        if let Some(name) = secret["secretName"].as_str() {
            let held = self.held("Secret", name);
            let data = held["data"].as_object().expect("data").iter();
            let data = data.map(|(file, value)| (file.as_str(), decoded(value.as_str().expect("base64"))));
            self.write(&folder, secret["defaultMode"].as_u64(), data);
        } else if let Some(name) = map["name"].as_str() {
            let held = self.held("ConfigMap", name);
            let data = held["data"].as_object().into_iter().flatten();
            let data =
                data.map(|(file, value)| (file.as_str(), value.as_str().expect("text").as_bytes().to_vec()));
            self.write(&folder, map["defaultMode"].as_u64(), data);
        } else if let Some(path) = volume["hostPath"]["path"].as_str() {
            // What gadgetry keeps on a node is each node's own; the rest is this machine's.
            if !path.contains("gadgetry") {
                std::fs::create_dir_all(path).expect("the node's folder");
                return path.into();
            }
            std::fs::create_dir_all(&folder).expect("a folder");
        } else {
            assert!(volume["emptyDir"].is_object(), "this kubelet has no volumes of that kind: {volume}");
            self.write(&folder, None, std::iter::empty());
        }
        folder
    }

    /// Writes files, which the pod's group may read as far as their mode says.
    fn write<'f>(&self, folder: &Path, mode: Option<u64>, files: impl Iterator<Item = (&'f str, Vec<u8>)>) {
        let group =
            self.pod["securityContext"]["fsGroup"].as_u64().map(|it| u32::try_from(it).expect("a group"));
        let give = |path: &Path, mode: u32| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
            std::os::unix::fs::chown(path, None, group).expect("a group");
        };
        std::fs::create_dir_all(folder).expect("a folder");
        for (name, bytes) in files {
            let path = folder.join(name);
            std::fs::write(&path, bytes).expect("a file");
            give(&path, u32::try_from(mode.unwrap_or(0o644)).expect("a mode"));
        }
        give(folder, 0o2775);
    }

    /// Who the pod is to the API server.
    fn account(&self) -> PathBuf {
        let folder = self.folder.join("account");
        let token =
            self.kubelet.token(self.namespace, self.pod["serviceAccountName"].as_str().expect("an account"));
        let files =
            [("token", token.as_str()), ("ca.crt", &self.kubelet.authorities), ("namespace", self.namespace)];
        self.write(&folder, None, files.into_iter().map(|(name, text)| (name, text.as_bytes().to_vec())));
        folder
    }

    /// Where readiness is asked for.
    fn probe(&self) -> String {
        let get = &self.container["readinessProbe"]["httpGet"];
        let mut ports = self.container["ports"].as_array().into_iter().flatten();
        let port = ports.find(|it| it["name"] == get["port"]).expect("the probe's port");
        format!("http://{}:{}{}", self.address, port["containerPort"], get["path"].as_str().expect("a path"))
    }
}

fn bind(to: &str, from: &Path, read_only: bool) -> Value {
    let how = if read_only { "ro" } else { "rw" };
    json!({"destination": to, "type": "bind", "source": from, "options": ["rbind", "rprivate", how]})
}

/// The bytes of a Secret's value.
pub fn decoded(text: &str) -> Vec<u8> {
    serde_json::from_value::<k8s_openapi::ByteString>(text.into()).expect("base64").0
}
