//! Ten gadgets at once on a mix of opens, programs started and connections: none may lose an event.

use std::ops::ControlFlow;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use gadgetry_run::fleet::{Fleet, Report, Sink};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::call::supply;
use super::load::Made;
use super::{Figure, Table};

const GADGETS: [&str; 10] = [
    "trace_open",
    "trace_exec",
    "trace_tcp",
    "trace_signal",
    "trace_bind",
    "trace_tcpretrans",
    "top_file",
    "top_process",
    "profile_cpu",
    "advise_seccomp",
];
const SECONDS: f64 = 10.0;
/// The load: what, and how many a second.
const LOADS: [(&str, u32); 3] = [("opens", 19_000), ("execs", 200), ("connections", 2_000)];

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (reports, rates) = runtime.block_on(run())?;
    let rate: f64 = rates.iter().sum();
    let of_each: Vec<_> =
        LOADS.iter().zip(&rates).map(|((what, _), rate)| format!("{rate:.0} {what}")).collect();
    table.add(Figure {
        what: format!("ten gadgets at once: made by the load in all ({})", of_each.join(", ")),
        measured: rate,
        unit: "/s",
        mark: "at least 20 k".into(),
        reached: Some(rate >= 20_000.0),
        ..Figure::default()
    });
    // One open is an event of each gadget that looks at opens, and a gadget that counts in the kernel has fewer.
    let seconds = reports.iter().map(|it| it.summary.duration_ms).max().unwrap_or(1) as f64 / 1e3;
    let by_gadget = |count: fn(&Report) -> u64| -> String {
        let counts = GADGETS.iter().zip(&reports).filter(|(_, it)| count(it) > 0);
        let counts: Vec<_> = counts.map(|(name, it)| format!("{name} {}", count(it))).collect();
        if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) }
    };
    let seen: u64 = reports.iter().map(|it| it.summary.seen).sum();
    table.add(Figure {
        what: format!(
            "ten gadgets at once: events read from the kernel in {seconds:.0} s{}",
            by_gadget(|it| it.summary.seen)
        ),
        measured: seen as f64 / seconds,
        unit: "/s",
        ..Figure::default()
    });
    let lost: u64 = reports.iter().map(|it| it.loss.total).sum();
    table.add(Figure {
        what: format!("ten gadgets at once: events lost{}", by_gadget(|it| it.loss.total)),
        measured: lost as f64,
        unit: "events",
        mark: "none".into(),
        reached: Some(lost == 0),
        ..Figure::default()
    });
    Ok(())
}

/// What the ten said, and how many a second each load made.
async fn run() -> Result<(Vec<Report>, Vec<f64>)> {
    let folder = tempfile::tempdir()?;
    let (supply, node) = supply(folder.path())?;
    let node = Arc::new(node);
    let mut gadgets = Vec::new();
    for name in GADGETS {
        let image = supply.fetch(name).await?;
        gadgets.push(tokio::task::block_in_place(|| node.register(image))?);
    }
    let fleet = Arc::new(Fleet::local(node));
    let mut runs = Vec::new();
    for gadget in gadgets {
        let arguments = json!({"duration": SECONDS + 3.0});
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let mut request = fleet.request(&gadget, arguments)?;
        request.max_rows = None;
        let fleet = fleet.clone();
        runs.push(tokio::spawn(async move {
            fleet.run(gadget, request, Box::new(Nowhere), CancellationToken::new()).await
        }));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let load = tokio::task::spawn_blocking(load);
    let mut reports = Vec::new();
    for run in runs {
        reports.push(run.await??);
    }
    Ok((reports, load.await??))
}

/// Takes rows as fast as they come.
struct Nowhere;

impl Sink for Nowhere {
    fn rows(&mut self, _: &[u8], _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// How many a second each of the loads made.
fn load() -> Result<Vec<f64>> {
    let start = |(what, rate): (&str, u32)| {
        let (seconds, rate) = (SECONDS.to_string(), rate.to_string());
        let mut command = Command::new(crate::tool("load"));
        command.args([what, "--seconds", &seconds, "--rate", &rate]).stdout(Stdio::piped());
        command.spawn().context("the load does not start")
    };
    let loads = LOADS.into_iter().map(start).collect::<Result<Vec<Child>>>()?;
    loads.into_iter().map(|load| Made::by(load).map(|made| made.rate())).collect()
}
