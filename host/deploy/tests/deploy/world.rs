//! A cluster to install into: the API server in memory with the little that controllers and kubelets would do, or, for the
//! tests that can, the real one that KUBECONFIG names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gadgetry_deploy::{Cluster, Done, Given, InstallError, Plan, PlanError, Progress, Request};
use gadgetry_kube_double::Double;
use k8s_openapi::ByteString;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Where tests install.
pub(crate) const NAMESPACE: &str = "gadgetry-test";
/// Longer than anything in memory takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A cluster.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    /// What a real cluster needs beside: an image that it can pull.
    image: Option<String>,
    patience: Duration,
}

impl World {
    /// The real cluster that KUBECONFIG names, or one in memory.
    pub(crate) async fn any() -> (Self, Option<Controllers>) {
        if std::env::var_os("KUBECONFIG").is_none() {
            let (world, controllers) = Self::memory().await;
            return (world, Some(controllers));
        }
        let cluster = gadgetry_deploy::connect(None, None).await.unwrap();
        let there = gadgetry_deploy::status(&cluster).await.unwrap();
        let ours = there.namespace.as_deref().is_none_or(|it| it == NAMESPACE);
        assert!(ours, "gadgetry is installed in {}: these tests would remove it", cluster.name());
        let image = std::env::var("GADGETRY_IMAGE").ok();
        (Self { cluster, image, patience: Duration::from_secs(300) }, None)
    }

    /// One in memory, in which everything gets ready.
    pub(crate) async fn memory() -> (Self, Controllers) {
        let double = Arc::new(Double::start().await);
        let cluster = gadgetry_deploy::connect(Some(&double.kubeconfig()), None).await.unwrap();
        (Self { cluster, image: None, patience: PATIENCE }, Controllers::start(double))
    }

    pub(crate) fn request(&self, set: &[&str]) -> Request {
        let mut values = Given::default();
        for it in
            set.iter().map(|it| (*it).to_owned()).chain(self.image.iter().map(|it| format!("image={it}")))
        {
            values.set(&it).unwrap();
        }
        Request {
            upgrade: false,
            namespace: Some(NAMESPACE.to_owned()),
            overlays: Vec::new(),
            values,
            rotate: false,
            wait: Some(self.patience),
        }
    }

    pub(crate) async fn plan(&self, request: Request) -> Result<Plan, PlanError> {
        gadgetry_deploy::plan(&self.cluster, request).await
    }

    /// Carries out, and checks what is told on the way.
    pub(crate) async fn install(&self, plan: &Plan) -> Result<Done, InstallError> {
        let told: Mutex<Vec<Progress>> = Mutex::default();
        let hear = |progress| told.lock().unwrap().push(progress);
        let done = gadgetry_deploy::install(&self.cluster, plan, &hear, &CancellationToken::new()).await;
        let told = told.into_inner().unwrap();
        assert!(told.iter().zip(&told[1..]).all(|(a, b)| a.done <= b.done && b.done <= b.of), "{told:?}");
        done
    }

    /// Plans and carries out.
    pub(crate) async fn make(&self, request: Request) -> Plan {
        let plan = self.plan(request).await.unwrap();
        self.install(&plan).await.unwrap();
        plan
    }

    pub(crate) async fn undeploy(&self) {
        let removal = gadgetry_deploy::removal(&self.cluster).await.unwrap();
        let within = Some(self.patience);
        gadgetry_deploy::undeploy(&self.cluster, &removal, within, &|_| {}, &CancellationToken::new())
            .await
            .unwrap();
    }

    /// A Secret's data as text.
    pub(crate) async fn secret(&self, name: &str) -> BTreeMap<String, String> {
        let id = gadgetry_deploy::Id {
            kind: "Secret".to_owned(),
            namespace: Some(NAMESPACE.to_owned()),
            name: name.to_owned(),
        };
        let object = self.cluster.get(&id).await.unwrap().unwrap_or_else(|| panic!("no {id}"));
        let data: BTreeMap<String, ByteString> = serde_json::from_value(object.0["data"].clone()).unwrap();
        data.into_iter().map(|(key, it)| (key, String::from_utf8(it.0).unwrap())).collect()
    }
}

/// What happens by itself in a cluster: pods come for what asks for them, on three nodes, and get ready, except those on
/// nodes that are said not to work. It runs between the steps of the test and of the server, never beside them.
pub(crate) struct Controllers {
    pub(crate) double: Arc<Double>,
    broken: Arc<Mutex<BTreeMap<String, String>>>,
    version: Arc<Mutex<Option<String>>>,
    task: JoinHandle<()>,
}

const NODES: [&str; 3] = ["node-a", "node-b", "node-c"];

impl Controllers {
    fn start(double: Arc<Double>) -> Self {
        let (broken, version) =
            (Arc::<Mutex<BTreeMap<_, _>>>::default(), Arc::<Mutex<Option<String>>>::default());
        let of_task = (double.clone(), broken.clone(), version.clone());
        let task = tokio::spawn(async move {
            let (double, broken, version) = of_task;
            loop {
                let broken = broken.lock().unwrap().clone();
                let version = version.lock().unwrap().clone();
                for kind in ["DaemonSet", "Deployment"] {
                    for workload in double.list(kind, "") {
                        control(&double, kind, &workload, &broken, version.as_deref());
                    }
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        Self { double, broken, version, task }
    }

    /// From now on agents do not start on `node`.
    pub(crate) fn breaks(&self, node: &str, why: &str) {
        self.broken.lock().unwrap().insert(node.to_owned(), why.to_owned());
    }

    /// All nodes work.
    pub(crate) fn heals(&self) {
        self.broken.lock().unwrap().clear();
    }

    /// Pods that come from now on say that they are of this version.
    pub(crate) fn makes(&self, version: &str) {
        *self.version.lock().unwrap() = Some(version.to_owned());
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn control(
    double: &Double,
    kind: &str,
    workload: &Value,
    broken: &BTreeMap<String, String>,
    version: Option<&str>,
) {
    let (namespace, name) = (&workload["metadata"]["namespace"], &workload["metadata"]["name"]);
    let (Some(namespace), Some(name)) = (namespace.as_str(), name.as_str()) else { return };
    let nodes: &[&str] = if kind == "DaemonSet" { &NODES } else { &NODES[..1] };
    let mut ready = 0;
    for node in nodes {
        let mut labels = workload["spec"]["template"]["metadata"]["labels"].clone();
        if let Some(version) = version {
            labels["app.kubernetes.io/version"] = json!(version);
        }
        let status = match broken.get(*node).filter(|_| kind == "DaemonSet") {
            Some(why) => json!({"phase": "Pending", "containerStatuses": [{"name": "agent", "state": {
                "waiting": {"reason": "ImagePullBackOff", "message": why}}}]}),
            None => {
                ready += 1;
                json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
            }
        };
        let owner = json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true,
                            "uid": workload["metadata"]["uid"]}]);
        double.put(json!({"apiVersion": "v1", "kind": "Pod", "status": status, "spec": {"nodeName": node},
            "metadata": {"name": format!("{name}-{node}"), "namespace": namespace, "labels": labels,
                         "ownerReferences": owner}}));
    }
    let generation = &workload["metadata"]["generation"];
    let count = nodes.len();
    let status = if kind == "DaemonSet" {
        json!({"observedGeneration": generation, "desiredNumberScheduled": count, "updatedNumberScheduled": count,
               "numberReady": ready})
    } else {
        json!({"observedGeneration": generation, "replicas": count, "updatedReplicas": count,
               "availableReplicas": ready})
    };
    double.patch(kind, namespace, name, json!({"status": status}));
}
