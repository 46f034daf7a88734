use gadgetry_cluster::pods::{Labels, Pods};
use serde_json::json;

use crate::world::{World, pod, soon};

const NODE: &str = "gadgetry-test-nowhere";

#[tokio::test]
async fn pods_of_a_node_come_and_go() {
    let mut world = World::any().await;
    world.apply(pod("first", NODE, json!({"app": "web", "tier": "front"}))).await;
    world.apply(pod("elsewhere", "gadgetry-test-other", json!({"app": "web"}))).await;
    let pods = Pods::watch(world.client(), Some(NODE), Labels::All);
    pods.complete().await;
    let first = pods.by_name(&world.namespace, "first").expect("it was there before");
    assert_eq!((first.label("app"), first.label("none")), (Some("web"), None));
    assert!(pods.by_name(&world.namespace, "elsewhere").is_none(), "another node's");
    assert_eq!(pods.by_uid(&first.uid).unwrap(), first);

    let mut changes = pods.changes();
    changes.mark_unchanged();
    world.apply(pod("second", NODE, json!({"app": "web"}))).await;
    let namespace = world.namespace.clone();
    let tier_of_second = || {
        let all = pods.all();
        let second = all.into_iter().find(|pod| *pod.namespace == *namespace && &*pod.name == "second");
        second.map(|pod| (pod.label("tier").map(str::to_owned), pod))
    };
    let (tier, found) = soon("a second pod", || async { tier_of_second() }).await;
    assert_eq!((tier, found.label("app")), (None, Some("web")));
    assert!(changes.has_changed().unwrap(), "and whoever follows is told");

    world.apply(pod("second", NODE, json!({"app": "web", "tier": "back"}))).await;
    let back = || tier_of_second().is_some_and(|(tier, _)| tier.as_deref() == Some("back"));
    soon("its new label", || async { back().then_some(()) }).await;
    world.delete(&pod("second", NODE, json!({}))).await;
    soon("its end", || async { tier_of_second().is_none().then_some(()) }).await;
    assert_eq!(pods.by_uid(&found.uid).unwrap().label("tier"), Some("back"), "late events still find it");
    assert_eq!(pods.status().stale, None);
    world.end().await;
}

#[tokio::test]
async fn an_owner_is_what_people_know() {
    let mut world = World::any().await;
    let mut owned = pod("web-7d4b9c-x", NODE, json!({"pod-template-hash": "7d4b9c"}));
    owned["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d4b9c", "controller": true,
        "uid": "00000000-0000-4000-8000-000000000000",
    }]);
    world.apply(owned).await;
    let pods = Pods::watch(world.client(), Some(NODE), Labels::Only(Vec::new()));
    let namespace = world.namespace.clone();
    let found = soon("the pod", || async { pods.by_name(&namespace, "web-7d4b9c-x") }).await;
    let owner = found.owner.clone().unwrap();
    assert_eq!((&*owner.kind, &*owner.name), ("Deployment", "web"));
    assert_eq!(found.labels().count(), 0, "no label was asked for");
    world.end().await;
}

#[tokio::test]
async fn only_metadata_is_asked_for() {
    let world = World::double().await;
    let pods = Pods::watch(world.client(), Some("n1"), Labels::All);
    pods.complete().await;
    let seen = world.as_double().seen();
    let lists = seen.iter().filter(|seen| seen.path == "/api/v1/pods" && !seen.query.contains("watch"));
    assert_eq!(
        lists.map(|seen| seen.query.clone()).collect::<Vec<_>>(),
        ["&fieldSelector=spec.nodeName%3Dn1&resourceVersion=0"]
    );
    let count = || world.as_double().seen().len();
    drop(pods);
    // Whoever is not listened to any more says nothing more.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let before = count();
    world.as_double().expire();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(count(), before);
}
