//! All pods that are known, and for how long they were.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::follow::{Event, Stale};
use crate::intern::Names;
use crate::pods::PodsStatus;
use crate::pods::pod::{Labels, Pod, Sent};

/// Pods kept, those that are gone included. A node has some hundreds; a cluster-wide watch is not what this is for.
const PODS: usize = 20_000;

/// For how long a pod that is gone is still found.
const AFTER: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Known {
    pod: Arc<Pod>,
    /// When it was gone.
    gone: Option<Instant>,
    /// The last listing that told it, or that was there when it was told.
    listing: u32,
}

/// The pods.
#[derive(Debug)]
pub(crate) struct Table {
    keep: Labels,
    by_uid: HashMap<Box<str>, Known>,
    /// From the node's uid to the API server's.
    by_node_uid: HashMap<Box<str>, Box<str>>,
    by_name: HashMap<Arc<str>, HashMap<Box<str>, Arc<Pod>>>,
    names: Names,
    listing: u32,
    complete: bool,
    left_out: u64,
}

impl Table {
    pub(crate) fn new(keep: Labels) -> Self {
        Self {
            keep,
            by_uid: HashMap::new(),
            by_node_uid: HashMap::new(),
            by_name: HashMap::new(),
            names: Names::default(),
            listing: 0,
            complete: false,
            left_out: 0,
        }
    }

    pub(crate) fn by_uid(&self, uid: &str) -> Option<&Arc<Pod>> {
        let known = self.by_uid.get(uid).or_else(|| self.by_uid.get(self.by_node_uid.get(uid)?));
        known.map(|known| &known.pod)
    }

    pub(crate) fn by_name(&self, namespace: &str, name: &str) -> Option<&Arc<Pod>> {
        self.by_name.get(namespace)?.get(name)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Pod>> {
        let there = self.by_uid.values().filter(|known| known.gone.is_none());
        let mut all: Vec<Arc<Pod>> = there.map(|known| known.pod.clone()).collect();
        all.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        all
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    pub(crate) fn status(&self, stale: Option<Stale>) -> PodsStatus {
        let gone = self.by_uid.values().filter(|known| known.gone.is_some()).count();
        PodsStatus {
            pods: self.by_uid.len() - gone,
            gone,
            pods_left_out: self.left_out,
            labels_left_out: self.by_uid.values().map(|known| u64::from(known.pod.left_out)).sum(),
            complete: self.complete,
            stale,
        }
    }

    /// Takes in what happened; says whether anything is another than before.
    pub(crate) fn take(&mut self, event: Event<Sent>, now: Instant) -> bool {
        match event {
            Event::Begin => {
                self.listing += 1;
                false
            }
            Event::Listed(sent) | Event::Changed(sent) => self.add(&sent, now),
            Event::Removed(sent) => self.remove(&sent.metadata.uid, now),
            Event::Complete => {
                let listing = self.listing;
                let missing = |known: &&mut Known| known.gone.is_none() && known.listing != listing;
                self.by_uid.values_mut().filter(missing).for_each(|known| known.gone = Some(now));
                self.complete = true;
                self.sweep(now);
                true
            }
            Event::Fresh | Event::Stale(_) => false,
        }
    }

    fn add(&mut self, sent: &Sent, now: Instant) -> bool {
        let meta = &sent.metadata;
        let pod = Pod::new(meta, &self.keep, &mut self.names);
        if let Some(known) = self.by_uid.get_mut(&*meta.uid) {
            known.listing = self.listing;
            if known.gone.is_none() && *known.pod == pod {
                return false;
            }
        } else if self.by_uid.len() >= PODS {
            self.sweep(now);
            if self.by_uid.len() >= PODS {
                self.left_out += 1;
                return false;
            }
        }
        let pod = Arc::new(pod);
        if let Some(uid) = &pod.node_uid {
            self.by_node_uid.insert(uid.clone(), pod.uid.clone());
        }
        self.by_name.entry(pod.namespace.clone()).or_default().insert(pod.name.clone(), pod.clone());
        self.by_uid.insert(pod.uid.clone(), Known { pod, gone: None, listing: self.listing });
        true
    }

    fn remove(&mut self, uid: &str, now: Instant) -> bool {
        match self.by_uid.get_mut(uid) {
            Some(known) if known.gone.is_none() => {
                known.gone = Some(now);
                true
            }
            _ => false,
        }
    }

    /// Forgets what is gone for long enough.
    pub(crate) fn sweep(&mut self, now: Instant) {
        let old = |known: &Known| known.gone.is_some_and(|gone| now.duration_since(gone) >= AFTER);
        let forgotten: Vec<Known> =
            self.by_uid.extract_if(|_, known| old(known)).map(|(_, known)| known).collect();
        if forgotten.is_empty() {
            return;
        }
        for Known { pod, .. } in &forgotten {
            if let Some(uid) = &pod.node_uid
                && self.by_node_uid.get(uid) == Some(&pod.uid)
            {
                self.by_node_uid.remove(uid);
            }
            if let Some(named) = self.by_name.get_mut(&pod.namespace) {
                // A pod of the same name may have come after it.
                if named.get(&pod.name).is_some_and(|found| found.uid == pod.uid) {
                    named.remove(&pod.name);
                }
                if named.is_empty() {
                    self.by_name.remove(&pod.namespace);
                }
            }
        }
        drop(forgotten);
        self.names.sweep();
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
