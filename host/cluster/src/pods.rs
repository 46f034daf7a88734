//! The pods of a node (or of all), by uid and by name: what an agent puts into rows, and what a run's scope is made of.
//!
//! Only metadata is asked for, and of that only what is used is kept, names that occur often but once. A pod that is
//! gone is still found for a minute, as events of its last moments arrive after it.

mod owner;
mod pod;
mod table;

use std::sync::{Arc, RwLock, RwLockReadGuard};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod as ApiPod;
use kube::{Client, Resource};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::follow::{Event, Stale, Target, follow};
use table::Table;

pub use owner::Owner;
pub use pod::{Labels, Pod};

/// How often pods that are gone are looked through.
const SWEEP: Duration = Duration::from_secs(10);

/// Pods, kept up to date as long as there is a clone of this.
#[derive(Clone)]
pub struct Pods {
    shared: Arc<Shared>,
    changes: watch::Receiver<u64>,
    _following: Arc<DropGuard>,
}

struct Shared {
    table: RwLock<Table>,
    stale: RwLock<Option<Stale>>,
}

/// How much is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodsStatus {
    /// Pods that are there.
    pub pods: usize,
    /// Pods that are gone and still found.
    pub gone: usize,
    /// Pods for which there was no room, since the start.
    pub pods_left_out: u64,
    /// Labels for which there was no room, of the pods that are known.
    pub labels_left_out: u64,
    /// Whether all pods were told at least once.
    pub complete: bool,
    /// Since when this is not up to date, and why.
    pub stale: Option<Stale>,
}

impl Pods {
    /// Follows the pods of one node, or of all nodes.
    pub fn watch(client: Client, node: Option<&str>, labels: Labels) -> Self {
        let shared = Arc::new(Shared { table: RwLock::new(Table::new(labels)), stale: RwLock::default() });
        let (changed, changes) = watch::channel(0);
        let target = Target {
            path: ApiPod::url_path(&(), None),
            labels: None,
            fields: node.map(|node| format!("spec.nodeName={node}")),
            metadata_only: true,
            few: node.is_some(),
            optional: false,
        };
        let stop = CancellationToken::new();
        tokio::spawn(keep(client, target, shared.clone(), changed, stop.clone()));
        Self { shared, changes, _following: Arc::new(stop.drop_guard()) }
    }

    /// The pod with this uid: the API server's or, for a pod that a file on the node describes, the kubelet's.
    pub fn by_uid(&self, uid: &str) -> Option<Arc<Pod>> {
        self.table().by_uid(uid).cloned()
    }

    /// The pod of this name; the newest, when one that is gone had the same.
    pub fn by_name(&self, namespace: &str, name: &str) -> Option<Arc<Pod>> {
        self.table().by_name(namespace, name).cloned()
    }

    /// The pods there are, in order of their namespaces and names.
    pub fn all(&self) -> Vec<Arc<Pod>> {
        self.table().all()
    }

    /// A number that is another after every change: who waits for it can look again at what he looked at.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Waits until all pods were told once.
    pub async fn complete(&self) {
        let mut changes = self.changes();
        while !self.table().is_complete() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// How much is known.
    pub fn status(&self) -> PodsStatus {
        let stale = self.shared.stale.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        self.table().status(stale)
    }

    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.shared.table.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

async fn keep(
    client: Client,
    target: Target,
    shared: Arc<Shared>,
    changed: watch::Sender<u64>,
    stop: CancellationToken,
) {
    let following = follow(client, target, |event| {
        let set_stale =
            |stale| *shared.stale.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = stale;
        match event {
            Event::Stale(stale) => set_stale(Some(stale)),
            Event::Fresh => set_stale(None),
            event => {
                let mut table = shared.table.write().unwrap_or_else(|poisoned| poisoned.into_inner());
                if !table.take(event, Instant::now()) {
                    return;
                }
            }
        }
        changed.send_modify(|number| *number += 1);
    });
    let sweeping = async {
        loop {
            tokio::time::sleep(SWEEP).await;
            shared.table.write().unwrap_or_else(|poisoned| poisoned.into_inner()).sweep(Instant::now());
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = following => {}
        () = sweeping => {}
    }
}
