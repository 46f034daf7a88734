//! What is read of pods and services: where they are, not what they do.

use std::net::IpAddr;

use serde::Deserialize;

use crate::addresses::Kind;
use crate::addresses::table::Addressed;
use crate::follow::Object;
use crate::meta::Meta;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodAddress {
    metadata: Meta,
    spec: PodSpec,
    status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    host_network: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pod_ips: Vec<PodIp>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PodIp {
    ip: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceAddress {
    metadata: Meta,
    spec: ServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ServiceSpec {
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<String>,
    #[serde(rename = "clusterIPs")]
    cluster_ips: Vec<String>,
}

impl Object for PodAddress {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Addressed for PodAddress {
    const KIND: Kind = Kind::Pod;

    fn is_on_node(&self) -> bool {
        self.spec.host_network
    }

    fn addresses(&self) -> Vec<IpAddr> {
        let all = self.status.pod_ips.iter().map(|entry| &entry.ip).chain(&self.status.pod_ip);
        parsed(all)
    }
}

impl Object for ServiceAddress {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Addressed for ServiceAddress {
    const KIND: Kind = Kind::Service;

    fn is_on_node(&self) -> bool {
        false
    }

    fn addresses(&self) -> Vec<IpAddr> {
        parsed(self.spec.cluster_ips.iter().chain(&self.spec.cluster_ip))
    }
}

/// The addresses, each once. What is none (`None`, of a service without one) is passed over.
fn parsed<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = texts.filter_map(|text| text.parse().ok()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}
