//! `gadgetry deploy`, `upgrade`, `undeploy` and `status`: what is installed in a cluster.

pub(crate) mod tools;

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use gadgetry_deploy::{Done, Given, Line, NAMESPACE, Progress, Request};
use serde::Serialize;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::deploy::{Cluster, Deploy, Output, Status, Undeploy, Upgrade, What};
use crate::output::text;

pub(super) async fn deploy(flags: Deploy) -> Result<ExitCode> {
    let Deploy { cluster, namespace, what } = flags;
    install(&cluster, what, Kind::Deploy(namespace)).await
}

pub(super) async fn upgrade(flags: Upgrade) -> Result<ExitCode> {
    let Upgrade { cluster, what, rotate_certificates } = flags;
    install(&cluster, what, Kind::Upgrade { rotate: rotate_certificates }).await
}

/// Which of the two, with what only it takes.
enum Kind {
    Deploy(Option<String>),
    Upgrade { rotate: bool },
}

async fn install(cluster: &Cluster, what: What, kind: Kind) -> Result<ExitCode> {
    let values = given(&what)?;
    let (upgrade, namespace, rotate) = match kind {
        Kind::Deploy(namespace) => (false, namespace, false),
        Kind::Upgrade { rotate } => (true, None, rotate),
    };
    if what.dry_run && what.output == Output::Yaml && !upgrade {
        let default = || vec!["default".to_owned()];
        let overlays = if what.overlay.is_empty() { default() } else { what.overlay.clone() };
        let namespace = namespace.as_deref().unwrap_or(NAMESPACE);
        let objects = gadgetry_deploy::rendered(&overlays, namespace, &values.read()?)?;
        print!("{}", gadgetry_deploy::yaml(&objects).map_err(anyhow::Error::msg)?);
        return Ok(ExitCode::SUCCESS);
    }
    let cluster = connect(cluster).await?;
    let wait = (!what.no_wait).then_some(what.timeout);
    let request = Request { upgrade, namespace, overlays: what.overlay.clone(), values, rotate, wait };
    let plan = gadgetry_deploy::plan(&cluster, request).await?;
    for note in &plan.notes {
        eprintln!("gadgetry: {}", text::lines(note));
    }
    if what.dry_run {
        let lines = plan.lines();
        let summary = format!("{}; nothing was changed in {}", counted(plan.counts(), true), plan.cluster);
        return print(what.output, &json!({"dry_run": true, "objects": lines, "notes": plan.notes}), || {
            columns(&lines, &summary)
        });
    }
    let done = gadgetry_deploy::install(&cluster, &plan, &tell(), &ends_on_signal()?).await?;
    let place = format!("namespace {} of {}", plan.namespace, plan.cluster);
    let summary = format!("{} in {place}{}", counted(plan.counts(), false), readiness(&done));
    print(what.output, &done, || columns(&changed(&done.objects), &summary))
}

pub(super) async fn undeploy(flags: Undeploy) -> Result<ExitCode> {
    let Undeploy { cluster, yes, dry_run, no_wait, timeout, output } = flags;
    let cluster = connect(&cluster).await?;
    let removal = gadgetry_deploy::removal(&cluster).await?;
    let lines = removal.lines();
    for note in &removal.notes {
        eprintln!("gadgetry: {}", text::lines(note));
    }
    if dry_run || removal.is_empty() {
        let summary =
            format!("{}; nothing was changed in {}", counted(removal.counts(), true), removal.cluster);
        return print(output, &json!({"dry_run": dry_run, "objects": lines, "notes": removal.notes}), || {
            columns(&lines, &summary)
        });
    }
    if !yes {
        eprint!("{}", columns(&lines, ""));
        ask(&format!("Remove these {} objects from {}?", lines.len(), removal.cluster))?;
    }
    let within = (!no_wait).then_some(timeout);
    let cancel = ends_on_signal()?;
    let done = gadgetry_deploy::undeploy(&cluster, &removal, within, &tell(), &cancel).await?;
    let summary = format!("{} in {}", counted(removal.counts(), false), removal.cluster);
    print(output, &done, || columns(&done.objects, &summary))
}

