use std::sync::Arc;

use gadgetry_cluster::objects::{Condition, Nodes, ObjectWatch, Objects, Status, tell};
use gadgetry_kube_double::Double;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::world::{SOON, World};

fn define(double: &Double) {
    double.put(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.gadgets.gadgetry.dev"},
        "spec": {"group": "gadgets.gadgetry.dev", "scope": "Cluster", "names": {"kind": "Gadget", "plural": "gadgets"},
                 "versions": [{"name": "v1alpha1", "served": true, "storage": true, "subresources": {"status": {}}}]}}));
}

fn gadget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "gadgets.gadgetry.dev/v1alpha1", "kind": "Gadget", "metadata": {"name": name}, "spec": spec})
}

async fn until(
    objects: &mut watch::Receiver<Arc<Objects>>,
    wanted: impl Fn(&Objects) -> bool,
) -> Arc<Objects> {
    let found = timeout(SOON, objects.wait_for(|it| wanted(it))).await;
    found.expect("it becomes so in time").expect("they are followed").clone()
}

#[tokio::test]
async fn objects_are_followed_from_when_they_are_defined() {
    let world = World::double().await;
    let double = world.as_double();
    let watch = ObjectWatch::start(world.client());
    let mut objects = watch.subscribe();
    // Without a definition there are none, which is no failure.
    assert!(until(&mut objects, |it| it.complete).await.all.is_empty());
    define(double);
    double.put(gadget("a", json!({"image": "trace_exec"})));
    let now = until(&mut objects, |it| it.all.len() == 1).await;
    let spec = now.all["a"].spec.as_ref().unwrap();
    assert_eq!((spec.image.as_str(), now.all["a"].generation), ("trace_exec", 1));
    double.put(gadget("b", json!({"image": 7})));
    double.patch("Gadget", "", "a", json!({"spec": {"suspend": true}}));
    let suspended =
        |it: &Objects| it.all.get("a").is_some_and(|it| it.spec.as_ref().is_ok_and(|it| it.suspend));
    let now = until(&mut objects, |it| suspended(it) && it.all.len() == 2).await;
    assert!(now.all["a"].generation == 2 && now.all["b"].spec.is_err());
    double.remove("Gadget", "", "a");
    until(&mut objects, |it| it.all.len() == 1).await;
}

#[tokio::test]
async fn a_status_is_told_and_changes_nothing_else() {
    let world = World::double().await;
    let double = world.as_double();
    define(double);
    let before = double.put(gadget("a", json!({"image": "trace_exec"})));
    let condition = Condition { kind: "Ready".into(), status: "True".into(), ..Condition::default() };
    let status = Status {
        observed_generation: 1,
        digest: Some("sha256:0".into()),
        loss: 7,
        nodes: Nodes { matching: 3, running: 2, failed: 1 },
        conditions: vec![condition],
        ..Status::default()
    };
    tell(world.client(), "a", &status).await.unwrap();
    let after = double.get("Gadget", "", "a").unwrap();
    assert_eq!(after["spec"], before["spec"]);
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);
    assert_eq!(after["status"]["nodes"], json!({"matching": 3, "running": 2, "failed": 1}));
    assert!(after["status"].get("signer").is_none(), "{after}");
    // What is no longer so is taken out.
    tell(world.client(), "a", &Status { digest: None, ..status.clone() }).await.unwrap();
    assert!(double.get("Gadget", "", "a").unwrap()["status"].get("digest").is_none());
    let watch = ObjectWatch::start(world.client());
    let read = until(&mut watch.subscribe(), |it| it.complete).await;
    assert_eq!(
        read.all["a"].status,
        Status { digest: None, ..status.clone() },
        "it is read back as it was told"
    );
    assert_eq!(tell(world.client(), "gone", &status).await, Err(None), "it is no more");
}
