//! The nodes of a Kubernetes cluster: agents that are found and tell of pods, a server in the cluster that lets callers see
//! what the cluster lets them, and one outside that comes through a port-forward. The API server is the one in memory
//! (tests/kube); all else is what runs in a cluster.

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use gadgetry_tests::client::{self, Steps};
use gadgetry_tests::cluster::{Pod, World, alone, server_pod};
use gadgetry_tests::rows::rows;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(40);

fn namespaces(answer: &Value) -> Vec<&str> {
    let mut all: Vec<&str> =
        rows(answer).iter().map(|row| row["container"]["namespace"].as_str().unwrap_or("the host")).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn agents_are_found_pods_are_named_and_callers_see_what_they_may() {
    let _alone = alone();
    let world = World::start();
    let World { double, .. } = &world;
    double.token("alice-token-0123456789", "alice", &[], &["gadgetry"]);
    double.token("bob-token-0123456789", "bob", &[], &["gadgetry"]);
    double.token("other-token-0123456789", "alice", &[], &["elsewhere"]);
    double.allow("alice", "run", "gadgets.gadgets.gadgetry.dev", None);
    double.allow("bob", "run", "gadgets.gadgets.gadgetry.dev", Some("shop"));
    for (namespace, uid) in [("shop", "uid-of-shop"), ("bank", "uid-of-bank")] {
        world.pod(namespace, "web-0", uid, &json!({"app": "web", "of": namespace}));
    }
    let server = world.server(true);

    // Without an agent there is nothing to run, and the tools say so; with one, they come without a new start.
    let alice = "alice-token-0123456789";
    assert_eq!(world.tools(&server, alice), ["gadgetry_status"]);
    let _agents = [world.agent(1), world.agent(2)];
    let start = Instant::now();
    while !world.tools(&server, alice).iter().any(|it| it == "trace_exec") {
        assert!(start.elapsed() < LIMIT, "the gadgets do not come");
        std::thread::sleep(Duration::from_millis(200));
    }

    let _pods = [Pod::start("shop", "web-0", "uid-of-shop"), Pod::start("bank", "web-0", "uid-of-bank")];
    std::thread::sleep(Duration::from_secs(2));
    let call = |token: &str, arguments: Value| {
        world.step(&server, token, Steps::new().call("trace_exec", arguments))
    };
    let all = call(alice, json!({"duration": 3}));
    let all = &all["structuredContent"];
    let seen = namespaces(all);
    assert!(seen.contains(&"shop") && seen.contains(&"bank"), "{seen:?}");
    let by_node = all["summary"]["by_node"].as_object().expect("nodes");
    assert!(by_node.len() == 2 && by_node.values().all(|it| it.get("error").is_none()), "{by_node:?}");
    // What the cluster says of a pod is in rows of its node alone.
    let row = rows(all).iter().find(|it| it["node"] == "n1" && it["container"]["namespace"] == "shop");
    let container = &row.expect("a row")["container"];
    assert_eq!(
        (&container["pod"], &container["owner"], &container["labels"]["app"]),
        (&json!("web-0"), &json!("StatefulSet/web"), &json!("web")),
        "{container}"
    );
    let selected = call(alice, json!({"duration": 2, "selector": "of=bank", "node": ["n1"]}));
    assert_eq!(namespaces(&selected["structuredContent"]), ["bank"], "{selected}");

    let bob = "bob-token-0123456789";
    let refused = call(bob, json!({"duration": 1}));
    assert_eq!(refused["isError"], true, "{refused}");
    assert!(refused.to_string().contains("`namespace`"), "{refused}");
    let elsewhere = call(bob, json!({"duration": 1, "namespace": ["shop", "bank"]}));
    assert!(elsewhere["isError"] == true && elsewhere.to_string().contains("bank"), "{elsewhere}");
    let own = call(bob, json!({"duration": 3, "namespace": ["shop"]}));
    assert_eq!(namespaces(&own["structuredContent"]), ["shop"], "{own}");

    // An address in a row is told by the service that has it.
    double
        .put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"clusterIP": "127.0.0.77", "clusterIPs": ["127.0.0.77"], "ports": [{"port": 80}]}}));
    let listener = TcpListener::bind("127.0.0.77:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let connections = std::thread::spawn(move || {
        for _ in 0..40 {
            drop(TcpStream::connect(address).expect("a connection"));
            drop(listener.accept().expect("a connection"));
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let arguments = json!({"duration": 3, "pid": std::process::id(), "group_by": ["node", "dst_endpoint"]});
    let answer = world.step(&server, alice, Steps::new().call("trace_tcp", arguments));
    connections.join().expect("they were made");
    let to_web = |row: &&Value| row["dst_endpoint"] == "service shop/web";
    assert_eq!(rows(&answer["structuredContent"]).iter().filter(to_web).count(), 2, "{answer}");

    for token in ["other-token-0123456789", "nobodys-token-0123456789"] {
        let bearer = format!("Authorization: Bearer {token}");
        let status = ["-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", &server.url, "-H", &bearer];
        assert_eq!(curl(&status), "401", "{token}");
    }

    // Who comes without a token is led to the server that gives them out.
    let said = curl(&["-i", "-X", "POST", &server.url]);
    let metadata = "/.well-known/oauth-protected-resource/mcp";
    assert!(said.contains(&format!("resource_metadata=\"https://gadgetry.example{metadata}\"")), "{said}");
    let base = server.url.strip_suffix("/mcp").expect("the path of MCP");
    let document: Value = serde_json::from_str(&curl(&[&format!("{base}{metadata}")])).expect("JSON");
    assert_eq!(document["authorization_servers"], json!(["https://issuer.example"]));
    assert_eq!(document["resource"], "https://gadgetry.example/mcp");
}

fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl").arg("-sS").args(arguments).output().expect("curl");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn from_outside_one_port_forward_leads_to_all_nodes() {
    let _alone = alone();
    let world = World::start();
    let _agents = [world.agent(1), world.agent(2)];
    let _server = world.server(true);
    world.double.put(server_pod("gadgetry-server-0", "127.0.0.1"));
    let to = ([127, 0, 0, 1], world.forwarded).into();
    world.double.forward("gadgetry", "gadgetry-server-0", 7444, to);
    let steps = (0..3).fold(Steps::new(), |steps, _| steps.call("trace_exec", json!({"duration": 2})));
    let kubeconfig = world.kubeconfig();
    let arguments = ["-gadget-images=trace_exec", "--environment=kubernetes", &kubeconfig];
    let busy = std::thread::spawn(|| {
        for _ in 0..90 {
            assert!(Command::new("/bin/true").status().expect("it starts").success());
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let seen = client::stdio(&world.host, "auto", &arguments, steps);
    for result in &seen.results {
        let answer = &result["structuredContent"];
        for node in ["n1", "n2"] {
            assert!(rows(answer).iter().any(|row| row["node"] == node), "{node}: {result}");
        }
        assert_eq!(answer["summary"]["by_node"].as_object().map(|it| it.len()), Some(2), "{answer}");
    }
    let forwards = world.double.seen().into_iter().filter(|it| it.path.contains("portforward")).count();
    assert_eq!(forwards, 1, "one port-forward is made for all calls");
    busy.join().expect("it ran");

    // Listed without a client, and written down for one.
    let listed = world.host.ok(&["mcp", "--list-tools", arguments[0], arguments[1], arguments[2]]);
    assert!(listed.lines().any(|line| line.starts_with("trace_exec ")), "{listed}");
    let config: Value =
        serde_json::from_str(&world.host.ok(&["mcp", "--mcp-config", arguments[0]])).expect("JSON");
    assert_eq!(
        config["mcpServers"]["gadgetry"]["args"],
        json!(["mcp", "-gadget-images=trace_exec"]),
        "{config}"
    );
    world.runtime.block_on(world.double.close());
}
