//! A cluster with what `gadgetry deploy` installs of rights and definitions, agents on its nodes, and servers that have the
//! rights of the server's own service account and no others.

use std::process::Command;
use std::time::{Duration, Instant};

use gadgetry_kube_double::Double;
use gadgetry_tests::client::{self, Steps};
use gadgetry_tests::cluster::{Server, address, agent_pod, free_port, server_pod};
use gadgetry_tests::host::Host;
use gadgetry_tests::nodes::{Agent as Process, Authority};
use serde_json::{Value, json};

/// How long anything may take: a server that was killed is waited for before another takes over.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

const ACCOUNT: &str = "system:serviceaccount:gadgetry:gadgetry-server";
const ACCOUNT_TOKEN: &str = "the-servers-token-0123456789";

/// A cluster.
pub(crate) struct World {
    host: Host,
    authority: Authority,
    pub(crate) double: Double,
    _runtime: tokio::runtime::Runtime,
}

/// A node's agent.
pub(crate) struct Agent {
    pub(crate) process: Process,
    health: String,
}

/// Asks until there is an answer.
#[track_caller]
pub(crate) fn soon<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(found) => assert!(start.elapsed() < LIMIT, "{what}: {found}"),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

impl World {
    /// Without nodes, and without the definition of Gadget objects.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let double = runtime.block_on(Double::start());
        double.token(ACCOUNT_TOKEN, ACCOUNT, &["system:authenticated"], &[]);
        let world = Self { host: Host::new(), authority: Authority::new(), double, _runtime: runtime };
        world.install(&["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"]);
        world
    }

    /// Puts in the objects of these kinds that are installed.
    pub(crate) fn install(&self, kinds: &[&str]) {
        let objects = gadgetry_deploy::render(&["default".to_owned()]).expect("it renders");
        for object in objects.into_iter().filter(|it| kinds.contains(&it.kind())) {
            self.double.put(object.0);
        }
    }

    /// The definition of Gadget objects.
    pub(crate) fn define(&self) {
        self.install(&["CustomResourceDefinition"]);
    }

    /// A node.
    pub(crate) fn node(&self, name: &str, labels: &[(&str, &str)]) {
        let mut all = json!({"kubernetes.io/os": "linux"});
        for (name, value) in labels {
            all[*name] = json!(value);
        }
        self.double
            .put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": all}}));
    }

    /// The agent of the node `n` and `at`, and its pod.
    pub(crate) fn agent(&self, at: usize) -> Agent {
        let name = format!("n{at}");
        let files = self.authority.write(&self.host.folder().join(&name), "gadgetry-agent", false);
        let health = format!("127.0.0.1:{}", free_port());
        let mut more = files.flags();
        more.extend(["--gadget-images=trace_exec".into(), format!("--health-listen={health}")]);
        let address = address(at).to_string();
        let command = self.host.command(&["agent"]);
        let process = Process::start(command, &name, &format!("{address}:7443"), self.host.folder(), &more);
        self.double.put(agent_pod(&name, &address));
        Agent { process, health }
    }

    /// A server in the cluster.
    pub(crate) fn server(&self) -> Server {
        Server::start(self.serving(free_port()))
    }

    /// One to which port-forwards lead by that port.
    pub(crate) fn forwarded(&self, port: u16) -> Server {
        Server::start(self.serving(port))
    }

    /// One of several, which find each other, and its pod: `gadgetry-server-` and `at`.
    pub(crate) fn replica(&self, at: usize) -> Server {
        let address = address(100 + at).to_string();
        let mut command = self.serving(free_port());
        command.arg(format!("--control-listen={address}:7443"));
        let server = Server::start(command);
        self.double.put(server_pod(&format!("gadgetry-server-{at}"), &address));
        server
    }

    fn serving(&self, forwarded: u16) -> Command {
        let files = self.authority.write(&self.host.folder().join("server"), "gadgetry-server", false);
        let kubeconfig = self.host.folder().join("kubeconfig");
        let text = std::fs::read_to_string(self.double.kubeconfig()).expect("the double's");
        let mut config: Value = serde_json::from_str(&text).expect("JSON");
        config["users"][0]["user"]["token"] = json!(ACCOUNT_TOKEN);
        std::fs::write(&kubeconfig, config.to_string()).expect("the file is written");
        let mut command = self.host.command(&["mcp", "--environment=kubernetes", "--stateless"]);
        command
            .args(["--transport=streamable-http", "--transport-port=0", "-gadget-images=trace_exec"])
            .args(["--kubernetes-auth", &format!("--control-forwarded-port={forwarded}")])
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .args(files.flags());
        command
    }

    /// The answer to one call of a client that bears `token`.
    pub(crate) fn call(&self, server: &Server, token: &str, tool: &str, arguments: Value) -> Value {
        let steps = Steps::new().call(tool, arguments);
        client::http(&self.host, "auto", &server.url, Some(token), steps).results.remove(0)
    }

    /// A new object.
    pub(crate) fn object(&self, name: &str, spec: Value) {
        self.double.put(json!({"apiVersion": "gadgets.gadgetry.dev/v1alpha1", "kind": "Gadget",
            "metadata": {"name": name}, "spec": spec}));
    }

    /// Changes an object's spec; null takes out.
    pub(crate) fn change(&self, name: &str, spec: Value) {
        self.double.patch("Gadget", "", name, json!({"spec": spec}));
    }

    /// The status that `is` finds right, of the spec as it is now.
    #[track_caller]
    pub(crate) fn status(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        soon(&format!("{name}: {what}"), || {
            let object = self.double.get("Gadget", "", name).expect("the object is there");
            let status = &object["status"];
            let observed = status["observedGeneration"] == object["metadata"]["generation"];
            if observed && is(status) { Ok(status.clone()) } else { Err(status.to_string()) }
        })
    }

    /// Waits for a condition of this status and reason; its message.
    #[track_caller]
    pub(crate) fn condition(&self, name: &str, kind: &str, status: &str, reason: &str) -> String {
        let found = |told: &Value| {
            condition(told, kind).filter(|it| it["status"] == status && it["reason"] == reason)
        };
        let told = self.status(name, &format!("{kind} {status} {reason}"), |told| found(told).is_some());
        found(&told).expect("it was found")["message"].as_str().expect("a message").to_owned()
    }
}

/// The condition of a status.
pub(crate) fn condition(status: &Value, kind: &str) -> Option<Value> {
    status["conditions"].as_array()?.iter().find(|it| it["type"] == kind).cloned()
}

/// Counts of nodes, as `matching`, `running`, `failed`.
pub(crate) fn nodes(status: &Value) -> [u64; 3] {
    ["matching", "running", "failed"].map(|it| status["nodes"][it].as_u64().unwrap_or(u64::MAX))
}

impl Agent {
    /// Runs that go on there.
    pub(crate) fn runs(&self) -> u64 {
        let url = format!("http://{}/metrics", self.health);
        let output = Command::new("curl").args(["-sS", "-m", "5", &url]).output().expect("curl");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let line = text.lines().find_map(|it| it.strip_prefix("gadgetry_runs_going "));
        line.unwrap_or_else(|| panic!("no such metric: {text}")).trim().parse().expect("a number")
    }

    /// Waits until so many go on there.
    #[track_caller]
    pub(crate) fn has_runs(&self, count: u64) {
        soon(&format!("{count} runs on {}", self.process.name), || match self.runs() {
            now if now == count => Ok(()),
            now => Err(now.to_string()),
        });
    }
}
