//! `gadgetry mcp`: registers the gadgets, then serves them.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use gadgetry_mcp::{Options, Server, http, stdio};
use gadgetry_run::catalog::Catalog;
use gadgetry_run::fleet::Fleet;
use gadgetry_run::node::Node;
use gadgetry_run::supply::Supply;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::mcp::{Environment, Mcp, Transport};
use crate::setup;

/// Environment variable that holds the bearer token itself.
const TOKEN_VAR: &str = "GADGETRY_TOKEN";

pub(super) async fn run(flags: Mcp, built_ins: &'static [u8]) -> Result<ExitCode> {
    if flags.version {
        println!("gadgetry {}", env!("CARGO_PKG_VERSION"));
        return Ok(ExitCode::SUCCESS);
    }
    let Environment::Linux = flags.environment;
    let supply = setup::supply(&flags.trust, built_ins)?;
    let node = Arc::new(setup::node()?);
    let catalog = Arc::new(catalog(&flags, &supply, &node).await?);
    let server = Server::new(catalog, Arc::new(Fleet::local(node)), Vec::new(), options(&flags))?;
    let cancel = CancellationToken::new();
    end_on_signal(cancel.clone())?;
    match flags.transport {
        Transport::Stdio => stdio::serve(server, cancel).await?,
        Transport::StreamableHttp => {
            let listening = http::listen(http_config(&flags)?).await?;
            eprintln!("gadgetry: serving MCP at http://{}/mcp", listening.address());
            listening.serve(server, cancel).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches, verifies and registers all images; one that fails is fatal, as a tool that is silently not there is
/// found out about far too late.
async fn catalog(flags: &Mcp, supply: &Supply, node: &Arc<Node>) -> Result<Catalog> {
    let mut names = names(&flags.gadget_images);
    if names.is_empty() {
        names = supply.built_ins().keys().cloned().collect();
    }
    if names.is_empty() {
        bail!("there is no gadget to serve: this gadgetry carries none, and --gadget-images names none");
    }
    let mut gadgets = Vec::with_capacity(names.len());
    for name in &names {
        let image = supply.fetch(name).await?;
        // Compiling takes a moment the first time; blocking here is fine, as nobody is served yet.
        gadgets.push(tokio::task::block_in_place(|| node.register(image))?);
    }
    Ok(Catalog::new(gadgets)?)
}

/// Which of the tools are offered.
fn options(flags: &Mcp) -> Options {
    Options { read_only: flags.read_only, only: names(&flags.tools), without: names(&flags.disable_tools) }
}

/// A list as given, without the empty names that a trailing comma or an empty variable leaves.
fn names(list: &[String]) -> Vec<String> {
    list.iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

fn http_config(flags: &Mcp) -> Result<http::Config> {
    let token = match (&flags.token_file, std::env::var(TOKEN_VAR)) {
        (Some(file), _) => Some(http::Secret::from_file(file)?),
        (None, Ok(token)) => {
            Some(http::Secret::new(&token).with_context(|| format!("the token in {TOKEN_VAR}"))?)
        }
        (None, Err(_)) => None,
    };
    Ok(http::Config {
        host: flags.transport_host.clone(),
        port: flags.transport_port,
        allowed_hosts: flags.allowed_hosts.clone(),
        allowed_origins: flags.allowed_origins.clone(),
        token,
    })
}

/// A service manager's SIGTERM and a person's Ctrl-C end the server in order: runs detach, connections close.
fn end_on_signal(cancel: CancellationToken) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancel.cancel();
    });
    Ok(())
}
