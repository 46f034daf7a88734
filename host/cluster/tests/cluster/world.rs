//! A cluster for a test, and a namespace of its own in it.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gadgetry_cluster::connection::{Connection, Options};
use gadgetry_kube_double::Double;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use serde_json::{Value, json};

/// How long anything may take to be noticed.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A cluster.
pub(crate) struct World {
    pub(crate) connection: Connection,
    /// A namespace that only this test uses.
    pub(crate) namespace: String,
    double: Option<Double>,
    made: Vec<(ApiResource, Option<String>, String)>,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl World {
    /// The real cluster that `KUBECONFIG` names, or a double.
    pub(crate) async fn any() -> Self {
        match std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) {
            Some(path) => {
                eprintln!("REAL CLUSTER: the tests use {}", path.display());
                Self::with(None, Options::default()).await
            }
            None => Self::double().await,
        }
    }

    /// A double, also where there is a real one.
    pub(crate) async fn double() -> Self {
        eprintln!("DOUBLE: the tests use an API server in memory, not a cluster");
        let double = Double::start().await;
        let options = Options { kubeconfig: Some(double.kubeconfig()), ..Options::default() };
        Self::with(Some(double), options).await
    }

    async fn with(double: Option<Double>, options: Options) -> Self {
        let connection = Connection::open(&options).await.unwrap();
        connection.reach().await.unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("gadgetry-test-{}-{number}", std::process::id());
        let mut world = Self { connection, namespace: namespace.clone(), double, made: Vec::new() };
        world.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})).await;
        if world.double.is_none() {
            // Pods are refused until a controller has made it.
            let accounts: Api<ServiceAccount> = Api::namespaced(world.client(), &namespace);
            soon("the default service account", || async { accounts.get("default").await.ok() }).await;
        }
        world
    }

    /// The double, where there must be one.
    pub(crate) fn as_double(&self) -> &Double {
        self.double.as_ref().expect("this test is of the double")
    }

    pub(crate) fn client(&self) -> kube::Client {
        self.connection.once.clone()
    }

    /// Where a kubeconfig of this cluster is, if it is the double's.
    pub(crate) fn kubeconfig(&self) -> Option<PathBuf> {
        self.double.as_ref().map(Double::kubeconfig)
    }

    /// Applies an object; one that belongs into a namespace goes into the test's. Its status is applied as well.
    pub(crate) async fn apply(&mut self, object: Value) -> DynamicObject {
        let (api, kind, namespace, name) = self.place(&object);
        let params = PatchParams::apply("gadgetry-tests").force();
        let applied = api.patch(&name, &params, &Patch::Apply(&object)).await;
        let applied = applied.unwrap_or_else(|error| panic!("{}/{name}: {error}", kind.kind));
        let place = (kind, namespace, name.clone());
        if !self.made.iter().any(|made| made.0 == place.0 && made.1 == place.1 && made.2 == place.2) {
            self.made.push(place);
        }
        if !object["status"].is_null() {
            let status = json!({"status": object["status"]});
            api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
        }
        applied
    }

    pub(crate) async fn delete(&self, object: &Value) {
        let (api, _, _, name) = self.place(object);
        api.delete(&name, &DeleteParams::default().grace_period(0)).await.unwrap();
    }

    fn place(&self, object: &Value) -> (Api<DynamicObject>, ApiResource, Option<String>, String) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let types = TypeMeta { api_version: text(&object["apiVersion"]), kind: text(&object["kind"]) };
        let kind = ApiResource::from_gvk(&GroupVersionKind::try_from(types).unwrap());
        let everywhere =
            ["Namespace", "Node", "ClusterRole", "ClusterRoleBinding"].contains(&kind.kind.as_str());
        let namespace = (!everywhere).then(|| self.namespace.clone());
        let api = match &namespace {
            Some(namespace) => Api::namespaced_with(self.client(), namespace, &kind),
            None => Api::all_with(self.client(), &kind),
        };
        (api, kind, namespace, text(&object["metadata"]["name"]))
    }

    /// Takes away what was made, so that a real cluster is as it was.
    pub(crate) async fn end(self) {
        if self.double.is_some() {
            return;
        }
        for (kind, namespace, name) in self.made.iter().rev() {
            let api: Api<DynamicObject> = match namespace {
                Some(namespace) => Api::namespaced_with(self.client(), namespace, kind),
                None => Api::all_with(self.client(), kind),
            };
            // What another object took along is gone already.
            let _ = api.delete(name, &DeleteParams::default().grace_period(0)).await;
        }
    }
}

/// A pod bound to a node that nobody has: no kubelet starts it, no image is fetched.
pub(crate) fn pod(name: &str, node: &str, labels: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {
            "nodeName": node, "automountServiceAccountToken": false,
            "containers": [{"name": "main", "image": "gadgetry.invalid/none"}],
        },
    })
}

/// Waits until something holds.
pub(crate) async fn soon<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < SOON, "not within {} s: {what}", SOON.as_secs());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
