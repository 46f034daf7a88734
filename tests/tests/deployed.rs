//! What `gadgetry deploy` installs, run as a node would run it: the image as it is built, its containers with what the
//! manifests give them and nothing more, found and asked by a client on a laptop. The API server is the one in memory, the
//! kubelet's part the tests' own; on a real cluster the same takes `docs/deploy.md`.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gadgetry_tests::client::{self, Steps};
use gadgetry_tests::cluster::{Pod, World, address, alone, free_port};
use gadgetry_tests::kubelet::{Kubelet, decoded};
use gadgetry_tests::nodes::Authority;
use gadgetry_tests::rows::{rows, with};
use gadgetry_tests::shell::Busy;
use serde_json::{Value, json};

/// Waits until a workload is there, and with it all that its pods need.
fn applied(world: &World, kind: &str, name: &str) -> Value {
    let start = Instant::now();
    loop {
        if let Some(object) = world.double.get(kind, "gadgetry", name) {
            return object;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "`deploy` does not apply {kind} {name}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Nodes and pods that rows are of.
fn seen<'a>(answer: &'a Value, pointer: &str) -> BTreeSet<&'a str> {
    rows(answer).iter().filter_map(|row| row.pointer(pointer)?.as_str()).collect()
}

/// The built-in gadgets that look at a node.
fn built_in() -> Vec<String> {
    let folders = std::fs::read_dir(gadgetry_tests::root().join("gadgets")).expect("the gadgets");
    let names = folders.map(|it| it.expect("a folder").file_name().into_string().expect("UTF-8"));
    let mut names: Vec<String> = names.filter(|name| name != "ai_security").collect();
    names.sort_unstable();
    names
}

#[test]
fn what_deploy_installs_runs_as_it_says_and_answers_a_laptop_from_all_nodes() {
    let _alone = alone();
    let world = World::start();
    let authority = Authority::new().write(&world.host.folder().join("api"), "127.0.0.1", false);
    let kubelet = Kubelet::new(&world, &authority);
    let kubeconfig = world.kubeconfig();
    // Clients come by the servers' addresses here, and not by the Service's name.
    let hosts = format!("--set=allowedHosts={},{}", address(3), address(4));
    let deploy = world.host.start(&["deploy", "--timeout=120s", &hosts, &kubeconfig]);

    let (agents, servers) =
        (applied(&world, "DaemonSet", "gadgetry-agent"), applied(&world, "Deployment", "gadgetry-server"));
    let running = [("n1", 1), ("n2", 2)].map(|(node, at)| kubelet.run(&agents, node, address(at), &[]));
    let server = kubelet.run(&servers, "n1", address(3), &[]);
    let port = format!("--control-forwarded-port={}", free_port());
    let other = kubelet.run(&servers, "n2", address(4), &[&port]);
    let generation = |of: &Value| of["metadata"]["generation"].clone();
    world.double.patch(
        "DaemonSet",
        "gadgetry",
        "gadgetry-agent",
        json!({"status": {
        "observedGeneration": generation(&agents), "desiredNumberScheduled": 2, "currentNumberScheduled": 2,
        "updatedNumberScheduled": 2, "numberReady": 2, "numberAvailable": 2, "numberMisscheduled": 0}}),
    );
    world.double.patch(
        "Deployment",
        "gadgetry",
        "gadgetry-server",
        json!({"status": {
        "observedGeneration": generation(&servers), "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2,
        "availableReplicas": 2}}),
    );
    let deployed = deploy.wait_with_output().expect("deploy ends");
    assert!(deployed.status.success(), "{}", String::from_utf8_lossy(&deployed.stderr));
    let status: Value =
        serde_json::from_str(&world.host.ok(&["status", "-o", "json", &kubeconfig])).expect("JSON");
    assert_eq!((&status["nodes"]["ready"], &status["server"]["ready"]), (&2.into(), &2.into()), "{status}");

    // A pod of the node n1, and a program whose file was deleted since it started, as an upgrade would.
    world.pod("shop", "web-0", "deployed-web-0", &json!({"app": "web"}));
    let _pod = Pod::start("shop", "web-0", "deployed-web-0");
    let copy = world.host.folder().join("busybox");
    std::fs::copy("/bin/busybox", &copy).expect("a copy");
    let copying = Busy::start(
        Command::new(&copy).args(["dd", "if=/dev/zero", "of=/dev/null", "bs=1M"]).stderr(Stdio::null()),
    );
    std::fs::remove_file(&copy).expect("it was there");

    world.double.forward("gadgetry", &server.name, 7444, ([127, 0, 0, 1], 7444).into());
    let arguments = [
        "-gadget-images=trace_exec,trace_open,snapshot_process,profile_cpu,trace_ssl",
        "--environment=kubernetes",
        &kubeconfig,
    ];
    let steps = Steps::new()
        .list()
        .call("trace_exec", json!({"duration": 3}))
        .call("trace_exec", json!({"duration": 2, "selector": "app=web", "namespace": ["shop"]}))
        .call("trace_open", json!({"duration": 2, "max_rows": 5000}))
        .call("snapshot_process", json!({}))
        .call("profile_cpu", json!({"duration": 2, "pid": copying.pid(), "node": ["n1"]}))
        .call("trace_ssl", json!({"duration": 2, "node": ["n1"]}));
    let client = client::stdio(&world.host, "auto", &arguments, steps);
    let [listed, exec, scoped, open, processes, profile, tls] = &client.results[..] else {
        panic!("seven results")
    };
    let tools: BTreeSet<_> =
        listed["tools"].as_array().expect("tools").iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(
        ["trace_exec", "trace_open", "snapshot_process"].iter().all(|it| tools.contains(it)),
        "{tools:?}"
    );
    for (name, result) in [("trace_exec", exec), ("trace_open", open), ("snapshot_process", processes)] {
        let answer = &result["structuredContent"];
        assert_eq!(seen(answer, "/node"), BTreeSet::from(["n1", "n2"]), "{name}: {result}");
        assert!(seen(answer, "/container/pod").contains("web-0"), "{name}: {result}");
    }
    assert_eq!(seen(&scoped["structuredContent"], "/container/pod"), BTreeSet::from(["web-0"]), "{scoped}");
    assert_eq!(
        seen(&scoped["structuredContent"], "/container/owner"),
        BTreeSet::from(["StatefulSet/web"]),
        "{scoped}"
    );

    // The names of the kernel's functions.
    let stacks = with(&profile["structuredContent"], "pid", copying.pid());
    assert!(
        stacks.iter().any(|it| it["stack"].as_str().is_some_and(|it| it.contains("read_[k];"))),
        "{profile}"
    );
    // All that is run could be opened, also what has no name any more.
    assert!(!tls.to_string().contains("CHECKPOINT_RESTORE") && tls["isError"] != true, "{tls}");

    // Every gadget does with an agent's capabilities and its seccomp profile.
    let gadgets = built_in();
    let steps = gadgets.iter().fold(Steps::new(), |steps, name| {
        let arguments = match name.as_str() {
            // It must be told of whom.
            "traceloop" => json!({"duration": 1, "comm": "sh", "node": ["n1"]}),
            name if name.starts_with("snapshot_") => json!({"node": ["n1"], "max_rows": 1}),
            _ => json!({"duration": 1, "node": ["n1"], "max_rows": 1}),
        };
        steps.and_call(name, arguments)
    });
    let images = format!("-gadget-images={}", gadgets.join(","));
    let client = client::stdio(&world.host, "auto", &[&images, arguments[1], arguments[2]], steps);
    assert_eq!(client.results.len(), gadgets.len());
    for (name, result) in gadgets.iter().zip(&client.results) {
        let by_node = &result["structuredContent"]["summary"]["by_node"];
        assert!(result["isError"] == false && by_node["n1"].get("error").is_none(), "{name}: {result}");
    }

    // In the cluster, whichever server is asked; both have proved to each other who they are.
    let token = world.double.get("Secret", "gadgetry", "gadgetry-token").expect("the token");
    let token = String::from_utf8(decoded(token["data"]["token"].as_str().expect("base64"))).expect("text");
    let ask = |at: usize, tool: &str, arguments: Value| {
        let url = format!("http://{}:8080/mcp", address(at));
        let steps = Steps::new().call(tool, arguments);
        client::http(&world.host, "auto", &url, Some(token.trim()), steps).results.remove(0)
    };
    let begun = ask(3, "trace_exec", json!({"background": true, "namespace": ["shop"]}));
    let id = &begun["structuredContent"]["run"]["id"];
    let page = ask(4, "get_run", json!({"id": id, "wait": 20}));
    assert_eq!(
        seen(&page["structuredContent"], "/container/pod"),
        BTreeSet::from(["web-0"]),
        "{begun} {page}"
    );

    for pod in running.into_iter().chain([server, other]) {
        let name = pod.name.clone();
        assert!(pod.terminate(), "{name} ends in order when it is told to");
    }
}
