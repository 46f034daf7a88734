//! A tool call: from the call to attached programs, and the round trip of a tool that does nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gadget_registry::bundle::Bundle;
use gadget_registry::policy::Policy;
use gadget_registry::remote::{Options, Remote};
use gadget_registry::store::Store;
use gadgetry_run::fleet::{Collected, Fleet};
use gadgetry_run::node::{Config, Node};
use gadgetry_run::request::Request;
use gadgetry_run::supply::{Pull, Supply};
use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::TokioChildProcess;
use tokio_util::sync::CancellationToken;

use super::{Figure, Table, middle_and_p99};
use crate::host::Host;

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        attach(table).await?;
        round_trip(table).await
    })
}

/// The built-in gadgets, and a node with folders of its own in `folder`.
pub fn supply(folder: &Path) -> Result<(Supply, Node)> {
    let bundle =
        std::fs::read(crate::target().join("gadgets/builtins.tar")).context("run `make build` first")?;
    let built_ins = Bundle::parse(bundle.leak())?;
    let store = Store::open(folder.join("store"))?;
    let remote = Remote::new(Options::new(), Arc::new(()));
    let supply = Supply::new(built_ins, store, remote, Policy::built_ins_only(), Pull::Never);
    let cache = Some(folder.join("components"));
    Ok((
        supply,
        Node::new(Config { name: None, cache, files: gadgetry_enrich::Config::local(), kernel: true })?,
    ))
}

async fn attach(table: &mut Table) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (supply, node) = supply(folder.path())?;
    let node = Arc::new(node);
    let fleet = Fleet::local(node.clone());
    for name in ["trace_open", "trace_exec", "snapshot_process"] {
        let image = supply.fetch(name).await?;
        let gadget = tokio::task::block_in_place(|| node.register(image))?;
        let mut samples = Vec::new();
        for _ in 0..20 {
            let request = Request { duration: Some(Duration::from_millis(20)), ..Request::default() };
            let sink = Box::new(Collected::default());
            let report = fleet.run(gadget.clone(), request, sink, CancellationToken::new()).await?;
            samples.push(report.attach.as_secs_f64() * 1e3);
        }
        let (middle, p99) = middle_and_p99(&mut samples);
        table.add(Figure {
            what: format!("{name}: call to programs attached, image cached (p50; p99 {p99:.1} ms)"),
            measured: middle,
            unit: "ms",
            mark: "under 20".into(),
            reached: Some(middle < 20.0),
            ..Figure::default()
        });
    }
    Ok(())
}

async fn round_trip(table: &mut Table) -> Result<()> {
    let host = Host::new();
    let image = "localhost:1/bench/echo:v1";
    let root = crate::root();
    let (sdk, folder) = (root.display().to_string(), root.join("tests/gadgets/echo").display().to_string());
    host.ok(&["gadget", "build", &folder, "--sdk", &sdk, "--tag", image]);
    let mut server = tokio::process::Command::new(Host::binary());
    server.args(["mcp", &format!("-gadget-images={image}"), "--allow-unsigned"]);
    server.envs(host.environment()).env("GADGETRY_LOG_LEVEL", "error");
    let client = ().serve(TokioChildProcess::new(server)?).await?;
    let mut samples = Vec::new();
    for _ in 0..1000 {
        let start = Instant::now();
        client.call_tool(CallToolRequestParams::new("nothing")).await?;
        samples.push(start.elapsed().as_secs_f64() * 1e3);
    }
    client.cancel().await?;
    let (middle, p99) = middle_and_p99(&mut samples);
    table.add(Figure {
        what: format!("MCP round trip of a tool that does nothing, stdio (p50; p99 {p99:.2} ms)"),
        measured: middle,
        unit: "ms",
        mark: "under 1".into(),
        reached: Some(middle < 1.0),
        ..Figure::default()
    });
    Ok(())
}
