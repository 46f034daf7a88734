//! Which nodes gadgets run on, as the flags say: this machine, or those whose agents are named.

use std::sync::Arc;

use anyhow::{Result, bail};
use gadgetry_control::address::Address;
use gadgetry_control::dial::Dial;
use gadgetry_control::nodes::{Known, Nodes};
use gadgetry_control::tls::{Files, Identity, Role};
use gadgetry_run::fleet::Fleet;
use gadgetry_run::node::Node;

use crate::cli::agents::{Agents, Certificates};

/// How this end proves who it is to agents and servers, if it can.
pub(crate) fn identity(flags: &Certificates) -> Result<Option<Identity>> {
    let Certificates { agent_tls_cert_file, agent_tls_key_file, agent_tls_ca_file } = flags.clone();
    let (Some(certificate), Some(key), Some(authorities)) =
        (agent_tls_cert_file, agent_tls_key_file, agent_tls_ca_file)
    else {
        return Ok(None);
    };
    Ok(Some(Identity::new(Files { certificate, key, authorities })?))
}

/// The nodes that the flags name; `None` for this machine alone.
pub(crate) fn named(flags: &Agents) -> Result<Option<Arc<Nodes<Address>>>> {
    let given: Vec<&str> = flags.agents.iter().map(|it| it.trim()).filter(|it| !it.is_empty()).collect();
    if given.is_empty() {
        return Ok(None);
    }
    let mut known = Vec::new();
    for text in given {
        let Some((name, address)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            bail!("--agent {text}: write it as NAME=HOST:PORT, with the node's name");
        };
        if known.iter().any(|it: &Known<Address>| it.name == name) {
            bail!("--agent: the node {name} is named twice");
        }
        let address: Address = address.parse().map_err(|error| anyhow::anyhow!("--agent {text}: {error}"))?;
        known.push(Known { name: name.to_owned(), address: Ok(address) });
    }
    let identity = identity(&flags.certificates)?.map(Arc::new);
    let over_tls = known.iter().any(|it| matches!(it.address, Ok(Address::Tls(_))));
    if over_tls && identity.is_none() {
        bail!(
            "--agent over the network needs --agent-tls-cert-file, --agent-tls-key-file and --agent-tls-ca-file"
        );
    }
    let nodes = Nodes::new(Dial::new(identity, Role::Agent), true);
    nodes.set(known);
    Ok(Some(nodes))
}

/// The fleet: `nodes`, or this machine.
pub(crate) fn fleet(node: Arc<Node>, nodes: Option<Arc<Nodes<Address>>>) -> Fleet {
    match nodes {
        Some(nodes) => Fleet::of(node, nodes),
        None => Fleet::local(node),
    }
}
