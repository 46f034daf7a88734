//! `gadgetry mcp`: registers the gadgets, then serves them.

mod reload;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use gadgetry_mcp::{Mode, Options, Server, http, stdio};
use gadgetry_run::fleet::Fleet;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::reload::{Images, Served};
use crate::cli::mcp::{Environment, Mcp, ToolMode, Transport};
use crate::setup;

/// Environment variable that holds the bearer token itself.
const TOKEN_VAR: &str = "GADGETRY_TOKEN";

pub(super) async fn run(flags: Mcp, built_ins: &'static [u8]) -> Result<ExitCode> {
    if flags.version {
        println!("gadgetry {}", env!("CARGO_PKG_VERSION"));
        return Ok(ExitCode::SUCCESS);
    }
    let Environment::Linux = flags.environment;
    let supply = setup::lending(&flags.trust, &flags.lend, built_ins)?;
    let node = Arc::new(setup::node(&flags.lend)?);
    let images = Images { flag: names(&flags.gadget_images), file: flags.gadget_images_file.clone() };
    let served = Served::new(images, supply, node.clone()).await?;
    let server = Server::new(served.catalog(), Arc::new(Fleet::local(node)), Vec::new(), options(&flags))?;
    let cancel = CancellationToken::new();
    end_on_signal(cancel.clone())?;
    tokio::select! {
        done = serve(&flags, server, cancel) => done?,
        // Never ends of itself: without gadgets that change there is still a server.
        never = served.follow(flags.refresh) => match never {},
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(flags: &Mcp, server: Server, cancel: CancellationToken) -> Result<()> {
    match flags.transport {
        Transport::Stdio => stdio::serve(server, cancel).await?,
        Transport::StreamableHttp => {
            let listening = http::listen(http_config(flags)?).await?;
            eprintln!("gadgetry: serving MCP at http://{}/mcp", listening.address());
            listening.serve(server, cancel).await;
        }
    }
    Ok(())
}

/// Which of the tools are offered.
fn options(flags: &Mcp) -> Options {
    let mode = match flags.tool_mode {
        ToolMode::Full => Mode::Full,
        ToolMode::Compact => Mode::Compact,
    };
    let (only, without) = (names(&flags.tools), names(&flags.disable_tools));
    Options { mode, read_only: flags.read_only, only, without }
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
