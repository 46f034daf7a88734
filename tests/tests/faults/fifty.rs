//! Fifty nodes answer one call: three agents that are processes in network namespaces, one of which is killed half-way,
//! and forty-seven whose rows are made up here and whose control API is the product's own; one of these never ends, one
//! never says a word, and one refuses.

use std::io::{BufRead as _, BufReader, Read as _};
use std::ops::ControlFlow;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use gadgetry_control::listen::Listening;
use gadgetry_control::service::{Limits, Offered, Service};
use gadgetry_control::source::{Found, Source};
use gadgetry_run::agent::{Agent, Agents, Reach, Running};
use gadgetry_run::answer::{Loss, Summary};
use gadgetry_run::fleet::{Fleet, Report, Sink};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::node::Node;
use gadgetry_run::request::Request;
use gadgetry_run::runs::{self, Runs};
use gadgetry_tests::bench;
use gadgetry_tests::calls::Busy;
use gadgetry_tests::nodes::Nodes;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// How long the run lasts.
const SECONDS: u64 = 6;
/// Rows of the node that is killed, before it is.
const BEFORE: usize = 5;
/// Rows of a node that is well.
const ROWS: usize = 40;

/// What a made-up node does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    /// Sends its rows over the run's time, and ends with it.
    Well,
    /// Never ends.
    Hang,
    /// Does not have the gadget.
    Refuse,
}

#[derive(Clone)]
struct MadeUp {
    name: String,
    does: Does,
    gadget: Arc<Gadget>,
}

impl Agent for MadeUp {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&self, _: Arc<Gadget>, _: Request, mut sink: Box<dyn Sink>, _: CancellationToken) -> Running<'_> {
        Box::pin(async move {
            if self.does == Does::Hang {
                return std::future::pending().await;
            }
            for _ in 0..ROWS {
                tokio::time::sleep(Duration::from_millis(SECONDS * 1000 / ROWS as u64)).await;
                if sink.rows(&row(), 1) == ControlFlow::Break(()) {
                    break;
                }
            }
            let count = ROWS as u64;
            let summary = Summary { seen: count, matched: count, returned: count, ..Summary::default() };
            Ok(Report { summary, loss: Loss::default(), attach: Duration::ZERO })
        })
    }
}

impl Agents for MadeUp {
    fn reach(&self) -> Reach {
        Reach { agents: vec![Arc::new(self.clone())], absent: Vec::new(), named: false }
    }

    fn containers(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Source for MadeUp {
    async fn find(&self, reference: &str, _: &str) -> Result<Found, String> {
        match self.does {
            Does::Refuse => Err(format!("{reference}: the policy does not accept it")),
            Does::Well | Does::Hang => Ok(Found { gadget: self.gadget.clone(), note: None }),
        }
    }

    fn gadgets(&self) -> Vec<Arc<Gadget>> {
        Vec::new()
    }
}

/// A row as trace_exec makes them, of now.
fn row() -> Vec<u8> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let now = rcgen::date_time_ymd(1970, 1, 1) + since;
    let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
    let (hour, minute, second, nanos) = (now.hour(), now.minute(), now.second(), now.nanosecond());
    format!(
        "{{\"timestamp\":\"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z\",\"comm\":\"true\",\
         \"pid\":1,\"tid\":1,\"uid\":0,\"gid\":0,\"file\":\"/bin/true\",\"args\":[\"made-up\"]}}\n"
    )
    .into_bytes()
}

/// Serves the control API for a made-up node at a socket of `folder`; the flag that names it.
async fn serve(node: &Arc<Node>, made_up: MadeUp, folder: &Path, stop: &CancellationToken) -> String {
    let (name, path) = (made_up.name.clone(), folder.join(format!("{}.sock", made_up.name)));
    let made_up = Arc::new(made_up);
    let fleet = Arc::new(Fleet::of(node.clone(), made_up.clone()));
    let background = Runs::new(fleet.clone(), runs::Limits::default());
    let service = Service::new(&name, fleet, made_up, background, Limits::default(), stop.child_token());
    let listening = Listening::nowhere().unix(&path).expect("a socket");
    tokio::spawn(listening.serve(Offered(service), stop.clone()));
    format!("--agent={name}=unix:{}", path.display())
}

#[test]
fn fifty_nodes_answer_in_time_and_each_that_fails_is_told_of() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut nodes = Nodes::start(3);
    let folder = tempfile::tempdir().expect("a folder");
    let stop = CancellationToken::new();
    let mut flags = nodes.flags();
    runtime.block_on(async {
        let (supply, node) = bench::call::supply(folder.path()).expect("the built-in gadgets");
        let image = supply.fetch("trace_exec").await.expect("the gadget");
        let node = Arc::new(node);
        let gadget = tokio::task::block_in_place(|| node.register(image)).expect("it is ready");
        for at in 4..=49 {
            let does = match at {
                48 => Does::Hang,
                49 => Does::Refuse,
                _ => Does::Well,
            };
            let made_up = MadeUp { name: format!("n{at}"), does, gadget: gadget.clone() };
            flags.push(serve(&node, made_up, folder.path(), &stop).await);
        }
    });
    // The fiftieth takes connections and never says a word.
    let silent = folder.path().join("n50.sock");
    let _silent = UnixListener::bind(&silent).expect("a socket");
    flags.push(format!("--agent=n50=unix:{}", silent.display()));
    assert_eq!(flags.iter().filter(|it| it.starts_with("--agent=")).count(), 50);

