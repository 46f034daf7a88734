//! What the double does, seen by a client of Kubernetes.

use std::time::Duration;

use futures_util::TryStreamExt;
use gadgetry_kube_double::{Double, Fault};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Service};
use kube::api::{
    Api, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
    WatchEvent, WatchParams,
};
use kube::core::ApiResource;
use serde_json::{Value, json};

fn apply() -> PatchParams {
    PatchParams::apply("tests").force()
}

fn code<T: std::fmt::Debug>(result: kube::Result<T>) -> u16 {
    match result.unwrap_err() {
        kube::Error::Api(status) => status.code,
        other => panic!("{other}"),
    }
}

fn map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

#[tokio::test]
async fn what_is_applied_is_merged_and_withdrawn() {
    let double = Double::start().await;
    let maps: Api<ConfigMap> = Api::namespaced(double.client(), "default");
    let first =
        maps.patch("m", &apply(), &Patch::Apply(map("m", json!({"a": "1", "b": "2"})))).await.unwrap();
    let again =
        maps.patch("m", &apply(), &Patch::Apply(map("m", json!({"a": "1", "b": "2"})))).await.unwrap();
    assert_eq!(first.metadata.resource_version, again.metadata.resource_version, "nothing changed");
    let other = PatchParams::apply("other").force();
    maps.patch("m", &other, &Patch::Apply(map("m", json!({"c": "3"})))).await.unwrap();
    let last = maps.patch("m", &apply(), &Patch::Apply(map("m", json!({"b": "4"})))).await.unwrap();
    assert_eq!(json!(last.data), json!({"b": "4", "c": "3"}));
    assert_eq!(last.metadata.uid, first.metadata.uid);
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let double = Double::start().await;
    let maps: Api<ConfigMap> = Api::namespaced(double.client(), "default");
    let dry = apply().dry_run();
    let shown = maps.patch("m", &dry, &Patch::Apply(map("m", json!({"a": "1"})))).await.unwrap();
    assert_eq!(json!(shown.data), json!({"a": "1"}));
    assert_eq!(double.get("ConfigMap", "default", "m"), None);
}

#[tokio::test]
async fn what_the_real_one_refuses() {
    let double = Double::start().await;
    let client = double.client();
    let elsewhere: Api<ConfigMap> = Api::namespaced(client.clone(), "nowhere");
    assert_eq!(code(elsewhere.patch("m", &apply(), &Patch::Apply(map("m", json!({})))).await), 404);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let bad =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "labels": {"v": "1+2"}}});
    assert_eq!(code(maps.patch("m", &apply(), &Patch::Apply(bad)).await), 422);
    assert_eq!(code(maps.patch("m", &PatchParams::default(), &Patch::Apply(map("m", json!({})))).await), 422);
    assert_eq!(code(maps.delete("m", &DeleteParams::default()).await), 404);
    let gadgets = ApiResource::from_gvk(&GroupVersionKind::gvk("gadgets.gadgetry.dev", "v1", "Gadget"));
    let gadgets: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &gadgets);
    assert_eq!(code(gadgets.list(&ListParams::default()).await), 404, "not defined");

    let labels = |app: &str| json!({"matchLabels": {"app": app}});
    let deployment = |app: &str| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"selector": labels(app)},
        })
    };
    let deployments = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
    let deployments: Api<DynamicObject> = Api::namespaced_with(client, "default", &deployments);
    deployments.patch("d", &apply(), &Patch::Apply(deployment("a"))).await.unwrap();
    assert_eq!(code(deployments.patch("d", &apply(), &Patch::Apply(deployment("b"))).await), 422);
}

#[tokio::test]
async fn definitions_add_kinds() {
    let double = Double::start().await;
    double.put(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.gadgets.gadgetry.dev"},
        "spec": {
            "group": "gadgets.gadgetry.dev", "scope": "Namespaced", "names": {"kind": "Gadget", "plural": "gadgets"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}}}],
        },
    }));
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("gadgets.gadgetry.dev", "v1", "Gadget"));
    let gadgets: Api<DynamicObject> = Api::namespaced_with(double.client(), "default", &kind);
    let object = json!({
        "apiVersion": "gadgets.gadgetry.dev/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {"image": "a"},
        "status": {"phase": "ignored"},
    });
    gadgets.patch("g", &apply(), &Patch::Apply(object)).await.unwrap();
    let status =
        json!({"apiVersion": "gadgets.gadgetry.dev/v1", "kind": "Gadget", "status": {"phase": "running"}});
    let stored = gadgets.patch_status("g", &apply(), &Patch::Apply(status)).await.unwrap();
    assert_eq!(stored.data, json!({"spec": {"image": "a"}, "status": {"phase": "running"}}));
    assert_eq!(stored.metadata.generation, Some(1));
    assert!(double.remove("CustomResourceDefinition", "", "gadgets.gadgets.gadgetry.dev"));
    assert_eq!(code(gadgets.get("g").await), 404);
}

