//! Filters, groups and background runs on the real kernel: what is asked for is what comes, and nothing stays.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gadget_registry::bundle::Bundle;
use gadget_registry::policy::Policy;
use gadget_registry::remote::{Options, Remote};
use gadget_registry::store::Store;
use gadgetry_run::fleet::{Called, Fleet};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::node::{Config, Node};
use gadgetry_run::runs::{Ask, Limits, Runs, Status};
use gadgetry_run::supply::{Pull, Supply};
use gadgetry_tests::host::Host;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Held by tests that look at this process's programs: they share the process.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A fleet in this process with the built-in gadget `name`.
async fn fleet(name: &str) -> (Arc<Fleet>, Arc<Gadget>, tempfile::TempDir) {
    let (fleet, gadget, _, folder) = node(name).await;
    (fleet, gadget, folder)
}

/// The same, with its node.
async fn node(name: &str) -> (Arc<Fleet>, Arc<Gadget>, Arc<Node>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let files = gadgetry_enrich::Config::local();
    let node = Arc::new(Node::new(Config { name: None, cache: None, files, kernel: true }).expect("a node"));
    let image = supply(folder.path()).fetch(name).await.expect("the gadget");
    let gadget = node.register(image).expect("it is registered");
    (Arc::new(Fleet::local(node.clone())), gadget, node, folder)
}

