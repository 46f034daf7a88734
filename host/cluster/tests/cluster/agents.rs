use std::time::Duration;

use gadgetry_cluster::agents::{Agent, AgentOptions, AgentWatch};
use gadgetry_kube_double::Fault;
use serde_json::{Value, json};

use crate::world::{World, soon};

fn agent(name: &str, node: &str, ready: bool, address: &str) -> Value {
    let labels = json!({
        "app.kubernetes.io/name": "gadgetry", "app.kubernetes.io/component": "agent", "app.kubernetes.io/version": "0.1.0",
    });
    let ready = if ready { "True" } else { "False" };
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "gadgetry", "labels": labels},
        "spec": {"nodeName": node, "containers": []},
        "status": {
            "phase": "Running", "podIP": address,
            "conditions": [{"type": "Ready", "status": ready, "reason": "ContainersNotReady"}],
        },
    })
}

fn node(name: &str, os: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/os": os}}})
}

fn told(agents: &[Agent]) -> Vec<String> {
    agents.iter().map(|agent| format!("{} {} {}", agent.node, agent.pod, agent.ready)).collect()
}

#[tokio::test]
async fn agents_and_nodes_without() {
    let world = World::double().await;
    let double = world.as_double();
    for (name, os) in [("n1", "linux"), ("n2", "linux"), ("n3", "linux"), ("w1", "windows")] {
        double.put(node(name, os));
    }
    double.put(agent("b", "n2", true, "10.0.0.2"));
    double.put(agent("a", "n1", false, "10.0.0.1"));
    let mut other = agent("server", "n3", true, "10.0.0.3");
    other["metadata"]["labels"]["app.kubernetes.io/component"] = "server".into();
    double.put(other);

    let watch = AgentWatch::start(world.client(), &AgentOptions::default());
    let agents = watch.complete().await;
    assert_eq!(told(&agents.agents), ["n1 a false", "n2 b true"]);
    let n2 = agents.on("n2").unwrap();
    assert_eq!((n2.address, n2.version.as_deref()), (Some([10, 0, 0, 2].into()), Some("0.1.0")));
    assert_eq!(agents.on("n1").unwrap().reason.as_deref(), Some("ContainersNotReady"));
    soon("the node without", || async { (watch.now().without == ["n3"]).then_some(()) }).await;

    let mut changes = watch.subscribe();
    double.put(agent("a", "n1", true, "10.0.0.1"));
    let ready = changes.wait_for(|agents| agents.on("n1").unwrap().ready).await.unwrap().clone();
    assert_eq!(ready.on("n1").unwrap().reason, None);
    double.put(agent("c", "n3", true, "10.0.0.3"));
    soon("its agent", || async { watch.now().without.is_empty().then_some(()) }).await;
    double.remove("Node", "", "n3");
    double.remove("Pod", "gadgetry", "c");
    soon("its end", || async { (told(&watch.now().agents) == ["n1 a true", "n2 b true"]).then_some(()) })
        .await;
    assert!(watch.now().without.is_empty());
}

#[tokio::test]
async fn an_empty_cluster_is_known_to_be_empty() {
    let world = World::any().await;
    let options = AgentOptions { namespace: world.namespace.clone(), ..AgentOptions::default() };
    let watch = AgentWatch::start(world.client(), &options);
    let agents = watch.complete().await;
    assert!(agents.complete && agents.agents.is_empty() && agents.stale.is_none());
    world.end().await;
}

#[tokio::test]
async fn nodes_may_be_forbidden() {
    let world = World::double().await;
    let double = world.as_double();
    double.fault("nodes", Fault::Forbidden);
    double.put(agent("a", "n1", true, "10.0.0.1"));
    let watch = AgentWatch::start(world.client(), &AgentOptions::default());
    let agents = watch.complete().await;
    assert_eq!(told(&agents.agents), ["n1 a true"]);
    let stale = soon("why", || async { watch.now().nodes_stale.clone() }).await;
    assert!(stale.reason.contains("403"), "{}", stale.reason);
    assert_eq!(watch.now().stale, None);
}

#[tokio::test]
async fn what_is_of_no_interest_is_not_told() {
    let world = World::double().await;
    let double = world.as_double();
    double.put(node("n1", "linux"));
    double.put(agent("a", "n1", true, "10.0.0.1"));
    let watch = AgentWatch::start(world.client(), &AgentOptions::default());
    watch.complete().await;
    soon("the node", || async { watch.now().labels.contains_key("n1").then_some(()) }).await;
    let mut changes = watch.subscribe();
    changes.mark_unchanged();
    for number in 0..20 {
        double.patch("Node", "", "n1", json!({"metadata": {"annotations": {"beat": number.to_string()}}}));
        double.patch(
            "Pod",
            "gadgetry",
            "a",
            json!({"metadata": {"annotations": {"beat": number.to_string()}}}),
        );
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!changes.has_changed().unwrap(), "heartbeats are nobody's news");
    double.put(agent("b", "n2", true, "10.0.0.2"));
    soon("the next agent", || async { watch.now().on("n2").cloned() }).await;
    assert!(changes.has_changed().unwrap());
}
