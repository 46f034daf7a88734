//! What is installed, and how it is: which version, how many nodes answer, what differs from what.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::api::{Cluster, ClusterError};
use crate::certificates::{Facts, Side};
use crate::contents::{Held, Record};
use crate::object::{OURS, Object, VERSION};
use crate::plan;
use crate::wait::{self, Ready};

/// What is installed.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The cluster's name.
    pub cluster: String,
    /// Whether anything is.
    pub deployed: bool,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The version in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// This program's.
    pub client_version: &'static str,
    /// The overlays it was installed with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overlays: Vec<String>,
    /// Agents; absent where only content is scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Count>,
    /// The server's replicas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Count>,
    /// Pods by their version, when there is more than one, or another than this program's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub skew: BTreeMap<String, usize>,
    /// When the first of the certificates between server and agents expires (Unix time); absent if there are none, or if
    /// the user may not look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates_until: Option<u64>,
    /// What to do, if anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
}

/// Ready, of how many, and why the rest are not.
#[derive(Clone, Debug, Serialize)]
pub struct Count {
    /// Ready.
    pub ready: i64,
    /// Of so many.
    pub of: i64,
    /// Of the others, where and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_ready: Vec<String>,
}

/// Looks.
pub async fn status(cluster: &Cluster) -> Result<Status, ClusterError> {
    let client_version = env!("CARGO_PKG_VERSION");
    let mut status = Status {
        cluster: cluster.name().to_owned(),
        deployed: false,
        namespace: None,
        version: None,
        client_version,
        overlays: Vec::new(),
        nodes: None,
        server: None,
        skew: BTreeMap::new(),
        certificates_until: None,
        advice: Vec::new(),
    };
    let workloads = plan::workloads(cluster).await?;
    let Some(namespace) = workloads.first().and_then(|it| it.namespace()).map(str::to_owned) else {
        status.advice.push("install it with `gadgetry deploy`".to_owned());
        return Ok(status);
    };
    status.deployed = true;
    for workload in &workloads {
        let count = count(cluster, workload).await?;
        match workload.kind() {
            "DaemonSet" => status.nodes = Some(count),
            _ => status.server = Some(count),
        }
    }
    status.version = workloads.iter().find_map(|it| it.label(VERSION)).map(str::to_owned);
    if let Some(record) = optional(Record::read(cluster, &namespace).await)?.flatten() {
        status.overlays = record.overlays;
    }
    for pod in cluster.list(&wait::pods(), Some(&namespace), OURS).await? {
        *status.skew.entry(pod.label(VERSION).unwrap_or("unknown").to_owned()).or_default() += 1;
    }
    if status.skew.keys().all(|version| version == client_version) {
        status.skew.clear();
    }
    if let Some(held) = optional(Held::read(cluster, &namespace).await)? {
        certificates(&mut status, &held);
    }
    advise(&mut status);
    status.namespace = Some(namespace);
    Ok(status)
}

/// What the user has no right to is left out.
fn optional<T>(result: Result<T, ClusterError>) -> Result<Option<T>, ClusterError> {
    match result {
        Ok(it) => Ok(Some(it)),
        Err(error) if error.is_forbidden() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn count(cluster: &Cluster, workload: &Object) -> Result<Count, ClusterError> {
    let Ready { ready, of, rolled_out } = Ready::of(workload);
    let not_ready = if rolled_out { Vec::new() } else { wait::troubles(cluster, workload).await? };
    Ok(Count { ready, of, not_ready })
}

fn certificates(status: &mut Status, held: &Held) {
    let now = SystemTime::now();
    let facts = [Side::Agent, Side::Server].into_iter().filter_map(|side| {
        let pair = held.leaf(side)?;
        Facts::of(side.service(), &pair.certificate).ok()
    });
    let facts: Vec<Facts> = facts.collect();
    let Some(first) = facts.iter().map(|it| it.not_after).min() else { return };
    status.certificates_until = Some(first.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs());
    if first <= now {
        status.advice.push("the certificates have expired: `gadgetry upgrade` makes new ones".to_owned());
    } else if facts.iter().any(|it| it.is_old(now)) {
        status.advice.push("the certificates expire soon: `gadgetry upgrade` renews them".to_owned());
    }
}

fn advise(status: &mut Status) {
    let version = status.version.as_deref().unwrap_or_default();
    let (there, here) = (minor(version), minor(status.client_version));
    if version != status.client_version {
        let advice = match (there, here) {
            (Some(there), Some(here)) if there > here => {
                format!("the cluster has {version}: get that version of gadgetry here")
            }
            (Some(there), Some(here)) if there.0 == here.0 && here.1.abs_diff(there.1) <= 1 => {
                format!("`gadgetry upgrade` brings {version} to {}", status.client_version)
            }
            _ => format!(
                "{version} and {} are more than a minor version apart and may not understand each other: `gadgetry upgrade`",
                status.client_version
            ),
        };
        status.advice.push(advice);
    }
    if status.nodes.as_ref().is_some_and(|it| it.of == 0) {
        status.advice.push("no node fits the agents' node selector".to_owned());
    }
}

/// Major and minor.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(str::parse::<u32>);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

impl Status {
    /// Lines for people.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        let mut line = |name: &str, text: String| lines.push(format!("{name:<14}{text}"));
        line("cluster", self.cluster.clone());
        match (&self.namespace, &self.version) {
            (Some(namespace), Some(version)) => {
                line("deployed", format!("yes, {version} in namespace {namespace}"));
            }
            _ => line("deployed", "no".to_owned()),
        }
        if !self.overlays.is_empty() {
            line("overlays", self.overlays.join(", "));
        }
        for (name, count) in [("nodes", &self.nodes), ("server", &self.server)] {
            let Some(Count { ready, of, not_ready }) = count else { continue };
            line(name, format!("{ready} of {of} ready"));
            for why in not_ready {
                line("", why.clone());
            }
        }
        for (version, pods) in &self.skew {
            line("skew", format!("{pods} pods of {version}, this is {}", self.client_version));
        }
        if let Some(until) = self.certificates_until {
            let left = (UNIX_EPOCH + Duration::from_secs(until)).duration_since(SystemTime::now());
            line(
                "certificates",
                match left {
                    Ok(left) => format!("valid for {} days", left.as_secs() / 86_400),
                    Err(_) => "expired".to_owned(),
                },
            );
        }
        for advice in &self.advice {
            line("to do", advice.clone());
        }
        lines.join("\n")
    }
}
