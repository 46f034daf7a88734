//! Ten gadgets at once on a mix of opens, programs started and connections: none may lose an event.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gadgetry_run::fleet::{Fleet, Report, Sink};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::call::supply;
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
/// Of the load, a second.
const OPENS: u32 = 14_000;
const EXECS: u32 = 150;
const CONNECTIONS: u32 = 1_500;

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let reports = runtime.block_on(run())?;
    let seconds = reports.iter().map(|it| it.summary.duration_ms).max().unwrap_or(1) as f64 / 1e3;
    let seen: u64 = reports.iter().map(|it| it.summary.seen).sum();
    let rate = seen as f64 / seconds;
    let lost: u64 = reports.iter().map(|it| it.loss.total).sum();
    let by_gadget: Vec<String> = GADGETS
        .iter()
        .zip(&reports)
        .filter(|(_, it)| it.loss.total > 0)
        .map(|(name, it)| format!("{name} {:?}", it.loss))
        .collect();
    table.add(Figure {
        what: "ten gadgets at once on opens, programs started and connections: events that reached the host"
            .into(),
        measured: rate,
        unit: "/s",
        mark: "at least 20 k".into(),
        reached: Some(rate >= 20_000.0),
        ..Figure::default()
    });
    table.add(Figure {
        what: format!("ten gadgets at once: events lost {}", by_gadget.join("; ")),
        measured: lost as f64,
        unit: "events",
        mark: "none".into(),
        reached: Some(lost == 0),
        ..Figure::default()
    });
    Ok(())
}

async fn run() -> Result<Vec<Report>> {
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
    load.await??;
    Ok(reports)
}

/// Takes rows as fast as they come.
struct Nowhere;

impl Sink for Nowhere {
    fn rows(&mut self, _: &[u8], _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

fn load() -> Result<()> {
    let start = |what: &str, rate: u32| {
        let (seconds, rate) = (SECONDS.to_string(), rate.to_string());
        let mut command = Command::new(crate::tool("load"));
        command.args([what, "--seconds", &seconds, "--rate", &rate]).stdout(Stdio::null());
        command.spawn().context("the load does not start")
    };
    let processes: [Child; 2] = [start("opens", OPENS)?, start("execs", EXECS)?];
    let made = connections()?;
    for mut process in processes {
        ensure!(process.wait()?.success(), "the load failed");
    }
    ensure!(made > 0, "no connection was made");
    Ok(())
}

/// Connects and closes over loopback; how often.
fn connections() -> Result<u64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while let Ok((mut stream, _)) = listener.accept() {
                // Until the other end closes, so that waiting for late packets is its part.
                let _ = stream.read(&mut [0]);
                if over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let (start, mut made) = (Instant::now(), 0_u64);
        while start.elapsed().as_secs_f64() < SECONDS {
            if made as f64 > start.elapsed().as_secs_f64() * f64::from(CONNECTIONS) {
                std::thread::sleep(Duration::from_micros(300));
                continue;
            }
            drop(TcpStream::connect(address)?);
            made += 1;
        }
        over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(address)?);
        Ok(made)
    })
}