#[tokio::test]
async fn watches_select_and_expire() {
    let double = Double::start().await;
    let pods: Api<Pod> = Api::all(double.client());
    let at = pods.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let here = WatchParams::default().fields("spec.nodeName=n1");
    let mut events = Box::pin(pods.watch(&here, &at).await.unwrap());
    let pod = |node: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": node, "containers": []}});
    double.put(pod(Value::Null));
    double.put(pod("n1".into()));
    double.remove("Pod", "default", "p");
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match events.try_next().await.unwrap().unwrap() {
            WatchEvent::Added(pod) => seen.push(("added", pod.metadata.name)),
            WatchEvent::Deleted(pod) => seen.push(("deleted", pod.metadata.name)),
            WatchEvent::Bookmark(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, [("added", Some("p".into())), ("deleted", Some("p".into()))]);
    double.expire();
    loop {
        match events.try_next().await.unwrap().unwrap() {
            WatchEvent::Error(status) => break assert_eq!(status.code, 410),
            WatchEvent::Bookmark(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(events.try_next().await.unwrap().is_none(), "and it is over");
}

#[tokio::test]
async fn pages_and_metadata() {
    let double = Double::start().await;
    for number in 0..25 {
        double.put(map(&format!("m{number:02}"), json!({"k": "v"})));
    }
    let maps: Api<ConfigMap> = Api::namespaced(double.client(), "default");
    let (mut names, mut params) = (Vec::new(), ListParams::default().limit(10));
    for page in [10, 10, 5] {
        let list = maps.list_metadata(&params).await.unwrap();
        assert_eq!(list.items.len(), page);
        names.extend(list.items.into_iter().filter_map(|item| item.metadata.name));
        params.continue_token = list.metadata.continue_;
    }
    assert_eq!(params.continue_token.unwrap_or_default(), "");
    assert_eq!(names.len(), 25);
    assert!(names.is_sorted());
}

#[tokio::test]
async fn roles_are_read() {
    let double = Double::start().await;
    let rules =
        json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["m"]}]);
    double.put(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": rules,
    }));
    double.put(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "alice"}],
    }));
    double.put(map("m", json!({})));
    double.token("t", "alice", &[], &[]);
    let maps: Api<ConfigMap> = Api::namespaced(double.client_as("t"), "default");
    maps.get("m").await.unwrap();
    assert_eq!(code(maps.list(&ListParams::default()).await), 403);
    assert_eq!(code(maps.get("other").await), 403);
    double.revoke("t");
    assert_eq!(code(maps.get("m").await), 401);
}

#[tokio::test]
async fn finalizers_hold_and_namespaces_take_along() {
    let double = Double::start().await;
    let client = double.client();
    double.put(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n", "finalizers": ["x/y"]},
        "spec": {},
    }));
    let services: Api<Service> = Api::namespaced(client.clone(), "n");
    let address = services.get("s").await.unwrap().spec.unwrap().cluster_ip.unwrap();
    assert!(address.starts_with("10.96."), "{address}");
    services.delete("s", &DeleteParams::default()).await.unwrap();
    assert!(services.get("s").await.unwrap().metadata.deletion_timestamp.is_some());
    let free = json!({"metadata": {"finalizers": null}});
    services.patch("s", &PatchParams::default(), &Patch::Merge(free)).await.unwrap();
    assert_eq!(code(services.get("s").await), 404);

    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "n");
    let one = serde_json::from_value(map("m", json!({}))).unwrap();
    maps.create(&PostParams::default(), &one).await.unwrap();
    assert_eq!(code(maps.create(&PostParams::default(), &one).await), 409);
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.delete("n", &DeleteParams::default()).await.unwrap();
    assert_eq!(double.list("ConfigMap", ""), Vec::<Value>::new());
}

#[tokio::test]
async fn faults() {
    let double = Double::start().await;
    let client = double.client();
    let pods: Api<Pod> = Api::all(client.clone());
    let all = ListParams::default();
    double.fault("pods", Fault::Busy(7));
    match pods.list(&all).await.unwrap_err() {
        kube::Error::Api(status) => {
            assert_eq!((status.code, status.details.unwrap().retry_after_seconds), (429, 7));
        }
        other => panic!("{other}"),
    }
    let maps: Api<ConfigMap> = Api::all(client);
    maps.list(&all).await.unwrap();
    double.fault("", Fault::Unavailable);
    assert_eq!(code(maps.list(&all).await), 503);
    double.heal();
    double.fault("", Fault::Slow(Duration::from_millis(50)));
    pods.list(&all).await.unwrap();
    double.close().await;
    assert!(matches!(pods.list(&all).await, Err(kube::Error::Service(_) | kube::Error::HyperError(_))));
    double.open().await;
    pods.list(&all).await.unwrap();
}
