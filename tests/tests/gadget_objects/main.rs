//! Gadget objects: what is wanted runs on all matching nodes, its rows can be read, and its status says how it stands; through
//! nodes that come and go, servers that are killed, and objects that are wrong. The API server is the one in memory
//! (tests/kube), and lets the server do what the installed roles allow; all else is what runs in a cluster.

mod world;

use std::time::Duration;

use gadgetry_control::dial;
use gadgetry_control::peers::Peer;
use gadgetry_run::runs::Asker;
use gadgetry_tests::calls::{Busy, with_mark};
use gadgetry_tests::cluster::{alone, free_port};
use serde_json::{Value, json};
use world::{World, condition, nodes, soon};

/// The runs that are listed.
fn runs(answer: &Value) -> Vec<Value> {
    answer["structuredContent"]["runs"].as_array().unwrap_or_else(|| panic!("no runs: {answer}")).clone()
}

fn going(answer: &Value, object: &str) -> Vec<Value> {
    runs(answer).into_iter().filter(|it| it["object"] == object && it["status"] == "running").collect()
}

const ALICE: &str = "alice-token-0123456789";
const BOB: &str = "bob-token-0123456789";

/// Alice may run gadgets in all namespaces, Bob in one.
fn callers(world: &World) {
    world.double.token(ALICE, "alice", &[], &["gadgetry"]);
    world.double.token(BOB, "bob", &[], &["gadgetry"]);
    world.double.allow("alice", "run", "gadgets.gadgets.gadgetry.dev", None);
    world.double.allow("bob", "run", "gadgets.gadgets.gadgetry.dev", Some("shop"));
}