    let _busy = Busy::start("fifty-nodes");
    let mut command = nodes.command(&["run"]);
    let duration = SECONDS.to_string();
    command.args(&flags).args(["trace_exec", "--duration", &duration, "-o", "jsonl"]);
    command.args(["--filter", "args.exists(a, a == \"fifty-nodes\" || a == \"made-up\")"]);
    let start = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("gadgetry starts");
    let mut killed = nodes.agents.pop().expect("three agents");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let (mut rows, mut of_killed): (Vec<(Duration, Value)>, _) = (Vec::new(), 0);
    for line in lines {
        let row: Value = serde_json::from_str(&line.expect("a line")).expect("a row");
        of_killed += usize::from(row["node"] == "n3");
        // Once it has begun to answer.
        if row["node"] == "n3" && of_killed == BEFORE {
            killed.kill();
        }
        rows.push((start.elapsed(), row));
    }
    let mut told = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut told).expect("text");
    let took = start.elapsed();
    assert!(child.wait().expect("it ends").success(), "{told}");
    stop.cancel();

    // The whole answer: the run's time, and ten seconds for those that do not end; a start takes its own time.
    let first = rows.first().expect("rows").0;
    assert!(took - first < Duration::from_secs(SECONDS + 10 + 3), "{first:?} {took:?}");
    let of = |node: &str| rows.iter().filter(|(_, row)| row["node"] == node).count();
    for at in 4..=47 {
        assert_eq!(of(&format!("n{at}")), ROWS, "n{at}: {told}");
    }
    for at in 1..=3 {
        assert!(of(&format!("n{at}")) >= BEFORE, "n{at}: {told}");
    }
    // Nobody is held up: rows of those that are well come while the run lasts, not when the last node is given up.
    let last = rows.iter().map(|(at, _)| *at).max().expect("rows");
    assert!(last - first < Duration::from_secs(SECONDS + 3), "{first:?} {last:?}");
    let times: Vec<&str> = rows.iter().map(|(_, row)| row["timestamp"].as_str().expect("a time")).collect();
    assert!(times.is_sorted() || told.contains("came too late"), "{told}");
    let failed: Vec<&str> = told.lines().filter_map(|it| it.strip_prefix("node ")).collect();
    let why = |node: &str| {
        let of_node = failed.iter().find_map(|it| it.strip_prefix(node)?.strip_prefix(": "));
        of_node.unwrap_or_else(|| panic!("{node} is not told of: {told}"))
    };
    assert_eq!(failed.len(), 4, "{told}");
    assert!(why("n3").contains("connection"), "{told}");
    assert!(why("n48").contains("did not answer within 16 s"), "{told}");
    assert!(why("n49").contains("the policy does not accept it"), "{told}");
    // Both take about as long.
    assert!(
        ["keep-alive timed out", "did not answer within 16 s"].iter().any(|it| why("n50").contains(it)),
        "{told}"
    );
    // Counted are the rows of the one that was killed too.
    let [events, count] = ["events", "rows"].map(|what| {
        let line = told.lines().find(|it| it.contains(" events, ")).expect("a last line");
        let before = line.split(what).next().and_then(|it| it.trim().rsplit(' ').next());
        before.and_then(|it| it.parse::<usize>().ok()).expect("a number")
    });
    assert!(count == rows.len() && events >= count, "{} rows: {told}", rows.len());
}
