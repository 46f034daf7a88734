//! An MCP server with twenty gadgets: from its start to the first list of tools, and the memory it then holds.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gadget_registry::bundle::Bundle;
use rmcp::ServiceExt;
use rmcp::transport::TokioChildProcess;

use super::memory::resident;
use super::{Figure, Table, middle_and_p99};
use crate::host::Host;

const GADGETS: usize = 20;
const STARTS: usize = 11;

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(servers(table))
}

async fn servers(table: &mut Table) -> Result<()> {
    let host = Host::new();
    let bundle =
        std::fs::read(crate::target().join("gadgets/builtins.tar")).context("run `make build` first")?;
    let names: Vec<String> = Bundle::parse(&bundle)?.images().keys().take(GADGETS).cloned().collect();
    ensure!(names.len() == GADGETS, "there are only {} built-in gadgets", names.len());
    let images = format!("-gadget-images={}", names.join(","));
    let (cold, _) = start(&host, &images).await?;
    table.add(Figure {
        what: format!("{GADGETS} gadgets registered: start to first tools/list, the first start ever"),
        measured: cold,
        unit: "ms",
        ..Figure::default()
    });
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let (time, megabytes) = start(&host, &images).await?;
        times.push(time);
        memory.push(megabytes);
    }
    let (time, p99) = middle_and_p99(&mut times);
    table.add(Figure {
        what: format!(
            "{GADGETS} gadgets registered: start to first tools/list, compiled forms cached (p50 of {STARTS}; worst \
             {p99:.0} ms)"
        ),
        measured: time,
        unit: "ms",
        mark: "under 300".into(),
        reached: Some(time < 300.0),
        ..Figure::default()
    });
    let (middle, _) = middle_and_p99(&mut memory);
    table.add(Figure {
        what: format!("resident memory, idle with {GADGETS} gadgets registered"),
        measured: middle,
        unit: "MB",
        mark: "under 120".into(),
        reached: Some(middle < 120.0),
        ..Figure::default()
    });
    Ok(())
}

/// Milliseconds from the start of a server to its first list of tools, and its memory in MB.
async fn start(host: &Host, images: &str) -> Result<(f64, f64)> {
    let mut server = tokio::process::Command::new(Host::binary());
    server.args(["mcp", images]).envs(host.environment()).env("GADGETRY_LOG_LEVEL", "error");
    let start = Instant::now();
    let transport = TokioChildProcess::new(server)?;
    let pid = transport.id().context("the server has no process id")?;
    let client = ().serve(transport).await?;
    let tools = client.list_all_tools().await?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    ensure!(tools.len() >= GADGETS, "{} tools are listed", tools.len());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let memory = resident(pid)?;
    client.cancel().await?;
    Ok((time, memory))
}