#[test]
fn an_object_runs_on_all_matching_nodes_and_its_rows_are_read() {
    let _alone = alone();
    let world = World::start();
    world.define();
    callers(&world);
    world.node("n1", &[("zone", "a")]);
    world.node("n2", &[("zone", "b")]);
    let (mut one, two) = (world.agent(1), world.agent(2));
    let mark = "rows-of-an-object";
    let _busy = Busy::start(mark);
    let server = world.server();
    world.object("execs", json!({"image": "trace_exec", "parameters": {"filter": with_mark(mark)}}));
    world.object("minutely", json!({"image": "snapshot_process", "schedule": "* * * * *"}));
    let status = world.status("execs", "it runs on both nodes", |it| nodes(it) == [2, 2, 0]);
    assert!(status["digest"].as_str().expect("a digest").starts_with("sha256:"), "{status}");
    assert!(status["signer"].as_str().expect("a signer").contains("built into gadgetry"), "{status}");
    assert!(status["lastRun"].is_string() && status["loss"].is_u64(), "{status}");
    world.condition("execs", "Accepted", "True", "Accepted");
    assert_eq!(world.condition("execs", "Ready", "True", "Running"), "it runs on all 2 nodes");
    assert!(one.runs() == 1 && two.runs() == 1);
    assert!(world.condition("minutely", "Ready", "True", "Scheduled").contains("the next turn is at 20"));

    // Whoever may see everything reads the rows, and nobody else knows of them.
    let listed = world.call(&server, ALICE, "list_runs", json!({}));
    let of_nodes: Vec<_> = going(&listed, "execs").iter().map(|it| it["arguments"]["node"].clone()).collect();
    assert!(of_nodes.len() == 2 && of_nodes.contains(&json!(["n1"])), "{listed}");
    for run in going(&listed, "execs") {
        let page = world.call(&server, ALICE, "get_run", json!({"id": run["id"], "wait": 20}));
        let rows = page["structuredContent"]["rows"].as_array().expect("rows").clone();
        assert!(!rows.is_empty(), "{page}");
        assert!(rows.iter().all(|row| json!([row["node"]]) == run["arguments"]["node"]), "{page}");
        let refused = world.call(&server, BOB, "get_run", json!({"id": run["id"]}));
        assert!(refused["isError"] == true && refused.to_string().contains("there is no run"), "{refused}");
        let stays = world.call(&server, ALICE, "stop_run", json!({"id": run["id"]}));
        assert!(stays["isError"] == true && stays.to_string().contains("suspend the object"), "{stays}");
    }
    assert_eq!(runs(&world.call(&server, BOB, "list_runs", json!({}))), Vec::<Value>::new());

    // A node that comes gets its run, and one that goes is told of.
    world.node("n3", &[("zone", "a")]);
    assert!(world.condition("execs", "Ready", "False", "NodesFailed").contains("n3: no agent runs there"));
    let three = world.agent(3);
    world.status("execs", "the new node runs it", |it| nodes(it) == [3, 3, 0]);
    assert_eq!(three.runs(), 1);
    one.process.kill();
    let status = world.status("execs", "the killed one is counted", |it| nodes(it) == [3, 2, 1]);
    let ready = condition(&status, "Ready").expect("a condition");
    assert!(ready["message"].as_str().expect("a message").contains("n1: "), "{ready}");
    let one = {
        drop(one);
        world.agent(1)
    };
    world.status("execs", "it is back", |it| nodes(it) == [3, 3, 0]);
    one.has_runs(1);

    // What is wanted changes.
    world.change("execs", json!({"nodeSelector": {"zone": "a"}}));
    world.status("execs", "the others stop", |it| nodes(it) == [2, 2, 0]);
    two.has_runs(0);
    world.node("n2", &[("zone", "a")]);
    world.status("execs", "a label brings it back", |it| nodes(it) == [3, 3, 0]);
    world.change("execs", json!({"suspend": true}));
    world.condition("execs", "Ready", "False", "Suspended");
    [&one, &two, &three].iter().for_each(|it| it.has_runs(0));
    world.change("execs", json!({"suspend": false}));
    world.status("execs", "it goes on", |it| nodes(it) == [3, 3, 0]);

    // The minute has passed, or will: each turn is one run of all nodes.
    let turn = soon("a turn of the schedule", || {
        let listed = world.call(&server, ALICE, "list_runs", json!({}));
        let turn = runs(&listed).into_iter().find(|it| it["object"] == "minutely" && it["status"] == "ended");
        turn.ok_or_else(|| listed.to_string())
    });
    let page = world.call(&server, ALICE, "get_run", json!({"id": turn["id"], "max_rows": 100_000}));
    let by_node = page["structuredContent"]["summary"]["by_node"].as_object().expect("nodes").clone();
    assert!(
        by_node.len() >= 2 && by_node.values().any(|it| it["returned"].as_u64() > Some(0)),
        "{by_node:?}"
    );

    assert!(world.double.remove("Gadget", "", "execs"));
    [&one, &two, &three].iter().for_each(|it| it.has_runs(0));
    let listed = world.call(&server, ALICE, "list_runs", json!({}));
    assert!(runs(&listed).iter().all(|it| it["object"] != "execs"), "{listed}");
}

