//! Where gadgets run: on this machine, on nodes that are named, or on those of a cluster.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use gadgetry_cluster::agents::AgentWatch;
use gadgetry_cluster::connection::Connection;
use gadgetry_control::address::Address;
use gadgetry_control::nodes::Nodes;
use gadgetry_run::fleet::Fleet;
use gadgetry_run::node::Node;
use tokio::sync::watch;

use crate::cli::mcp::{Environment, Mcp};
use crate::cluster::{self, Reached};
use crate::fleet;

/// How long a start waits to learn which nodes there are, so that a client's first list is not empty.
const SETTLE: Duration = Duration::from_secs(3);

/// Where gadgets run.
pub(super) enum Place {
    /// In this process.
    Here,
    /// On nodes that flags name.
    Named(Arc<Nodes<Address>>),
    /// On the nodes of a cluster.
    Cluster(Reached),
}

impl Place {
    /// As the flags say.
    pub(super) async fn of(flags: &Mcp, connection: Option<&Connection>) -> Result<Self> {
        let named = fleet::named(&flags.agents)?;
        match (flags.environment, named, connection) {
            (Environment::Linux, None, _) => Ok(Self::Here),
            (Environment::Linux, Some(nodes), _) => Ok(Self::Named(nodes)),
            (Environment::Kubernetes, None, Some(connection)) => {
                Ok(Self::Cluster(cluster::nodes(connection, &flags.agents.certificates).await?))
            }
            (Environment::Kubernetes, Some(_), _) => {
                bail!("--agent names nodes, and --environment=kubernetes finds them: give one of the two")
            }
            (Environment::Kubernetes, None, None) => bail!("no cluster is configured"),
        }
    }

    /// Whether this process runs gadgets itself.
    pub(super) const fn is_here(&self) -> bool {
        matches!(self, Self::Here)
    }

    /// Whether this is a server before agents, which others may ask too.
    pub(super) const fn is_server(&self) -> bool {
        self.agents().is_some()
    }

    /// What the cluster says of its agents, where this is a server before them.
    pub(super) const fn agents(&self) -> Option<&AgentWatch> {
        match self {
            Self::Cluster(Reached::Agents(_, watch)) => Some(watch),
            Self::Here | Self::Named(_) | Self::Cluster(Reached::Server(_)) => None,
        }
    }

    /// The fleet; `node` is where everything else is done.
    pub(super) fn fleet(&self, node: Arc<Node>) -> Fleet {
        match self {
            Self::Here => Fleet::local(node),
            Self::Named(nodes) | Self::Cluster(Reached::Agents(nodes, _)) => Fleet::of(node, nodes.clone()),
            Self::Cluster(Reached::Server(nodes)) => Fleet::of(node, nodes.clone()),
        }
    }

    /// Whether gadgets can run at all, as it changes: in a cluster they can once an agent is ready. `None`: always.
    pub(super) async fn available(&self) -> Option<watch::Receiver<bool>> {
        match self {
            Self::Here | Self::Named(_) => None,
            Self::Cluster(Reached::Agents(nodes, _)) => Some(ready(nodes.clone()).await),
            Self::Cluster(Reached::Server(nodes)) => Some(ready(nodes.clone()).await),
        }
    }
}

async fn ready<A: Clone + PartialEq + Send + Sync + 'static>(nodes: Arc<Nodes<A>>) -> watch::Receiver<bool> {
    nodes.settled(SETTLE).await;
    let (sender, receiver) = watch::channel(nodes.any_ready());
    let mut changes = nodes.watch();
    tokio::spawn(async move {
        while changes.changed().await.is_ok() {
            let now = nodes.any_ready();
            sender.send_if_modified(|it| std::mem::replace(it, now) != now);
            if sender.is_closed() {
                return;
            }
        }
    });
    receiver
}
