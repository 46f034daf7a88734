//! `gadgetry mcp`: registers the gadgets, then serves them.

mod control;
mod gate;
mod objects;
mod place;
mod reload;
mod replicas;
mod shown;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use gadgetry_mcp::access::Access;
use gadgetry_mcp::{Beyond, Mode, Options, Server, http, stdio};
use gadgetry_run::guard::{Action, Guard};
use gadgetry_run::node::Node;
use gadgetry_run::runs::Limits;
use gadgetry_run::supply::Supply;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::control::Control;
use self::gate::Gate;
use self::objects::Keeper;
use self::place::Place;
pub(super) use self::reload::register;
use self::reload::{Images, Served};
use super::deploy::tools::lifecycle;
use crate::approved::Approved;
use crate::cli::mcp::{Environment, GuardAction, Mcp, ToolMode, Transport};
use crate::cluster::{self, Callers, Places};
use crate::setup;

/// Environment variable that holds the bearer token itself.
const TOKEN_VAR: &str = "GADGETRY_TOKEN";

pub(super) async fn run(flags: Mcp, built_ins: &'static [u8]) -> Result<ExitCode> {
    if flags.version {
        println!("gadgetry {}", env!("CARGO_PKG_VERSION"));
        return Ok(ExitCode::SUCCESS);
    }
    if flags.mcp_config {
        println!("{}", shown::config()?);
        return Ok(ExitCode::SUCCESS);
    }
    let supply = Arc::new(setup::lending(&flags.trust, &flags.lend, built_ins)?);
    let connection = match flags.environment {
        Environment::Linux if !flags.kubernetes_auth => None,
        _ => Some(cluster::connection(&flags.lifecycle.cluster, flags.namespace.as_deref()).await?),
    };
    let where_to = Place::of(&flags, connection.as_ref()).await?;
    let node = Arc::new(setup::node(&flags.lend, None, where_to.is_here())?);
    let images = Images { flag: names(&flags.gadget_images), file: flags.gadget_images_file.clone() };
    let guard = guard(&flags, &supply, &node).await?;
    let store = setup::store(&flags.trust)?;
    let gate = guard.clone().map(|guard| {
        let approved = Approved::at(store.root());
        Arc::new(Gate::new(guard, approved, supply.built_ins().keys().cloned().collect()))
    });
    let served = Served::new(images, supply.clone(), node.clone(), gate.clone()).await?;
    let fleet = where_to.fleet(node.clone());
    let fleet = match &connection {
        Some(connection) if where_to.is_server() => fleet.knowing(Arc::new(Places::watch(connection))),
        _ => fleet,
    };
    let fleet = Arc::new(match guard {
        Some(guard) => fleet.guarded(guard),
        None => fleet,
    });
    let options = options(&flags);
    let mut keeper = where_to.agents().zip(connection.as_ref()).map(|(agents, connection)| {
        let images = objects::Images::new(served.catalog(), supply, node.clone(), gate);
        Keeper::new(connection, node.name(), fleet.clone(), agents.clone(), images, options.runs.bytes)
    });
    let access = connection
        .as_ref()
        .filter(|_| flags.kubernetes_auth)
        .map(|it| Arc::new(Callers::new(it)) as Arc<dyn Access>);
    let options = Options { access: access.clone(), ..options };
    let in_cluster = flags.environment == Environment::Kubernetes;
    let beside = lifecycle(&flags.lifecycle, in_cluster)?;
    let control = Control::open(&flags, &where_to, connection.as_ref(), node.name()).await?;
    let (objects, note) = keeper.as_ref().map(Keeper::runs).unzip();
    let beyond = Beyond { objects, note, others: control.others() };
    let server = Server::with(served.catalog(), fleet.clone(), beside, beyond, options)?;
    if flags.list_tools {
        print!("{}", shown::tools(&server.list()));
        return Ok(ExitCode::SUCCESS);
    }
    let cancel = CancellationToken::new();
    end_on_signal(cancel.clone())?;
    let served = served.while_available(where_to.available().await);
    let control = control.serve(fleet, served.catalog(), server.kept(), cancel.clone());
    let kept = async {
        match &mut keeper {
            Some(keeper) => keeper.keep().await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        failed = control => failed,
        done = serve(&flags, server, access, cancel) => done,
        // Never ends of itself: without gadgets that change there is still a server.
        never = served.follow(flags.refresh) => match never {},
        never = kept => match never {},
    };
    if let Some(keeper) = keeper {
        keeper.close().await;
    }
    ended.map(|()| ExitCode::SUCCESS)
}

/// The gadget that the operator puts before the others.
async fn guard(flags: &Mcp, supply: &Supply, node: &Arc<Node>) -> Result<Option<Arc<Guard>>> {
    let Some(image) = &flags.guard else { return Ok(None) };
    let gadget = reload::register(node, supply.fetch(image).await?).await?;
    let action = match flags.guard_action {
        GuardAction::Mark => Action::Mark,
        GuardAction::Mask => Action::Mask,
        GuardAction::Block => Action::Block,
    };
    Ok(Some(Arc::new(Guard::new(node, &gadget, action, names(&flags.guard_categories))?)))
}

async fn serve(
    flags: &Mcp,
    server: Server,
    access: Option<Arc<dyn Access>>,
    cancel: CancellationToken,
) -> Result<()> {
    match flags.transport {
        Transport::Stdio => stdio::serve(server, cancel).await?,
        Transport::StreamableHttp => {
            let listening = http::listen(http_config(flags, access)?).await?;
            eprintln!("gadgetry: serving MCP at {}://{}/mcp", listening.scheme(), listening.address());
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
    let bytes = usize::try_from(u64::from(flags.run_memory) << 20).unwrap_or(usize::MAX);
    let runs = Limits {
        time_to_live: flags.run_ttl,
        running: (flags.runs_per_caller, flags.max_runs),
        bytes: (bytes / 8, bytes),
        ..Limits::default()
    };
    let budget = usize::try_from(flags.result_budget).unwrap_or(usize::MAX).saturating_mul(1 << 10);
    Options { mode, read_only: flags.read_only, only, without, budget, runs, access: None }
}

/// A list as given, without the empty names that a trailing comma or an empty variable leaves.
pub(super) fn names(list: &[String]) -> Vec<String> {
    list.iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

fn http_config(flags: &Mcp, access: Option<Arc<dyn Access>>) -> Result<http::Config> {
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
        access,
        oauth: flags
            .oauth_issuer
            .clone()
            .zip(flags.oauth_resource.clone())
            .map(|(issuer, resource)| http::OAuth { resource, issuer }),
        tls: flags
            .tls_cert_file
            .clone()
            .zip(flags.tls_key_file.clone())
            .map(|(certificate, key)| http::Files { certificate, key }),
        stateless: flags.stateless,
    })
}

/// A service manager's SIGTERM and a person's Ctrl-C end the server in order: runs detach, connections close.
pub(super) fn end_on_signal(cancel: CancellationToken) -> Result<()> {
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
