//! Several nodes answer one call: agents as processes in network namespaces of their own, and what becomes of a call when
//! one of them is killed, cut off, refused or full.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gadgetry_tests::calls::{Busy, nodes_of, run, with_mark};
use gadgetry_tests::client::{self, Steps};
use gadgetry_tests::host::Host;
use gadgetry_tests::nodes::{Agent, Authority, Nodes};
use gadgetry_tests::rows::rows;
use serde_json::{Value, json};

fn no_program_is_left(pid: u32) {
    let output = Command::new("bpftool").args(["--json", "prog", "show"]).output().expect("bpftool");
    let programs: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let of = |it: &Value| it["pids"].as_array().into_iter().flatten().any(|by| by["pid"] == pid);
    let left: Vec<_> = programs.as_array().expect("a list").iter().filter(|it| of(it)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn three_nodes_answer_one_call_and_one_that_is_killed_is_told_of() {
    let mut nodes = Nodes::start(3);
    let mark = "three-nodes-answer";
    let _busy = Busy::start(mark);
    let steps = Steps::new()
        .call("trace_exec", json!({"duration": 6, "filter": with_mark(mark)}))
        .call("trace_exec", json!({"duration": 1, "filter": with_mark(mark), "group_by": ["node"]}));
    let flags = nodes.flags();
    let (program, host) = (nodes.program(), Host::new());
    let mut third = nodes.agents.pop().expect("three agents");
    let pid = third.pid();
    let killed = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(5));
        third.kill();
    });
    let mut arguments: Vec<&str> = vec!["-gadget-images=trace_exec"];
    arguments.extend(flags.iter().map(String::as_str));
    let seen = client::stdio_with(&host, "auto", &program, &arguments, steps);
    killed.join().expect("it was killed");
    let (answer, text) = (&seen.results[0]["structuredContent"], &seen.results[0]["content"][0]["text"]);
    assert_eq!(nodes_of(answer).into_iter().collect::<Vec<_>>(), ["n1", "n2", "n3"], "{answer}");
    let by_node = &answer["summary"]["by_node"];
    assert!(by_node["n1"].get("error").is_none() && by_node["n2"].get("error").is_none(), "{by_node}");
    assert!(by_node["n3"]["error"].as_str().expect("an error").contains("connection"), "{by_node}");
    assert!(by_node["n3"]["returned"].as_u64() > Some(0), "{by_node}");
    assert!(text.as_str().expect("a text").contains("NODE n3: "), "{text}");
    assert!(rows(answer).is_sorted_by_key(|row| row["timestamp"].as_str()), "{answer}");
    no_program_is_left(pid);
    // The next call is of the two that are left, and says so.
    let answer = &seen.results[1]["structuredContent"];
    assert_eq!(nodes_of(answer).into_iter().collect::<Vec<_>>(), ["n1", "n2"], "{answer}");
    assert!(answer["summary"]["by_node"]["n3"]["error"].is_string(), "{answer}");
}

#[test]
fn nodes_are_chosen_and_their_rows_made_one() {
    let nodes = Nodes::start(2);
    let flags = nodes.flags();
    let mark = "rows-made-one";
    let _busy = Busy::start(mark);
    let filter = with_mark(mark);
    let answer = run(&nodes, &flags, &["trace_exec", "--duration", "1", "--node", "n2", "--filter", &filter]);
    assert_eq!(nodes_of(&answer.expect("rows")).into_iter().collect::<Vec<_>>(), ["n2"]);
    let grouped = ["trace_exec", "--duration", "1", "--filter", &filter, "--group-by", "node"];
    let grouped = run(&nodes, &flags, &grouped).expect("rows");
    assert_eq!(rows(&grouped).len(), 2, "{grouped}");
    assert!(rows(&grouped).iter().all(|row| row["count"].as_u64() > Some(3)), "{grouped}");

    let unknown = run(&nodes, &flags, &["trace_exec", "--duration", "1", "--node", "n9"]).unwrap_err();
    assert!(unknown.contains("no node `n9`") && unknown.contains("n1, n2"), "{unknown}");
    let filtered = ["trace_exec", "--duration", "1", "--filter", "node == \"n1\""];
    assert!(run(&nodes, &flags, &filtered).unwrap_err().contains("the parameter `node`"));

    let snapshot = run(&nodes, &flags, &["snapshot_process", "--filter", "comm == \"gadgetry\""]);
    assert_eq!(nodes_of(&snapshot.expect("rows")).len(), 2);

    // What a gadget merges of processes are the largest of all nodes: here, the same process twice.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, [0; 4000]).expect("the file is written");
    let path = file.display().to_string();
    let command = {
        let mut command = nodes.command(&["run"]);
        command.args(&flags).args(["top_file", "--duration", "4", "-o", "json", "--filter"]);
        command.arg(format!("path == \"{path}\"")).stdout(Stdio::piped()).spawn().expect("gadgetry starts")
    };
    std::thread::sleep(Duration::from_secs(2));
    let read = Command::new("dd").args([&format!("if={path}"), "of=/dev/null", "bs=100"]).output();
    assert!(read.expect("dd runs").status.success());
    let output = command.wait_with_output().expect("it ends");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let read: Vec<_> = rows(&answer).iter().filter(|row| row["comm"] == "dd").collect();
    assert!(read.len() == 2 && read.iter().all(|row| row["read_bytes"] == 4000), "{answer}");
    assert_eq!(nodes_of(&answer).len(), 2, "{answer}");
    assert_eq!(answer["summary"]["by_node"].as_object().expect("nodes").len(), 2);
}

