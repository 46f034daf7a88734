//! The metadata of objects, as far as it is used: annotations, managed fields and the like are passed over while reading.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize;

/// What is read of an object's metadata.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    /// How often the spec has changed.
    pub(crate) generation: i64,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) owner_references: Vec<OwnerReference>,
    pub(crate) annotations: Annotations,
    pub(crate) creation_timestamp: Option<Time>,
    pub(crate) deletion_timestamp: Option<Time>,
}

/// Whose an object is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct OwnerReference {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) controller: bool,
}

/// The annotations that are used.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Annotations {
    /// Of a pod that a file on the node describes: the uid by which the kubelet and the container runtime know it. The
    /// API server's own uid is another.
    #[serde(rename = "kubernetes.io/config.hash")]
    pub(crate) config_hash: Option<String>,
}

impl Meta {
    /// The object that controls this one.
    pub(crate) fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}