#[test]
fn one_of_several_servers_keeps_the_objects_and_another_takes_over() {
    let _alone = alone();
    let world = World::start();
    world.define();
    callers(&world);
    world.node("n1", &[]);
    let agent = world.agent(1);
    world.object("execs", json!({"image": "trace_exec"}));
    let first = world.replica(1);
    world.status("execs", "it runs", |it| nodes(it) == [1, 1, 0]);
    let second = world.replica(2);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(agent.runs(), 1, "two servers, one run");
    // Any of them is asked for it, by who may see everything.
    let _busy = Busy::start("any-server-is-asked");
    for server in [&first, &second] {
        let listed = world.call(server, ALICE, "list_runs", json!({}));
        let [run] = &going(&listed, "execs")[..] else { panic!("{listed}") };
        let page = world.call(server, ALICE, "get_run", json!({"id": run["id"], "wait": 20}));
        let page = &page["structuredContent"];
        assert!(page["rows"].as_array().is_some_and(|rows| !rows.is_empty()), "{page}");
        let stays = world.call(server, ALICE, "stop_run", json!({"id": run["id"]}));
        assert!(stays["isError"] == true && stays.to_string().contains("suspend the object"), "{stays}");
        let refused = world.call(server, BOB, "get_run", json!({"id": run["id"]}));
        assert!(refused.to_string().contains("there is no run"), "{refused}");
        assert_eq!(runs(&world.call(server, BOB, "list_runs", json!({}))), Vec::<Value>::new());
    }

    // One that ends gives the lease up; one that is killed is waited for.
    let holder =
        || world.double.get("Lease", "gadgetry", "gadgetry-objects").expect("a lease")["spec"].clone();
    let before = holder();
    first.terminate();
    soon("the second runs it", || {
        let listed = world.call(&second, ALICE, "list_runs", json!({}));
        if going(&listed, "execs").len() == 1 { Ok(()) } else { Err(listed.to_string()) }
    });
    agent.has_runs(1);
    assert_ne!(holder()["holderIdentity"], before["holderIdentity"]);
    let last_run = world.status("execs", "it runs", |it| nodes(it) == [1, 1, 0])["lastRun"].clone();
    drop(second);
    agent.has_runs(0);
    let third = world.server();
    world.status("execs", "it is started anew", |it| nodes(it) == [1, 1, 0] && it["lastRun"] != last_run);
    agent.has_runs(1);
    assert_eq!(going(&world.call(&third, ALICE, "list_runs", json!({})), "execs").len(), 1);
}

#[test]
fn any_of_several_servers_is_asked_for_what_another_began() {
    let _alone = alone();
    let world = World::start();
    callers(&world);
    world.node("n1", &[]);
    let _agent = world.agent(1);
    let (first, second) = (world.replica(1), world.replica(2));
    let mark = "begun-by-another";
    let _busy = Busy::start(mark);
    let begun = soon("it is offered", || {
        let arguments = json!({"background": true, "filter": with_mark(mark)});
        let begun = world.call(&first, ALICE, "trace_exec", arguments);
        if begun["structuredContent"]["run"]["id"].is_string() { Ok(begun) } else { Err(begun.to_string()) }
    });
    let id = &begun["structuredContent"]["run"]["id"];

    // Its rows are read on from page to page, by whoever began it and nobody else.
    let mut cursor = json!({"id": id, "wait": 20, "max_rows": 1});
    let mut times = Vec::new();
    for _ in 0..3 {
        let page = world.call(&second, ALICE, "get_run", cursor);
        let page = &page["structuredContent"];
        let rows = page["rows"].as_array().unwrap_or_else(|| panic!("{page}"));
        times.extend(rows.iter().map(|row| row["timestamp"].as_str().expect("a time").to_owned()));
        cursor = json!({"cursor": page["cursor"], "wait": 20, "max_rows": 1});
    }
    assert!(times.len() == 3 && times.is_sorted_by(|a, b| a < b), "{times:?}");
    let listed = world.call(&second, ALICE, "list_runs", json!({}));
    assert!(runs(&listed).iter().any(|run| run["id"] == *id && run["status"] == "running"), "{listed}");
    for call in ["get_run", "stop_run"] {
        let refused = world.call(&second, BOB, call, json!({"id": id}));
        assert!(refused["isError"] == true && refused.to_string().contains("there is no run"), "{refused}");
    }
    assert_eq!(runs(&world.call(&second, BOB, "list_runs", json!({}))), Vec::<Value>::new());
    let stopped = world.call(&second, ALICE, "stop_run", json!({"id": id}));
    assert_eq!(stopped["structuredContent"]["run"]["status"], "stopped", "{stopped}");
    let page = world.call(&first, ALICE, "get_run", json!({"id": id}));
    assert_eq!(page["structuredContent"]["run"]["status"], "stopped", "{page}");

    // One that does not answer is named: what it keeps is not known to be nowhere.
    drop(first);
    let refused = world.call(&second, ALICE, "get_run", json!({"id": id}));
    assert!(refused["isError"] == true && refused.to_string().contains("gadgetry-server-1"), "{refused}");
    let listed = world.call(&second, ALICE, "list_runs", json!({}));
    let notes = listed["structuredContent"]["notes"].to_string();
    assert!(notes.contains("gadgetry-server-1"), "{listed}");
    // When its pod is gone as well, so is the run.
    assert!(world.double.remove("Pod", "gadgetry", "gadgetry-server-1"));
    soon("the run is gone", || {
        let refused = world.call(&second, ALICE, "get_run", json!({"id": id})).to_string();
        if refused.contains("there is no run") { Ok(()) } else { Err(refused) }
    });
}

