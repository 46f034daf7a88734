//! What is read of an agent's pod and of a node.

use serde::Deserialize;

use crate::follow::Object;
use crate::meta::Meta;
use crate::names::VERSION_LABEL;

/// An agent's pod.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct AgentPod {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) node_name: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) phase: String,
    #[serde(rename = "podIP")]
    pub(crate) pod_ip: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) init_container_statuses: Vec<Container>,
    pub(crate) container_statuses: Vec<Container>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) ready: bool,
    pub(crate) state: State,
    pub(crate) last_state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) waiting: Option<Why>,
    pub(crate) terminated: Option<Why>,
}

/// Why a container does not run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Why {
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) exit_code: Option<i32>,
}

/// A node: that it is there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct NodeMeta {
    pub(crate) metadata: Meta,
}

impl AgentPod {
    /// What of it is kept.
    pub(crate) fn kept(mut self) -> Self {
        self.metadata.resource_version.clear();
        self.metadata.labels.retain(|name, _| name == VERSION_LABEL);
        self
    }
}

impl Object for AgentPod {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Object for NodeMeta {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
