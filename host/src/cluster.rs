//! A Kubernetes cluster as the host needs it: its agents as nodes, the pods of a node, and who may do what.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use gadgetry_cluster::access::{self, AccessOptions, Refused};
use gadgetry_cluster::addresses::Addresses;
use gadgetry_cluster::agents::{AgentOptions, AgentWatch, Agents};
use gadgetry_cluster::connection::{Connection, Options, Source};
use gadgetry_cluster::forward::{Forward, ForwardOptions};
use gadgetry_cluster::pods::{Labels, Pod, Pods};
use gadgetry_control::address::Address;
use gadgetry_control::dial::{self, Dial};
use gadgetry_control::nodes::{Connect, Known, Nodes};
use gadgetry_control::tls::Role;
use gadgetry_mcp::access::{Access, Checking, Principal, Refusal};
use gadgetry_run::fleet::{Endpoint, Endpoints};
use gadgetry_run::node::Node;
use tonic::transport::Channel;

use crate::cli::agents::Certificates;
use crate::cli::deploy::Cluster;
use crate::fleet;

/// Port of agents and servers, for those who prove who they are.
const PORT: u16 = 7443;
/// Addresses that are known at once.
const ADDRESSES: usize = 100_000;
/// Port of a server for those who come through the cluster's own port-forward.
pub(crate) const FORWARDED: u16 = 7444;

/// The way to the cluster that the flags name.
pub(crate) async fn connection(flags: &Cluster, namespace: Option<&str>) -> Result<Connection> {
    let options = Options {
        kubeconfig: flags.kubeconfig.clone(),
        context: flags.context.clone(),
        namespace: namespace.map(str::to_owned),
        ..Options::default()
    };
    Ok(Connection::open(&options).await?)
}

/// How the nodes of a cluster are reached.
pub(crate) enum Reached {
    /// Each by its agent, and what the cluster says of the agents.
    Agents(Arc<Nodes<Address>>, AgentWatch),
    /// All through a server in the cluster.
    Server(Arc<Nodes<()>>),
}

/// The nodes of the cluster: from inside by their agents, from outside through a server and one port-forward.
pub(crate) async fn nodes(connection: &Connection, certificates: &Certificates) -> Result<Reached> {
    let identity = fleet::identity(certificates)?;
    if let Some(identity) = identity {
        let nodes = Nodes::new(Dial::new(Some(Arc::new(identity)), Role::Agent), true);
        let options = AgentOptions { namespace: connection.namespace.clone(), ..AgentOptions::default() };
        let watch = AgentWatch::start(connection.once.clone(), &options);
        nodes.set(known(&watch.now()));
        tokio::spawn(follow(watch.clone(), Arc::downgrade(&nodes)));
        return Ok(Reached::Agents(nodes, watch));
    }
    if matches!(connection.source, Source::Pod) {
        bail!(
            "agents take calls from servers alone: give --agent-tls-cert-file, --agent-tls-key-file and --agent-tls-ca-file"
        );
    }
    let forward =
        Forward::new(connection.client.clone(), ForwardOptions::new(connection.namespace.clone(), FORWARDED));
    let nodes = Nodes::new(Through(Arc::new(forward)), false);
    nodes.set(vec![Known { name: String::new(), address: Ok(()) }]);
    Ok(Reached::Server(nodes))
}

/// Whose the addresses of a cluster are: its pods and services.
pub(crate) struct Places(Addresses);

impl Places {
    /// As the cluster of `connection` says, up to a bound.
    pub(crate) fn watch(connection: &Connection) -> Self {
        Self(Addresses::watch(connection.once.clone(), ADDRESSES))
    }
}

impl Endpoints for Places {
    fn find(&self, address: IpAddr) -> Option<Endpoint> {
        let place = self.0.find(address)?;
        Some(Endpoint {
            kind: place.kind.to_string(),
            namespace: place.namespace.to_string(),
            name: place.name.to_string(),
        })
    }
}

/// Through the one port-forward.
struct Through(Arc<Forward>);

impl Connect<()> for Through {
    fn channel(&self, (): &()) -> Channel {
        let forward = self.0.clone();
        dial::channel(move || {
            let forward = forward.clone();
            async move { forward.open().await.map_err(std::io::Error::other) }
        })
    }
}