/// The built-in gadgets, with a store in `folder`.
fn supply(folder: &std::path::Path) -> Supply {
    let bundle =
        std::fs::read(gadgetry_tests::target().join("gadgets/builtins.tar")).expect("run `make build` first");
    let bundle = Bundle::parse(Vec::leak(bundle)).expect("a bundle");
    let store = Store::open(folder).expect("a store");
    let remote = Remote::new(Options::default(), Arc::new(()));
    Supply::new(bundle, store, remote, Policy::built_ins_only(), Pull::Never)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gadgets_share_is_kept_while_somebody_registers() {
    let _alone = ALONE.lock().await;
    let (_fleet, _gadget, node, _folder) = node("trace_open").await;
    let read = |registering: &dyn std::fmt::Debug| format!("{registering:?}").contains("read: true");
    let held = node.registering();
    assert!(!read(&held), "kept from a registration that is over");
    let image = supply(tempfile::tempdir().expect("a folder").path()).fetch("trace_exec").await.expect("it");
    node.register(image).expect("it is registered");
    assert!(read(&node.registering()), "not kept for the next one");
    drop(held);
    assert!(!read(&node.registering()), "kept when nobody registers any more");
}

/// Ids of the eBPF programs that this process holds.
fn programs() -> Vec<u64> {
    let folder = std::fs::read_dir("/proc/self/fdinfo").expect("fdinfo");
    let ids = folder.filter_map(|entry| {
        let text = std::fs::read_to_string(entry.ok()?.path()).ok()?;
        text.lines().find(|line| line.starts_with("prog_id:"))?.split_whitespace().nth(1)?.parse().ok()
    });
    ids.collect()
}

/// Those of `programs` that are attached to something. The kernel may hold a detached program for a while longer,
/// until no processor can be running it any more.
fn attached(programs: &[u64]) -> Vec<u64> {
    let output = Command::new("bpftool").args(["--json", "link", "show"]).output().expect("bpftool");
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    all.iter().filter_map(|it| it["prog_id"].as_u64()).filter(|id| programs.contains(id)).collect()
}

/// Opens `path` again and again, in a process of its own, until the returned guard is dropped.
struct Opens(std::process::Child);

impl Opens {
    fn of(path: &str) -> Self {
        let script = format!("while :; do read x < {path}; sleep 0.02; done");
        let child = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).spawn().expect("sh");
        Self(child)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Opens {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn arguments(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().expect("an object").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_leaves_nothing_attached_after_100_ms() {
    let _alone = ALONE.lock().await;
    let (fleet, gadget, _folder) = fleet("trace_open").await;
    let cancel = CancellationToken::new();
    let (sender, told) = std::sync::mpsc::channel();
    let progress = Box::new(move |progress| {
        let _ = sender.send(progress);
    });
    let call = tokio::spawn({
        let (fleet, cancel) = (fleet.clone(), cancel.clone());
        async move {
            fleet.call(gadget, 0, arguments(json!({"duration": 60})), None, cancel, Some(progress)).await
        }
    });
    let begin = Instant::now();
    while programs().is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(20), "nothing was attached");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // A run tells how far it is about once a second.
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    let first = told.recv_timeout(Duration::from_secs(5)).expect("progress");
    assert_eq!(first.of, Some(Duration::from_secs(60)));
    assert!(first.elapsed >= Duration::from_millis(900), "{first:?}");
    let ours = programs();
    assert!(!attached(&ours).is_empty(), "of {ours:?} none is attached");
    cancel.cancel();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(attached(&ours), [0_u64; 0], "still attached");
    let Called::Rows(answer) = call.await.expect("no panic").expect("an answer") else { panic!("no rows") };
    assert_eq!(serde_json::to_value(answer.summary.ended).expect("JSON"), "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_background_run_is_read_in_pages_and_stopped() {
    let _alone = ALONE.lock().await;
    let (fleet, gadget, folder) = fleet("trace_open").await;
    let path = folder.path().join("wanted").display().to_string();
    std::fs::write(&path, "x\n").expect("written");
    let opens = Opens::of(&path);
    let runs = Runs::new(fleet, Limits::default());
    let filter = format!("path == \"{path}\" && pid in [{}]", opens.pid());
    let run = runs
        .start(gadget.clone(), arguments(json!({"filter": filter})), None, "me")
        .await
        .expect("it starts");
    assert_eq!(run.status, Status::Running);
    let ours = programs();
    assert!(!attached(&ours).is_empty(), "of {ours:?} none is attached");
    let (mut rows, mut cursor) = (0, None::<String>);
    let begin = Instant::now();
    while rows < 20 {
        assert!(begin.elapsed() < Duration::from_secs(30), "only {rows} rows");
        let id = cursor.is_none().then_some(run.id.as_str());
        let ask =
            Ask { id, cursor: cursor.as_deref(), wait: Duration::from_secs(5), max_rows: 7, budget: 8 << 10 };
        let page = runs.get(ask, "me").await.expect("a page");
        assert!(page.rows.len() <= 7);
        for row in &page.rows {
            let row: Value = serde_json::from_str(row.get()).expect("JSON");
            assert_eq!(
                (row["path"].as_str(), row["pid"].as_u64()),
                (Some(path.as_str()), Some(opens.pid().into()))
            );
        }
        rows += page.rows.len();
        cursor = Some(page.cursor);
    }
    let stopped = runs.stop(&run.id, "me").await.expect("it stops");
    assert_eq!(stopped.status, Status::Stopped);
    assert_eq!(attached(&ours), [0_u64; 0], "still attached");
    let ask = Ask { id: Some(&run.id), cursor: None, wait: Duration::ZERO, max_rows: 1, budget: 8 << 10 };
    let summary = runs.get(ask, "me").await.expect("a page").summary.expect("it has ended");
    assert!(summary.filtered > 0 && summary.matched >= 20, "{summary:?}");

    // A filter that no row can pass: refused before anything is attached.
    let wrong = runs
        .start(gadget, arguments(json!({"filter": "pth == \"x\""})), None, "me")
        .await
        .expect_err("refused");
    assert!(wrong.to_string().contains("did you mean `path`"), "{wrong}");
}

#[test]
fn the_shell_filters_groups_and_sorts() {
    let host = Host::new();
    let path = host.folder().join("wanted").display().to_string();
    std::fs::write(&path, "x\n").expect("written");
    let opens = Opens::of(&path);
    let filter = format!("pid == {} && path.endsWith(\"/wanted\")", opens.pid());
    let run = |more: &[&str]| {
        let mut all = vec!["run", "trace_open", "--duration", "2", "-q", "--filter", &filter];
        all.extend_from_slice(more);
        host.ok(&all)
    };
    let out = run(&["-o", "jsonl", "--fields", "path,pid", "--max-rows", "3"]);
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows, vec![json!({"path": path, "pid": opens.pid()}); 3]);

    let grouped =
        run(&["--group-by", "comm,path", "--aggregate", "count,max(timestamp)", "--sort", "-count"]);
    let mut lines = grouped.lines();
    let header = lines.next().expect("headings");
    for column in ["COMM", "PATH", "COUNT", "MAX(TIMESTAMP)"] {
        assert!(header.contains(column), "{header}");
    }
    let row = lines.next().expect("a group");
    assert!(row.starts_with("sh ") && row.contains(&path), "{row}");
    assert!(lines.next().is_none(), "{grouped}");

    let nothing =
        ["run", "trace_open", "--duration", "2", "-o", "json", "-q", "--filter", "pid == 1 && pid == 2"];
    let out = host.ok(&nothing);
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(answer["rows"], json!([]));
    assert_eq!(answer["summary"]["matched"], 0);
    assert!(answer["summary"]["filtered"].as_u64() > Some(0), "{answer}");
    assert!(!answer["summary"]["looked_at"]["programs"].as_array().expect("programs").is_empty());

    for (flags, part) in [
        (["--filter", "pth == 'x'"], "--filter: rows have no field `pth`; did you mean `path`?"),
        (["--filter", "pid == 'x'"], "they cannot be compared"),
        (["--filter", "pid =="], "character 7"),
        (["--group-by", "com"], "--group-by: rows have no field `com`"),
        (["--aggregate", "sum(path)"], "--aggregate: `path` is a text"),
        (["--sort", "-nope"], "--sort: rows have no field `nope`"),
    ] {
        let error = host.fails(&["run", "trace_open", "--duration", "1", flags[0], flags[1]]);
        assert!(error.contains(part), "{flags:?}: {error}");
    }
}
