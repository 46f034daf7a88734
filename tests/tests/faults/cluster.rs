//! Pods that are deleted while a run looks at them, and an API server that is away.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use gadgetry_tests::client::Steps;
use gadgetry_tests::cluster::{Pod, Server, World, alone};
use gadgetry_tests::rows::rows;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(40);

/// One call, by a client of its own.
fn call(world: &World, server: &Server, arguments: Value) -> Value {
    let result = world.steps(server, None, Steps::new().call("trace_exec", arguments)).remove(0);
    assert_ne!(result["isError"], true, "{result}");
    result["structuredContent"].clone()
}

/// Waits until the gadgets are offered.
fn offered(world: &World, server: &Server) {
    let start = Instant::now();
    loop {
        let listed = world.steps(server, None, Steps::new().list()).remove(0);
        if listed["tools"].as_array().expect("tools").iter().any(|it| it["name"] == "trace_exec") {
            return;
        }
        assert!(start.elapsed() < LIMIT, "the gadgets do not come");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn pods(answer: &Value) -> BTreeSet<&str> {
    rows(answer).iter().map(|row| row["container"]["pod"].as_str().unwrap_or("none")).collect()
}

/// The times of a pod's rows, which are texts in the order of the times.
fn times<'a>(answer: &'a Value, pod: &str) -> Vec<&'a str> {
    let of_pod = rows(answer).iter().filter(|row| row["container"]["pod"] == pod);
    of_pod.map(|row| row["timestamp"].as_str().expect("a time")).collect()
}

#[test]
fn a_run_goes_on_when_a_pod_in_its_scope_is_deleted_and_follows_the_one_that_comes() {
    let _alone = alone();
    let world = World::start();
    let server = world.server(false);
    let _agents = [world.agent(1), world.agent(2)];
    let app = json!({"app": "web"});
    world.pod("shop", "web-0", "faults-web-0", &app);
    world.pod("shop", "web-1", "faults-web-1", &app);
    let (deleted, _stays) =
        (Pod::start("shop", "web-0", "faults-web-0"), Pod::start("shop", "web-1", "faults-web-1"));
    offered(&world, &server);
    let (selected, named, _comes) = std::thread::scope(|scope| {
        let call = |scope_of: Value| {
            let (world, server) = (&world, &server);
            scope.spawn(move || {
                let mut arguments = json!({"duration": 9, "node": ["n1"], "max_rows": 10_000});
                arguments.as_object_mut().expect("it").extend(scope_of.as_object().expect("it").clone());
                call(world, server, arguments)
            })
        };
        let calls = [call(json!({"selector": "app=web"})), call(json!({"pod": ["web-0"]}))];
        std::thread::sleep(Duration::from_secs(4));
        drop(deleted);
        assert!(world.double.remove("Pod", "shop", "web-0"));
        world.pod("shop", "web-2", "faults-web-2", &app);
        let comes = Pod::start("shop", "web-2", "faults-web-2");
        let [selected, named] = calls.map(|it| it.join().expect("it ran"));
        (selected, named, comes)
    });
    for answer in [&selected, &named] {
        let summary = &answer["summary"];
        assert_eq!(summary["ended"], "complete", "{summary}");
        assert!(summary["by_node"]["n1"].get("error").is_none(), "{summary}");
        assert!(summary["duration_ms"].as_u64() >= Some(8_900), "{summary}");
    }
    assert_eq!(pods(&named).into_iter().collect::<Vec<_>>(), ["web-0"], "{}", named["summary"]);
    assert_eq!(pods(&selected).into_iter().collect::<Vec<_>>(), ["web-0", "web-1", "web-2"]);
    let [gone, stays, comes] = ["web-0", "web-1", "web-2"].map(|pod| times(&selected, pod));
    // The one that stays is seen to the end, the one that comes after the one that is gone.
    let after = stays.iter().filter(|it| **it > gone[gone.len() - 1]).count();
    assert!(after > 20 && gone.len() > 5 && comes.len() > 10, "{} {after} {}", gone.len(), comes.len());
    assert!(stays[stays.len() - 1] > gone[gone.len() - 1] && comes[0] > gone[gone.len() - 1]);
}

#[test]
fn what_was_known_of_a_cluster_serves_while_its_api_server_is_away() {
    let _alone = alone();
    let world = World::start();
    let server = world.server(false);
    let _agents = [world.agent(1), world.agent(2)];
    world.pod("shop", "web-0", "faults-away-0", &json!({"app": "web"}));
    let _pod = Pod::start("shop", "web-0", "faults-away-0");
    offered(&world, &server);
    let told = |answer: &Value| {
        let by_node = answer["summary"]["by_node"].as_object().expect("nodes").clone();
        let whole = by_node.len() == 2 && by_node.values().all(|it| it.get("error").is_none());
        let named = rows(answer).iter().any(|row| {
            row["node"] == "n1"
                && row["container"]["owner"] == "StatefulSet/web"
                && row["container"]["labels"]["app"] == "web"
        });
        assert!(whole && named, "{answer}");
    };
    let arguments = json!({"duration": 2, "namespace": ["shop"]});
    told(&call(&world, &server, arguments.clone()));
    world.runtime.block_on(world.double.close());
    std::thread::sleep(Duration::from_secs(2));
    told(&call(&world, &server, arguments.clone()));
    world.runtime.block_on(world.double.open());
    // What comes afterwards is found without a new start.
    world.node("n3");
    let _third = world.agent(3);
    let start = Instant::now();
    loop {
        let answer = call(&world, &server, json!({"duration": 1}));
        let of_third = &answer["summary"]["by_node"]["n3"];
        if of_third.is_object() && of_third.get("error").is_none() {
            break;
        }
        assert!(start.elapsed() < LIMIT, "the third node does not come: {}", answer["summary"]);
    }
}