#[test]
fn who_comes_through_a_port_forward_is_not_told_of_callers_runs() {
    let _alone = alone();
    let world = World::start();
    let port = free_port();
    let _server = world.forwarded(port);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let error = runtime.block_on(async {
        let peer = Peer::new(dial::channel(move || tokio::net::TcpStream::connect(("127.0.0.1", port))));
        peer.list(Asker { owner: "alice", all: true }).await.expect_err("it proved nothing")
    });
    assert!(error.to_string().contains("only servers are answered"), "{error}");
}

#[test]
fn what_is_wrong_with_an_object_is_told_and_holds_up_nothing() {
    let _alone = alone();
    let world = World::start();
    callers(&world);
    world.node("n1", &[]);
    let agent = world.agent(1);
    // A cluster that does not know such objects yet.
    let server = world.server();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(runs(&world.call(&server, ALICE, "list_runs", json!({}))), Vec::<Value>::new());
    world.define();
    for (name, spec, reason, says) in [
        (
            "parameter",
            json!({"image": "trace_exec", "parameters": {"max_rows": "many"}}),
            "BadParameter",
            "max_rows",
        ),
        ("unknown", json!({"image": "trace_exce"}), "ImageRefused", "did you mean `trace_exec`?"),
        (
            "schedule",
            json!({"image": "trace_exec", "schedule": "every day"}),
            "BadSchedule",
            "five are wanted",
        ),
        ("tool", json!({"image": "trace_exec", "tool": "other"}), "UnknownTool", "`other`"),
        ("answers", json!({"image": "ai_security"}), "NotARun", "gives rows"),
        ("once", json!({"image": "snapshot_process"}), "ScheduleNeeded", "`schedule`"),
        ("endless", json!({"image": "top_file"}), "DurationNeeded", "`duration`"),
        ("spec", json!({"image": 7}), "BadSpec", "string"),
    ] {
        world.object(name, spec);
        let message = world.condition(name, "Accepted", "False", reason);
        assert!(message.contains(says), "{name}: {message}");
        world.condition(name, "Ready", "False", "NotAccepted");
    }
    // Nobody is meant by these labels.
    world.object("nowhere", json!({"image": "trace_exec", "nodeSelector": {"no": "such"}}));
    world.condition("nowhere", "Ready", "False", "NoNodes");
    // What is mended runs; turns follow one another, and the rows of nodes are merged.
    world.change("parameter", json!({"parameters": null}));
    world.status("parameter", "it runs", |it| nodes(it) == [1, 1, 0]);
    agent.has_runs(1);
    world.change("endless", json!({"parameters": {"duration": 1}}));
    world.condition("endless", "Ready", "True", "Running");
    soon("turns", || {
        let listed = world.call(&server, ALICE, "list_runs", json!({}));
        let ended =
            runs(&listed).into_iter().filter(|it| it["object"] == "endless" && it["status"] == "ended");
        if ended.count() > 1 { Ok(()) } else { Err(listed.to_string()) }
    });
    // A status that the API server does not take is told later.
    world.double.fault("gadgets", gadgetry_kube_double::Fault::Unavailable);
    world.change("parameter", json!({"suspend": true}));
    std::thread::sleep(Duration::from_secs(2));
    world.double.heal();
    world.condition("parameter", "Ready", "False", "Suspended");
}
