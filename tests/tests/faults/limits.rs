//! What a node does not do without bound: keep what nobody reads, and use its processors.

use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use gadgetry_tests::host::Host;
use gadgetry_tests::nodes::{Agent, Authority, Nodes};
use gadgetry_tests::rows::{self, rows};
use serde_json::Value;

/// Opens made by one process, from `delay` seconds after its start on.
fn opens(delay: &str, arguments: &[&str]) -> Child {
    Command::new(gadgetry_tests::tool("load"))
        .args(["opens", "--delay", delay])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the load starts")
}

/// How many it made.
fn made(load: Child) -> u64 {
    let output = load.wait_with_output().expect("the load ends");
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_whitespace().next().and_then(|it| it.parse().ok()).expect("a count")
}

fn answer(output: Output) -> Value {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the run failed: {error}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The events in an answer that is grouped, and those that are counted as lost.
fn accounted(answer: &Value) -> u64 {
    let counts = rows(answer).iter().map(|it| it["count"].as_u64().expect("a count"));
    let loss = &answer["loss"];
    let lost = ["ring", "unread", "limits", "link"].map(|it| loss[it].as_u64().expect("a count"));
    counts.sum::<u64>() + lost.iter().sum::<u64>()
}

/// Kilobytes of memory at most since this was last asked.
fn peak_of(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).expect("a peak");
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("the peak is cleared");
    line.trim().split(' ').next().and_then(|it| it.parse().ok()).expect("a number")
}

/// Seconds for which a process has been running.
fn cpu_of(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a stat");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("ticks");
    (ticks(11) + ticks(12)) / 100.0
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill starts");
    assert!(sent.success());
}

#[test]
fn what_a_caller_does_not_read_is_dropped_and_counted_to_the_row() {
    let mut nodes = Nodes::bare(1);
    nodes.agents.push(nodes.agent_with(1, &["--gadget-images=trace_open"]));
    let agent = nodes.agents[0].pid();
    // A long name, so that a slow machine fills what there is between the two as well.
    let file = nodes.host().folder().join("x".repeat(200));
    std::fs::write(&file, "").expect("the file is written");
    let load = opens("4", &["--path", &file.display().to_string(), "--seconds", "8"]);
    let (flags, pid) = (nodes.flags(), load.id().to_string());
    let mut command = nodes.command(&["run"]);
    command.args(&flags).args(["trace_open", "--pid", &pid, "--duration", "16", "-o", "json"]);
    // What is made one here is counted here: every row comes over the link.
    command.args(["--group-by", "path"]);
    let caller = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("gadgetry starts");
    rows::wait_until_attached(agent);
    let before = peak_of(agent);
    let idle = peak_of(agent).min(before);
    // Nothing reads while the load lasts.
    signal(&caller, "-STOP");
    let made = made(load);
    let grown = peak_of(agent).saturating_sub(idle);
    signal(&caller, "-CONT");
    let answer = answer(caller.wait_with_output().expect("gadgetry ends"));
    let loss = &answer["loss"];
    assert!(loss["link"].as_u64() > Some(1_000), "{loss}");
    // The load looks twice at how long it has been running, which is an open as well.
    assert_eq!(accounted(&answer), made + 2, "{} {loss}", answer["summary"]);
    // It would be some hundred megabytes, or a thousand, if it were kept.
    assert!(grown < 64 << 10, "{grown} kB more than {idle} kB");
    let of_node = &answer["summary"]["by_node"]["n1"];
    assert!(of_node.get("error").is_none() && of_node["lost"] == loss["total"], "{answer}");
}

#[test]
fn runs_take_no_more_of_the_processors_than_the_node_has_for_them() {
    let host = Host::new();
    let files = Authority::new().write(&host.folder().join("agent"), "gadgetry-agent", false);
    let mut more = files.flags();
    more.extend(["--cpu-limit=0.05".to_owned(), "--gadget-images=trace_open".into()]);
    let agent = Agent::start(host.command(&["agent"]), "here", "127.0.0.1:0", host.folder(), &more);
    let at = format!("--agent=here=unix:{}", agent.socket().display());
    let load = opens("3", &["--seconds", "4"]);
    let pid = load.id().to_string();
    let start = || {
        let arguments = ["run", &at, "trace_open", "--pid", &pid, "--duration", "10", "-o", "json"];
        let mut command = host.command(&arguments);
        // What is measured is not the way to the caller.
        command.args(["--filter", "path != \"/etc/hostname\"", "--ring-size", "64"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("gadgetry starts")
    };
    let callers = [start(), start()];
    rows::wait_until_attached(agent.pid());
    let begin = Instant::now();
    let before = cpu_of(agent.pid());
    let made = made(load);
    let (used, took) = (cpu_of(agent.pid()) - before, begin.elapsed());
    // Two runs of some 0.3 cores each, had they all they want.
    let most = 0.05 * took.as_secs_f64() + 0.25;
    assert!(used < most, "{used:.2} s of {:.1} s for {made} opens, twice", took.as_secs_f64());
    for caller in callers {
        let answer = answer(caller.wait_with_output().expect("gadgetry ends"));
        let (summary, loss) = (&answer["summary"], &answer["loss"]);
        assert!(summary["seen"].as_u64() > Some(1_000), "{answer}");
        assert!(loss["ring"].as_u64() > Some(10_000), "{loss}");
        let all = summary["seen"].as_u64().zip(loss["ring"].as_u64()).map(|(seen, ring)| seen + ring);
        assert_eq!(all, Some(made + 2), "{answer}");
        let notes = summary["notes"].to_string();
        assert!(notes.contains("limit of 0.05 cores"), "{notes}");
    }
    let refused = host.fails(&["agent", "--cpu-limit=0"]);
    assert!(refused.contains("0.01 to 1024"), "{refused}");
}