/// Keeps the nodes those of the cluster.
async fn follow(watch: AgentWatch, nodes: std::sync::Weak<Nodes<Address>>) {
    let mut changes = watch.subscribe();
    while changes.changed().await.is_ok() {
        let Some(nodes) = nodes.upgrade() else { return };
        let known = known(&changes.borrow_and_update());
        nodes.set(known);
    }
}

/// Agents, and nodes without one, as nodes to be asked.
fn known(agents: &Agents) -> Vec<Known<Address>> {
    let mut all: BTreeMap<String, Result<Address, String>> = BTreeMap::new();
    for node in &agents.without {
        all.insert(node.clone(), Err("no agent runs there".to_owned()));
    }
    for agent in &agents.agents {
        let why = || agent.reason.clone().unwrap_or_else(|| format!("its agent {} is not ready", agent.pod));
        let address = match agent.address {
            Some(address) if agent.ready => Ok(Address::Tls(SocketAddr::new(address, PORT).to_string())),
            _ => Err(why()),
        };
        // While an agent is replaced there may be two.
        match all.get(&agent.node) {
            Some(Ok(_)) => {}
            _ => drop(all.insert(agent.node.clone(), address)),
        }
    }
    all.into_iter().map(|(name, address)| Known { name, address }).collect()
}

/// Tells `node` of its pods' labels and owners, from now on. `shown`: the labels that rows have.
pub(crate) async fn tell_of_pods(node: Arc<Node>, flags: &Cluster, shown: Vec<String>) -> Result<()> {
    let connection = connection(flags, None).await.context("--pods needs the cluster's API")?;
    let pods = Pods::watch(connection.once.clone(), Some(node.name()), Labels::All);
    tokio::spawn(async move {
        let mut changes = pods.changes();
        let mut told: BTreeMap<Box<str>, Arc<Pod>> = BTreeMap::new();
        loop {
            let now: BTreeMap<Box<str>, Arc<Pod>> =
                pods.all().into_iter().map(|pod| (pod.uid.clone(), pod)).collect();
            for pod in told.values().filter(|pod| !now.contains_key(&pod.uid)) {
                pod.uids().for_each(|uid| node.pod(uid, None));
            }
            for pod in now.values().filter(|pod| told.get(&pod.uid).is_none_or(|it| !Arc::ptr_eq(it, pod))) {
                pod.uids().for_each(|uid| node.pod(uid, Some(details(pod, &shown))));
            }
            told = now;
            if changes.changed().await.is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn details(pod: &Pod, shown: &[String]) -> gadgetry_enrich::Pod {
    gadgetry_enrich::Pod {
        labels: pod.labels().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        shown: shown.to_vec(),
        owner: pod.owner.as_ref().map(|it| format!("{}/{}", it.kind, it.name)),
    }
}

/// Callers of an MCP server as the cluster knows them, and what it lets them see.
pub(crate) struct Callers(access::Access);

impl Callers {
    /// As the cluster of `connection` says.
    pub(crate) fn new(connection: &Connection) -> Self {
        Self(access::Access::new(connection.once.clone(), AccessOptions::default()))
    }
}

impl Access for Callers {
    fn authenticate<'a>(&'a self, token: &'a str) -> Checking<'a, Result<Principal, Refusal>> {
        Box::pin(async move {
            match self.0.authenticate(token).await {
                Ok(caller) => Ok(Principal::new(&caller.name.clone(), caller)),
                Err(error @ Refused::Unavailable { .. }) => Err(Refusal::Unchecked(error.to_string())),
                Err(error) => Err(Refusal::Invalid(error.to_string())),
            }
        })
    }

    fn authorize<'a>(
        &'a self,
        who: &'a Principal,
        wanted: &'a [String],
    ) -> Checking<'a, Result<Option<Arc<[String]>>, String>> {
        Box::pin(async move {
            let caller: Arc<access::Principal> = who
                .detail
                .clone()
                .downcast()
                .map_err(|_| "this caller is none that the cluster knows".to_owned())?;
            let everywhere = self.0.may_run(&caller, None).await;
            match everywhere {
                Ok(()) => return Ok(None),
                Err(error @ Refused::Unavailable { .. }) => return Err(error.to_string()),
                Err(error) if wanted.is_empty() => {
                    return Err(format!(
                        "{error}; name the namespaces that you may see with the parameter `namespace`"
                    ));
                }
                Err(_) => {}
            }
            for namespace in wanted {
                self.0.may_run(&caller, Some(namespace)).await.map_err(|error| error.to_string())?;
            }
            Ok(Some(wanted.into()))
        })
    }
}
