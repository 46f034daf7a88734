//! A pod as it is kept: small, immutable and shared.

use std::sync::Arc;

use crate::follow::Object;
use crate::intern::Names;
use crate::meta::Meta;
use crate::pods::{Owner, owner};

/// Labels kept of one pod when all are; pods of the field have ten.
const LABELS: usize = 48;

/// Which labels are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// The first 48 of a pod, in order of their names; those left out are counted.
    #[default]
    All,
    /// Those of these names.
    Only(Vec<String>),
}

/// A pod.
#[derive(Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its uid in the API server.
    pub uid: Box<str>,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Box<str>,
    /// What made it.
    pub owner: Option<Owner>,
    /// Its labels, in order of their names.
    labels: Box<[(Arc<str>, Arc<str>)]>,
    /// The uid by which the node knows it, if that is another.
    pub(crate) node_uid: Option<Box<str>>,
    /// Labels for which there was no room.
    pub(crate) left_out: u32,
}

impl Pod {
    pub(crate) fn new(meta: &Meta, keep: &Labels, names: &mut Names) -> Self {
        let kept: Vec<_> = match keep {
            Labels::All => meta.labels.iter().take(LABELS).collect(),
            Labels::Only(wanted) => meta.labels.iter().filter(|(name, _)| wanted.contains(name)).collect(),
        };
        let left_out = match keep {
            Labels::All => meta.labels.len() - kept.len(),
            Labels::Only(_) => 0,
        };
        Self {
            uid: meta.uid.as_str().into(),
            namespace: names.shared(&meta.namespace),
            name: meta.name.as_str().into(),
            owner: owner::of(meta, names),
            labels: kept.into_iter().map(|(name, value)| (names.shared(name), names.shared(value))).collect(),
            node_uid: meta
                .annotations
                .config_hash
                .as_deref()
                .filter(|hash| *hash != meta.uid)
                .map(Into::into),
            left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
        }
    }

    /// The uids by which containers may name it: its own, and the one that its node gave it, of a pod that its node made.
    pub fn uids(&self) -> impl Iterator<Item = &str> {
        [Some(&*self.uid), self.node_uid.as_deref()].into_iter().flatten()
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        let at = self.labels.binary_search_by(|(key, _)| (**key).cmp(name)).ok()?;
        Some(&self.labels[at].1)
    }

    /// The labels that are kept, in order of their names.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// What is read of a pod: the server sends metadata alone.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Sent {
    pub(crate) metadata: Meta,
}

impl Object for Sent {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
