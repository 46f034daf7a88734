//! Whose an address is: a pod's or a service's, for the endpoints of network rows. All pods and services of the cluster
//! are followed for it, so as little as possible is read and kept of each: addresses, namespace, name.
//!
//! Pods on the node's own network are passed over: their address is the node's, and whose a connection of the node is
//! can't be told by it.

mod object;
mod table;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, RwLock, RwLockReadGuard};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{Client, Resource};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::follow::{Event, Stale, Target, follow};
use object::{PodAddress, ServiceAddress};
use table::{Addressed, Table};

/// How often what is gone is looked through.
const SWEEP: Duration = Duration::from_secs(10);

/// What has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A pod.
    Pod,
    /// A service.
    Service,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pod => "pod",
            Self::Service => "service",
        })
    }
}

/// Whose an address is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// What it is.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Box<str>,
}

/// How much is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressesStatus {
    /// Addresses that are known, those of what is gone since a minute at most included.
    pub addresses: usize,
    /// Addresses for which there was no room, since the start.
    pub left_out: u64,
    /// Pods on the networks of their nodes, which are passed over, since the start; one is counted each time it changes.
    pub host_network: u64,
    /// Whether all pods and services were told at least once.
    pub complete: bool,
    /// Since when the pods are not up to date, and why.
    pub pods_stale: Option<Stale>,
    /// Since when the services are not up to date, and why.
    pub services_stale: Option<Stale>,
}

/// Addresses, kept up to date as long as there is a clone of this.
#[derive(Clone)]
pub struct Addresses {
    table: Arc<RwLock<Table>>,
    changes: watch::Receiver<u64>,
    _following: Arc<DropGuard>,
}

impl Addresses {
    /// Follows the pods and services of the cluster, and keeps at most so many addresses.
    pub fn watch(client: Client, room: usize) -> Self {
        let table = Arc::new(RwLock::new(Table::new(room)));
        let (changed, changes) = watch::channel(0);
        let target = |path: String, fields: Option<&str>| Target {
            path,
            labels: None,
            fields: fields.map(str::to_owned),
            metadata_only: false,
            few: false,
            optional: false,
        };
        // A pod that is over has given its address back.
        let pods = target(Pod::url_path(&(), None), Some("status.phase!=Failed,status.phase!=Succeeded"));
        let services = target(Service::url_path(&(), None), None);
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let shared = table.clone();
        tokio::spawn(async move {
            let pods = follow(client.clone(), pods, |event| take::<PodAddress>(&shared, &changed, event));
            let services = follow(client, services, |event| take::<ServiceAddress>(&shared, &changed, event));
            let sweeping = async {
                loop {
                    tokio::time::sleep(SWEEP).await;
                    write(&shared, |table| table.sweep(Instant::now()));
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = pods => {}
                () = services => {}
                () = sweeping => {}
            }
        });
        Self { table, changes, _following: Arc::new(guard) }
    }

    /// Whose an address is; an IPv4 address may be written as one of IPv6.
    pub fn find(&self, address: IpAddr) -> Option<Arc<Place>> {
        self.read().find(address.to_canonical()).cloned()
    }

    /// A number that is another after every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Waits until all pods and services were told once.
    pub async fn complete(&self) {
        let mut changes = self.changes();
        while !self.read().is_complete() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// How much is known.
    pub fn status(&self) -> AddressesStatus {
        self.read().status()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn write<T>(table: &RwLock<Table>, change: impl FnOnce(&mut Table) -> T) -> T {
    change(&mut table.write().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

fn take<T: Addressed>(table: &RwLock<Table>, changed: &watch::Sender<u64>, event: Event<T>) {
    if write(table, |table| table.take(event, Instant::now())) {
        changed.send_modify(|number| *number += 1);
    }
}
