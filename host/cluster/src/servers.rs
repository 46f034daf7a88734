//! The servers of an installation, for one of them to find the others: pods with an address, ready or not, for one that has
//! just begun to be unready may still keep what is asked for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;
use kube::{Client, Resource};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::agents::pod::AgentPod;
use crate::follow::{Event, Object as _, Target, follow};
use crate::names;

/// Addresses of pods by the pods' names.
pub type Addresses = BTreeMap<String, IpAddr>;

/// Servers, kept up to date until it is dropped.
pub struct ServerWatch {
    now: watch::Receiver<Addresses>,
    _following: DropGuard,
}

impl ServerWatch {
    /// Follows the servers of the installation in `namespace`.
    pub fn start(client: Client, namespace: &str) -> Self {
        let (sender, now) = watch::channel(Addresses::new());
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let target = Target {
            path: Pod::url_path(&(), Some(namespace)),
            labels: Some(names::SERVERS.to_owned()),
            fields: None,
            metadata_only: false,
            few: false,
            optional: false,
        };
        tokio::spawn(async move {
            let mut listing = Addresses::new();
            let following = follow(client, target, |event| take(&mut listing, &sender, event));
            tokio::select! {
                () = stop.cancelled() => {}
                () = following => {}
            }
        });
        Self { now, _following: guard }
    }

    /// Those there are now.
    pub fn now(&self) -> Addresses {
        self.now.borrow().clone()
    }
}

/// Where a pod is asked, while its programs run.
fn address(pod: &AgentPod) -> Option<IpAddr> {
    let runs = pod.status.phase == "Running";
    pod.status.pod_ip.as_ref().filter(|_| runs)?.parse().ok()
}

fn take(listing: &mut Addresses, sender: &watch::Sender<Addresses>, event: Event<AgentPod>) {
    match event {
        Event::Begin => listing.clear(),
        Event::Listed(pod) => listing.extend(address(&pod).map(|at| (pod.meta().name.clone(), at))),
        Event::Complete => {
            sender.send_replace(std::mem::take(listing));
        }
        Event::Changed(pod) => sender.send_modify(|now| {
            now.remove(&pod.meta().name);
            now.extend(address(&pod).map(|at| (pod.meta().name.clone(), at)));
        }),
        Event::Removed(pod) => sender.send_modify(|now| {
            now.remove(&pod.meta().name);
        }),
        // Those that were there are asked until something else is heard.
        Event::Fresh | Event::Stale(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, phase: &str, address: Value) -> AgentPod {
        let pod = json!({"metadata": {"name": name}, "status": {"phase": phase, "podIP": address}});
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn servers_are_those_that_run_somewhere() {
        let (sender, now) = watch::channel(Addresses::new());
        let mut listing = Addresses::new();
        for event in [
            Event::Begin,
            Event::Listed(pod("a", "Running", json!("10.0.0.1"))),
            Event::Listed(pod("b", "Pending", json!(null))),
            Event::Complete,
        ] {
            take(&mut listing, &sender, event);
        }
        assert_eq!(now.borrow().keys().collect::<Vec<_>>(), ["a"]);
        take(&mut listing, &sender, Event::Changed(pod("b", "Running", json!("10.0.0.2"))));
        take(&mut listing, &sender, Event::Changed(pod("a", "Failed", json!("10.0.0.1"))));
        assert_eq!(*now.borrow(), Addresses::from([("b".into(), "10.0.0.2".parse().unwrap())]));
        take(&mut listing, &sender, Event::Removed(pod("b", "Running", json!("10.0.0.2"))));
        assert!(now.borrow().is_empty());
    }
}
