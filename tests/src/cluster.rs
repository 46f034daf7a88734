//! A Kubernetes cluster on this machine: its API server is the one in memory (tests/kube); agents, a server and the
//! containers of pods are what runs in a cluster. The kernel is one, so each agent sees what all others see.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gadgetry_kube_double::Double;
use serde_json::{Value, json};

use crate::client::{self, Steps};
use crate::container;
use crate::host::Host;
use crate::nodes::{Agent, Authority};

/// Agents of a cluster listen at one port of their pods' addresses, so one test at a time has them.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cluster: its API server, and what runs in it.
pub struct World {
    /// Where its programs' files are.
    pub host: Host,
    /// Its API server.
    pub double: Double,
    /// What that runs on.
    pub runtime: tokio::runtime::Runtime,
    /// The port of a server that port-forwards lead to.
    pub forwarded: u16,
    authority: Authority,
}

/// A server, ended when it is dropped.
pub struct Server {
    child: Child,
    /// Where it serves MCP.
    pub url: String,
}

impl Server {
    /// Waits until it says where it serves. What it says later is shown where a test fails.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let url = loop {
            let line = lines.next().expect("the server ended").expect("a line");
            if let Some((_, url)) = line.split_once("serving MCP at ") {
                break url.to_owned();
            }
        };
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("server: {line}")));
        Self { child, url }
    }

    /// Ends it in order.
    pub fn terminate(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Addresses of pods, of this process alone.
pub fn address(at: usize) -> Ipv4Addr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 1, low, u8::try_from(at + 1).expect("a small number"))
}

/// A port of the loopback that was free just now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// The pod of the agent of `node`, at this address.
pub fn agent_pod(node: &str, address: &str) -> Value {
    ready_pod(&format!("gadgetry-agent-{node}"), &of_gadgetry("agent"), node, address)
}

/// The pod of a server, on the node `n1`, at this address.
pub fn server_pod(name: &str, address: &str) -> Value {
    ready_pod(name, &of_gadgetry("server"), "n1", address)
}

fn of_gadgetry(component: &str) -> Value {
    json!({"app.kubernetes.io/name": "gadgetry", "app.kubernetes.io/component": component,
           "app.kubernetes.io/version": "0.1.0"})
}

/// A pod of gadgetry's own that runs and is ready.
pub fn ready_pod(name: &str, labels: &Value, node: &str, address: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "gadgetry", "labels": labels},
        "spec": {"nodeName": node, "containers": [{"name": "it"}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
                   "conditions": [{"type": "Ready", "status": "True"}]}})
}

impl Default for World {
    fn default() -> Self {
        Self::start()
    }
}

/// Callers bear tokens of the cluster, and are told who gives them out.
const STRICT: [&str; 3] = [
    "--kubernetes-auth",
    "--oauth-issuer=https://issuer.example",
    "--oauth-resource=https://gadgetry.example/mcp",
];

impl World {
    /// One with two nodes, `n1` and `n2`, and nothing on them.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let double = runtime.block_on(Double::start());
        let (host, authority, forwarded) = (Host::new(), Authority::new(), free_port());
        let world = Self { host, authority, double, runtime, forwarded };
        world.node("n1");
        world.node("n2");
        world
    }

    /// Adds a node.
    pub fn node(&self, name: &str) {
        self.double.put(json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux"}}}));
    }

    /// The flag that leads to it.
    pub fn kubeconfig(&self) -> String {
        format!("--kubeconfig={}", self.double.kubeconfig().display())
    }

    /// The agent of the node `n` and `at`, and its pod.
    pub fn agent(&self, at: usize) -> Agent {
        let name = format!("n{at}");
        let files = self.authority.write(&self.host.folder().join(&name), "gadgetry-agent", false);
        let mut more = files.flags();
        more.extend([
            "--gadget-images=trace_exec,trace_tcp".into(),
            "--pods".into(),
            "--pod-labels=app".into(),
            self.kubeconfig(),
        ]);
        let address = address(at).to_string();
        let command = self.host.command(&["agent"]);
        let agent = Agent::start(command, &name, &format!("{address}:7443"), self.host.folder(), &more);
        self.double.put(agent_pod(&name, &address));
        agent
    }

    /// A server in the cluster; `strict`: callers bear tokens of the cluster.
    pub fn server(&self, strict: bool) -> Server {
        let files = self.authority.write(&self.host.folder().join("server"), "gadgetry-server", false);
        let mut command = self.host.command(&["mcp", "--environment=kubernetes", "--stateless"]);
        let port = format!("--control-forwarded-port={}", self.forwarded);
        command
            .args([
                "--transport=streamable-http",
                "--transport-port=0",
                "-gadget-images=trace_exec,trace_tcp",
                &port,
            ])
            .arg(self.kubeconfig())
            .args(if strict { &STRICT[..] } else { &[] })
            .args(files.flags());
        Server::start(command)
    }

    /// A pod of the node `n1`, as the API server has it.
    pub fn pod(&self, namespace: &str, name: &str, uid: &str, labels: &Value) {
        self.double.put(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "uid": uid, "labels": labels,
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "1",
                                     "controller": true}]},
            "spec": {"nodeName": "n1", "containers": [{"name": "web"}]}}));
    }

    /// The results of a client that bears `token`.
    pub fn steps(&self, server: &Server, token: Option<&str>, steps: Steps) -> Vec<Value> {
        client::http(&self.host, "auto", &server.url, token, steps).results
    }

    /// The result of one step of a client that bears `token`.
    pub fn step(&self, server: &Server, token: &str, steps: Steps) -> Value {
        self.steps(server, Some(token), steps).remove(0)
    }

    /// The tools that are listed for whoever bears `token`.
    pub fn tools(&self, server: &Server, token: &str) -> Vec<String> {
        let listed = self.step(server, token, Steps::new().list());
        let tools = listed["tools"].as_array().expect("tools");
        tools.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
    }
}

/// A container of a pod, as a node's runtime would start it; it opens a file and runs `true` ten times a second until it is
/// dropped.
pub struct Pod {
    container: Child,
    id: String,
    _folder: tempfile::TempDir,
}

impl Pod {
    /// Starts it.
    pub fn start(namespace: &str, name: &str, uid: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bundle = Command::new(crate::root().join("tests/tools/container.sh"))
            .arg("bundle")
            .arg(folder.path())
            .args([
                "io.kubernetes.cri.container-name=web",
                "io.kubernetes.cri.container-type=container",
                &format!("io.kubernetes.cri.sandbox-name={name}"),
                &format!("io.kubernetes.cri.sandbox-namespace={namespace}"),
                &format!("io.kubernetes.cri.sandbox-uid={uid}"),
            ])
            .status();
        assert!(bundle.expect("container.sh runs").success());
        let script = "i=0; while [ $i -lt 900 ]; do /bin/busybox true < /bin/sh; sleep 0.1; i=$((i+1)); done";
        let id = container::name(uid);
        let container = container::start("runc", folder.path(), &id, &["/bin/sh", "-c", script]);
        Self { container, id, _folder: folder }
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ = Command::new("runc").args(["kill", &self.id, "KILL"]).stderr(Stdio::null()).status();
        let _ = self.container.wait();
        let _ = Command::new("runc").args(["delete", "--force", &self.id]).stderr(Stdio::null()).status();
    }
}