#[test]
fn a_link_that_is_cut_for_a_while_loses_nothing_and_one_that_stays_cut_holds_up_nobody() {
    let nodes = Nodes::start(2);
    let flags = nodes.flags();
    let mark = "a-link-is-cut";
    let _busy = Busy::start(mark);
    let filter = with_mark(mark);
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| {
            run(&nodes, &flags, &["trace_exec", "--duration", "10", "--filter", &filter]).expect("rows")
        });
        std::thread::sleep(Duration::from_secs(3));
        nodes.link(2, false);
        std::thread::sleep(Duration::from_secs(5));
        nodes.link(2, true);
        let answer = ran.join().expect("it ran");
        let by_node = &answer["summary"]["by_node"];
        assert!(by_node["n2"].get("error").is_none(), "{by_node}");
        assert_eq!(answer["loss"]["total"], 0, "{answer}");
        let (one, other) = (by_node["n1"]["returned"].as_i64(), by_node["n2"]["returned"].as_i64());
        let apart = one.zip(other).map(|(one, other)| (one - other).abs());
        assert!(apart.is_some_and(|apart| apart < 20), "{by_node}");
    });
    let start = Instant::now();
    let answer = std::thread::scope(|scope| {
        let ran = scope.spawn(|| {
            run(&nodes, &flags, &["trace_exec", "--duration", "4", "--filter", &filter]).expect("rows")
        });
        std::thread::sleep(Duration::from_secs(2));
        nodes.link(2, false);
        ran.join().expect("it ran")
    });
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert!(answer["summary"]["by_node"]["n2"]["error"].is_string(), "{answer}");
    assert!(nodes_of(&answer).contains("n1"));
}

#[test]
fn whoever_does_not_prove_to_be_a_server_gets_nothing() {
    let (host, authority) = (Host::new(), Authority::new());
    let files = authority.write(&host.folder().join("agent"), "gadgetry-agent", false);
    let mut more = files.flags();
    more.push("--gadget-images=snapshot_process".into());
    let agent = Agent::start(host.command(&["agent"]), "here", "127.0.0.1:0", host.folder(), &more);
    let run = |files: Vec<String>| {
        let mut command = host.command(&["run"]);
        command.args(files).arg(agent.flag()).args(["snapshot_process", "-o", "json"]);
        command.output().expect("gadgetry starts")
    };
    let server = authority.write(&host.folder().join("server"), "gadgetry-server", false);
    let answer: Value = serde_json::from_slice(&run(server.flags()).stdout).expect("JSON");
    assert!(nodes_of(&answer).contains("here"), "{answer}");

    let other = Authority::new();
    for (what, files) in [
        ("an agent's", authority.write(&host.folder().join("a"), "gadgetry-agent", false)),
        ("expired", authority.write(&host.folder().join("b"), "gadgetry-server", true)),
        ("another authority's", other.write(&host.folder().join("c"), "gadgetry-server", false)),
    ] {
        let output = run(files.flags());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && error.contains("the connection to here broke"),
            "{what}: {error}"
        );
    }
    // Plain text is no TLS.
    let mut command = host.command(&["run"]);
    let error = command.args([&agent.flag(), "snapshot_process"]).output().expect("gadgetry starts").stderr;
    assert!(String::from_utf8_lossy(&error).contains("--agent-tls-cert-file"));
}

#[test]
fn an_agent_at_its_socket_is_full_takes_over_and_tells_how_it_is() {
    let host = Host::new();
    let files = Authority::new().write(&host.folder().join("agent"), "gadgetry-agent", false);
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
    let health = format!("127.0.0.1:{port}");
    let mut more = files.flags();
    more.extend(["--max-runs=1".into(), format!("--health-listen={health}")]);
    more.push("--gadget-images=snapshot_process,trace_exec".into());
    let start = || Agent::start(host.command(&["agent"]), "here", "127.0.0.1:0", host.folder(), &more);
    let mut agent = start();
    let at = format!("--agent=here=unix:{}", agent.socket().display());
    let run = |arguments: &[&str]| {
        let mut command = host.command(&["run", &at]);
        command.args(arguments).output().expect("gadgetry starts")
    };
    let stderr = |output: std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(run(&["snapshot_process"]).status.success());
    let long = host.start(&["run", &at, "trace_exec", "--duration", "3", "-o", "json"]);
    std::thread::sleep(Duration::from_secs(2));
    let full = stderr(run(&["snapshot_process"]));
    assert!(full.contains("here is full"), "{full}");
    assert!(long.wait_with_output().expect("it ends").status.success());

    let get = |path: &str| {
        let output =
            Command::new("curl").args(["-sS", "-m", "5", &format!("http://{health}{path}")]).output();
        String::from_utf8(output.expect("curl").stdout).expect("UTF-8")
    };
    assert_eq!((get("/healthz").as_str(), get("/readyz").as_str()), ("ok\n", "ready\n"));
    let metrics = get("/metrics");
    assert!(
        metrics.contains("gadgetry_runs_total 2") && metrics.contains("gadgetry_runs_refused_total 1"),
        "{metrics}"
    );

    // Two at one socket would take each other's calls.
    let second =
        stderr(host.command(&["agent", "--socket"]).arg(agent.socket()).output().expect("it starts"));
    assert!(second.contains("another agent listens there"), "{second}");
    // One that was killed leaves its socket, and the next takes it.
    agent.kill();
    let gone = stderr(run(&["snapshot_process"]));
    assert!(gone.contains("the connection to here broke"), "{gone}");
    let agent = start();
    assert!(run(&["snapshot_process"]).status.success());
    drop(agent);
}
