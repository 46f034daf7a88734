//! Resident memory of the MCP server: idle with three gadgets registered, and while it runs one under load.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::TokioChildProcess;
use serde_json::json;

use super::{Figure, Table};
use crate::host::Host;

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(server(table))
}

async fn server(table: &mut Table) -> Result<()> {
    let host = Host::new();
    // The second start: compiled forms are cached, as on any node but on its first day.
    host.ok(&["run", "snapshot_process", "-o", "json"]);
    for first in [true, false] {
        let mut server = tokio::process::Command::new(Host::binary());
        server.args(["mcp", "-gadget-images=trace_exec,trace_open,snapshot_process"]);
        server.envs(host.environment()).env("GADGETRY_LOG_LEVEL", "error");
        let transport = TokioChildProcess::new(server)?;
        let pid = transport.id().context("the server has no process id")?;
        let client = ().serve(transport).await?;
        client.list_all_tools().await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        if first {
            client.cancel().await?;
            continue;
        }
        add(table, "idle with three gadgets registered", resident(pid)?, 60.0);
        let mut load = Command::new(crate::tool("load"))
            .args(["opens", "--seconds", "4"])
            .stdout(Stdio::null())
            .spawn()?;
        let mut request = CallToolRequestParams::new("trace_open");
        request.arguments = json!({"duration": 3, "max_rows": 1000, "comm": "load"}).as_object().cloned();
        let peak = async {
            let mut peak: f64 = 0.0;
            for _ in 0..28 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                peak = peak.max(resident(pid)?);
            }
            Ok::<_, anyhow::Error>(peak)
        };
        let (called, peak) = tokio::join!(client.call_tool(request), peak);
        called?;
        load.wait()?;
        add(table, "while running trace_open on as many opens as the machine makes", peak?, 100.0);
        client.cancel().await?;
    }
    Ok(())
}

fn add(table: &mut Table, what: &str, measured: f64, most: f64) {
    table.add(Figure {
        what: format!("resident memory, {what}"),
        measured,
        unit: "MB",
        mark: format!("under {most}"),
        reached: Some(measured < most),
        ..Figure::default()
    });
}

/// Resident memory in MB.
pub(super) fn resident(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}
