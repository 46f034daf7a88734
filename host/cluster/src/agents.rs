//! The agents of an installation, one for each node, and the nodes that have none: what the server fans out to, and what
//! `status` tells.
//!
//! The list is always there to be read and never waits for the API server. When the server is away the last list stays,
//! and says since when it is stale: agents do not go away because of that.

mod choose;
pub(crate) mod pod;

use std::collections::BTreeMap;
use std::mem;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Client, Resource};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::follow::{Event, Object, Stale, Target, follow};
use crate::names;
use choose::choose;
use pod::{AgentPod, NodeMeta};

/// Which agents.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// Where they are installed.
    pub namespace: String,
    /// Selects their pods.
    pub pods: String,
    /// Selects the nodes that should have one.
    pub nodes: String,
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self {
            namespace: names::NAMESPACE.to_owned(),
            pods: names::AGENTS.to_owned(),
            nodes: names::NODES.to_owned(),
        }
    }
}

/// An agent, or what should become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its node.
    pub node: String,
    /// Its pod.
    pub pod: String,
    /// The pod's uid: another one is another process.
    pub uid: String,
    /// The pod's address, as soon as it has one.
    pub address: Option<IpAddr>,
    /// Whether its own probe says that it is ready.
    pub ready: bool,
    /// Why it is not ready.
    pub reason: Option<String>,
    /// The version, from the pod's label.
    pub version: Option<String>,
}

/// A node's labels.
pub type NodeLabels = BTreeMap<String, String>;

/// What is known of the agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agents {
    /// One for each node that has any, in order of the nodes' names.
    pub agents: Vec<Agent>,
    /// Nodes that should have an agent and have none, in order of their names.
    pub without: Vec<String>,
    /// The labels of the nodes that should have an agent, by the nodes' names.
    pub labels: BTreeMap<String, Arc<NodeLabels>>,
    /// Whether all agents were told at least once; before that, none means nothing.
    pub complete: bool,
    /// Since when the agents are not up to date, and why.
    pub stale: Option<Stale>,
    /// Since when the nodes without an agent are not up to date, and why: a server that may not see nodes still has its
    /// agents.
    pub nodes_stale: Option<Stale>,
}

impl Agents {
    /// The agent of a node.
    pub fn on(&self, node: &str) -> Option<&Agent> {
        let at = self.agents.binary_search_by(|agent| agent.node.as_str().cmp(node)).ok()?;
        Some(&self.agents[at])
    }
}

/// Agents, kept up to date as long as there is a clone of this.
#[derive(Clone)]
pub struct AgentWatch {
    now: watch::Receiver<Arc<Agents>>,
    _following: Arc<DropGuard>,
}

impl AgentWatch {
    /// Follows the agents of an installation.
    pub fn start(client: Client, options: &AgentOptions) -> Self {
        let (sender, now) = watch::channel(Arc::default());
        let board = Arc::new(Board { known: Mutex::default(), sender });
        let stop = CancellationToken::new();
        let pods = Target {
            path: Pod::url_path(&(), Some(&options.namespace)),
            labels: Some(options.pods.clone()),
            fields: None,
            metadata_only: false,
            few: false,
            optional: false,
        };
        let nodes = Target {
            path: Node::url_path(&(), None),
            labels: Some(options.nodes.clone()).filter(|labels| !labels.is_empty()),
            fields: None,
            metadata_only: true,
            few: false,
            optional: false,
        };
        let (guard, board_of_nodes, client_of_nodes) = (stop.clone(), board.clone(), client.clone());
        tokio::spawn(async move {
            let keep_node = |node: NodeMeta| Arc::new(node.metadata.labels);
            let pods =
                follow(client, pods, |event| board.take(event, |known| &mut known.pods, AgentPod::kept));
            let nodes = follow(client_of_nodes, nodes, |event| {
                board_of_nodes.take(event, |known| &mut known.nodes, keep_node);
            });
            tokio::select! {
                () = stop.cancelled() => {}
                () = pods => {}
                () = nodes => {}
            }
        });
        Self { now, _following: Arc::new(guard.drop_guard()) }
    }

    /// What is known now.
    pub fn now(&self) -> Arc<Agents> {
        self.now.borrow().clone()
    }

    /// What is known, and word of every change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Agents>> {
        self.now.clone()
    }

    /// Waits until all agents were told once.
    pub async fn complete(&self) -> Arc<Agents> {
        let mut now = self.now.clone();
        let complete = now.wait_for(|agents| agents.complete).await.map(|agents| agents.clone());
        complete.unwrap_or_default()
    }
}

/// What is kept of the objects of one kind, by their names.
struct Objects<V> {
    by_name: BTreeMap<String, V>,
    /// What a list told that is not complete yet.
    listing: BTreeMap<String, V>,
    complete: bool,
    stale: Option<Stale>,
}

impl<V> Default for Objects<V> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), listing: BTreeMap::new(), complete: false, stale: None }
    }
}

#[derive(Default)]
struct Known {
    pods: Objects<AgentPod>,
    nodes: Objects<Arc<NodeLabels>>,
}

struct Board {
    known: Mutex<Known>,
    sender: watch::Sender<Arc<Agents>>,
}

impl Board {
    fn take<T: Object, V: PartialEq>(
        &self,
        event: Event<T>,
        of: impl Fn(&mut Known) -> &mut Objects<V>,
        keep: impl Fn(T) -> V,
    ) {
        let mut known = self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let objects = of(&mut known);
        match event {
            Event::Begin => return objects.listing.clear(),
            Event::Listed(object) => {
                objects.listing.insert(object.meta().name.clone(), keep(object));
                return;
            }
            Event::Complete => {
                objects.by_name = mem::take(&mut objects.listing);
                objects.complete = true;
            }
            Event::Changed(object) => {
                let name = object.meta().name.clone();
                let kept = keep(object);
                // Nodes and pods change all the time in what is of no interest here.
                if objects.by_name.get(&name) == Some(&kept) {
                    return;
                }
                objects.by_name.insert(name, kept);
            }
            Event::Removed(object) => {
                objects.by_name.remove(&object.meta().name);
            }
            Event::Fresh => objects.stale = None,
            Event::Stale(stale) => objects.stale = Some(stale),
        }
        self.publish(&known);
    }

    fn publish(&self, known: &MutexGuard<'_, Known>) {
        let agents = choose(known.pods.by_name.values());
        let has_agent = |node: &str| agents.binary_search_by(|agent| agent.node.as_str().cmp(node)).is_ok();
        let nodes = known.nodes.by_name.keys().filter(|node| known.pods.complete && !has_agent(node));
        let without = nodes.cloned().collect();
        let now = Agents {
            agents,
            without,
            labels: known.nodes.by_name.clone(),
            complete: known.pods.complete,
            stale: known.pods.stale.clone(),
            nodes_stale: known.nodes.stale.clone(),
        };
        self.sender.send_if_modified(|before| {
            let changed = **before != now;
            if changed {
                *before = Arc::new(now);
            }
            changed
        });
    }
}
