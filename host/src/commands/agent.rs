//! `gadgetry agent`: runs gadgets on this node for whoever may ask over the control API.

mod own;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use gadgetry_control::health;
use gadgetry_control::listen::Listening;
use gadgetry_control::service::{Limits, Offered, Service};
use gadgetry_control::tls::Role;
use gadgetry_run::fleet::Fleet;
use gadgetry_run::runs::{self, Runs};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::own::Own;
use super::mcp::{end_on_signal, names};
use crate::cli::agent::Agent;
use crate::{cluster, fleet, setup};

pub(super) async fn run(flags: Agent, built_ins: &'static [u8]) -> Result<ExitCode> {
    let supply = setup::lending(&flags.trust, &flags.lend, built_ins)?;
    let node = setup::node(&flags.lend, flags.node_name.clone(), true)?;
    let node = Arc::new(match flags.cpu_limit {
        Some(cores) => node.limited_to(cores),
        None => node,
    });
    let name = node.name().to_owned();
    let cancel = CancellationToken::new();
    end_on_signal(cancel.clone())?;

    // Listened before gadgets are made ready, so that whoever looks sees an agent that starts.
    let mut listening = Listening::nowhere().unix(&flags.socket)?;
    let identity = fleet::identity(&flags.certificates)?;
    if let Some(address) = &flags.listen {
        let identity =
            identity.context("--listen needs --agent-tls-cert-file and its key and authorities")?;
        listening = listening.tls(address, Arc::new(identity), Role::Server).await?;
    }
    if flags.pods {
        cluster::tell_of_pods(node.clone(), &flags.cluster, names(&flags.pod_labels)).await?;
    }
    let source = Arc::new(Own::new(supply, node.clone()));
    let fleet = Arc::new(Fleet::local(node));
    let background = Runs::new(fleet.clone(), runs::Limits::default());
    let ring_bytes = usize::try_from(u64::from(flags.ring_memory) << 20).unwrap_or(usize::MAX);
    let limits = Limits { runs: flags.max_runs, ring_bytes };
    let stop = CancellationToken::new();
    let service = Service::new(&name, fleet, source.clone(), background, limits, stop.clone());
    if let Some(address) = &flags.health_listen {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen at --health-listen {address}"))?;
        let (source, service) = (source.clone(), service.clone());
        let ready: health::Ready = Arc::new(move || source.ready());
        tokio::spawn(health::serve(listener, service, ready, stop.clone()));
    }
    let port = listening.port();
    let served = tokio::spawn(listening.serve(Offered(service), cancel.clone()));
    source.prepare(&names(&flags.gadget_images)).await?;
    match port {
        Some(port) => eprintln!("gadgetry: agent of {name} at {} and port {port}", flags.socket.display()),
        None => eprintln!("gadgetry: agent of {name} at {}", flags.socket.display()),
    }
    served.await.context("the agent ended by a bug of gadgetry")??;
    Ok(ExitCode::SUCCESS)
}