pub(super) async fn status(flags: Status) -> Result<ExitCode> {
    let cluster = connect(&flags.cluster).await?;
    let status = gadgetry_deploy::status(&cluster).await?;
    print(flags.output, &status, || format!("{}\n", text::lines(&status.text())))?;
    Ok(if status.deployed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn connect(flags: &Cluster) -> Result<gadgetry_deploy::Cluster> {
    Ok(gadgetry_deploy::connect(flags.kubeconfig.as_deref(), flags.context.as_deref()).await?)
}

/// The values: files first, then the flags that set one.
fn given(what: &What) -> Result<Given> {
    let mut given = Given::default();
    for file in &what.values {
        given.file(file)?;
    }
    for one in &what.set {
        given.set(one)?;
    }
    if let Some(image) = &what.image {
        given.set(&format!("image={image}"))?;
    }
    let read = |flag: &str, path: &std::path::Path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read --{flag} {}", path.display()))
    };
    if let Some(path) = &what.policy {
        // Read as the nodes will read it: a mistake is told here, and not by every node.
        gadget_registry::policy::Policy::load(path)?;
        given.text("policy", read("policy", path)?);
    }
    if let Some(path) = &what.token_file {
        let token = read("token-file", path)?.trim().to_owned();
        if token.is_empty() {
            bail!("--token-file {}: it is empty", path.display());
        }
        given.text("token", token);
    }
    Ok(given)
}

/// Tells of each step, a line each: on standard error, so that the result stands alone.
fn tell() -> impl Fn(Progress) + Send + Sync {
    |Progress { done, of, what }| eprintln!("[{done}/{of}] {}", text::lines(&what))
}

/// Cancelled by Ctrl-C: what is being done is finished, and the rest is left.
fn ends_on_signal() -> Result<CancellationToken> {
    let cancel = CancellationToken::new();
    let cancelled = cancel.clone();
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    tokio::spawn(async move {
        interrupt.recv().await;
        cancelled.cancel();
    });
    Ok(cancel)
}

fn ask(question: &str) -> Result<()> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        bail!("nobody is there to be asked: pass --yes, or --dry-run to see what would be removed");
    }
    eprint!("{} [y/N] ", text::lines(question));
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    if !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        bail!("nothing was changed");
    }
    Ok(())
}

fn print(output: Output, document: &impl Serialize, columns: impl FnOnce() -> String) -> Result<ExitCode> {
    match output {
        Output::Columns => print!("{}", columns()),
        Output::Json => println!("{}", serde_json::to_string_pretty(document)?),
        Output::Yaml => print!("{}", gadgetry_deploy::to_yaml(document).map_err(anyhow::Error::msg)?),
    }
    Ok(ExitCode::SUCCESS)
}

fn changed(lines: &[Line]) -> Vec<Line> {
    lines.iter().filter(|line| line.action != gadgetry_deploy::Action::Keep).cloned().collect()
}

fn columns(lines: &[Line], summary: &str) -> String {
    let mut all = String::new();
    for Line { action, kind, namespace, name } in lines {
        let name = match namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.clone(),
        };
        all.push_str(&format!("{:<8}{kind:<26}{}\n", action.to_string(), text::lines(&name)));
    }
    if !summary.is_empty() {
        all.push_str(&format!("{}\n", text::lines(summary)));
    }
    all
}

fn counted([create, change, keep, remove]: [usize; 4], would: bool) -> String {
    let would = if would { "would be " } else { "" };
    format!("{create} {would}created, {change} {would}changed, {keep} as they were, {remove} {would}removed")
}

fn readiness(done: &Done) -> &'static str {
    match done.ready {
        Some(true) => "; ready",
        _ => "; `gadgetry status` says when it is ready",
    }
}
