//! The nodes that are asked: which there are, and how they are. Each has one connection, and is asked now and then who it
//! is, so that a call need not find out that a node is gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gadgetry_run::agent::{Absent, Agent, Agents, Reach};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;

use crate::client::Remote;

/// How often a node is asked who it is.
const EVERY: Duration = Duration::from_secs(5);
/// How often one that did not answer is.
const AGAIN: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// A node, as whoever knows the nodes tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<A> {
    /// Its name.
    pub name: String,
    /// Where its agent is; an error says why there is none to be asked.
    pub address: Result<A, String>,
}

/// How a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not asked yet.
    New,
    /// It answered; its version, and the containers that run there.
    Ready(String, Vec<String>),
    /// It did not answer, or is of a version that this one does not speak with.
    Gone(String),
}

struct Entry<A> {
    address: Result<A, String>,
    remote: Option<Arc<Remote>>,
    state: State,
    _checked: Option<DropGuard>,
}

/// Opens connections to addresses of a kind.
pub trait Connect<A>: Send + Sync + 'static {
    /// A channel that connects when it is used, and again when it broke.
    fn channel(&self, address: &A) -> Channel;
}

/// All nodes.
pub struct Nodes<A> {
    connect: Box<dyn Connect<A>>,
    all: Arc<Mutex<BTreeMap<String, Entry<A>>>>,
    changed: watch::Sender<u64>,
    named: bool,
}

impl<A: Clone + PartialEq + Send + Sync + 'static> Nodes<A> {
    /// No nodes yet. `named`: rows are to say of which node they are.
    pub fn new(connect: impl Connect<A>, named: bool) -> Arc<Self> {
        Arc::new(Self {
            connect: Box::new(connect),
            all: Arc::default(),
            changed: watch::Sender::new(0),
            named,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry<A>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are all nodes from now on. Connections to those that stay where they were are kept.
    pub fn set(self: &Arc<Self>, known: Vec<Known<A>>) {
        let mut all = self.lock();
        let mut before = std::mem::take(&mut *all);
        for Known { name, address } in known {
            let entry = match before.remove(&name) {
                Some(entry) if entry.address == address => entry,
                _ => self.entry(&name, address),
            };
            all.insert(name, entry);
        }
        drop(all);
        self.changed.send_modify(|it| *it += 1);
    }

    fn entry(self: &Arc<Self>, name: &str, address: Result<A, String>) -> Entry<A> {
        let Ok(address) = address else {
            let state = State::Gone(address.as_ref().err().cloned().unwrap_or_default());
            return Entry { address, remote: None, state, _checked: None };
        };
        let remote = Arc::new(Remote::new(name, self.connect.channel(&address)));
        let ended = CancellationToken::new();
        tokio::spawn(check(Arc::downgrade(self), name.to_owned(), remote.clone(), ended.clone()));
        let guard = Some(ended.drop_guard());
        Entry { address: Ok(address), remote: Some(remote), state: State::New, _checked: guard }
    }

    /// All nodes, and how they are.
    pub fn states(&self) -> Vec<(String, State)> {
        self.lock().iter().map(|(name, entry)| (name.clone(), entry.state.clone())).collect()
    }

    /// Whether any node can be asked, as far as is known.
    pub fn any_ready(&self) -> bool {
        self.lock().values().any(|it| matches!(it.state, State::Ready(..)))
    }

    /// Waits until each node has been asked, within reason.
    pub async fn settled(&self, most: Duration) {
        let mut changes = self.watch();
        let settled = async {
            while self.lock().is_empty() || self.lock().values().any(|it| it.state == State::New) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // Those that take longer are asked all the same.
        let _ = timeout(most, settled).await;
    }

    /// Told of each change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn tell(&self, name: &str, remote: &Arc<Remote>, state: State) {
        let mut all = self.lock();
        let Some(entry) = all.get_mut(name) else { return };
        // Of a connection that was replaced meanwhile nothing is to be told.
        if entry.remote.as_ref().is_some_and(|it| Arc::ptr_eq(it, remote)) && entry.state != state {
            let was = std::mem::replace(&mut entry.state, state);
            let now = entry.state.clone();
            drop(all);
            match (&was, &now) {
                (State::Ready(..), State::Gone(why)) => tracing::warn!(node = name, why, "a node is gone"),
                (State::New, State::Gone(why)) => {
                    tracing::warn!(node = name, why, "a node cannot be reached")
                }
                (State::Gone(_), State::Ready(..)) => tracing::info!(node = name, "a node is back"),
                _ => {}
            }
            self.changed.send_modify(|it| *it += 1);
        }
    }
}

/// Asks a node who it is, again and again.
async fn check<A: Clone + PartialEq + Send + Sync + 'static>(
    nodes: std::sync::Weak<Nodes<A>>,
    name: String,
    remote: Arc<Remote>,
    ended: CancellationToken,
) {
    loop {
        let asked = tokio::select! {
            asked = timeout(ANSWER, remote.info()) => asked,
            () = ended.cancelled() => return,
        };
        let state = match asked {
            Ok(Ok(info)) => State::Ready(info.version, info.containers),
            Ok(Err(why)) => State::Gone(why),
            Err(_) => State::Gone(format!("{name} does not answer")),
        };
        let pause = if matches!(state, State::Ready(..)) { EVERY } else { AGAIN };
        let Some(nodes) = nodes.upgrade() else { return };
        nodes.tell(&name, &remote, state);
        drop(nodes);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = ended.cancelled() => return,
        }
    }
}

impl<A: Clone + PartialEq + Send + Sync + 'static> Agents for Nodes<A> {
    fn reach(&self) -> Reach {
        let (mut agents, mut absent): (Vec<Arc<dyn Agent>>, Vec<Absent>) = Default::default();
        for (name, entry) in &*self.lock() {
            match (&entry.state, &entry.remote) {
                (State::Gone(reason), _) => {
                    absent.push(Absent { node: name.clone(), reason: reason.clone() })
                }
                // One that was not asked yet is asked by the call.
                (State::New | State::Ready(..), Some(remote)) => agents.push(remote.clone()),
                (State::New | State::Ready(..), None) => {}
            }
        }
        Reach { agents, absent, named: self.named }
    }

    fn containers(&self) -> Vec<String> {
        let all = self.lock();
        let ready = all.values().filter_map(|entry| match &entry.state {
            State::Ready(_, containers) => Some(containers),
            State::New | State::Gone(_) => None,
        });
        let mut names: Vec<String> = ready.flatten().cloned().collect();
        names.sort();
        names.dedup();
        names
    }
}
