//! Names to addresses, for connections that may only go to public ones.
//!
//! What is resolved here is what is connected to. Proxies are named by the operator's environment, and may be anywhere.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use gadget_registry::remote::is_public;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Variables that name proxies.
const PROXIES: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// Resolves names.
pub(super) struct Names {
    /// Names with addresses of their own.
    pub(super) fixed: Arc<HashMap<String, Vec<IpAddr>>>,
    /// Whether private addresses will do.
    pub(super) private: bool,
    /// Hosts of proxies.
    pub(super) proxies: HashSet<String>,
}

/// A name has an address that is not public.
#[derive(Debug, thiserror::Error)]
#[error("its name resolves to {0}, which is no public address")]
pub(super) struct Private(pub(super) IpAddr);

/// The hosts of the proxies that the environment names.
pub(super) fn proxies() -> HashSet<String> {
    let host = |text: String| {
        let url = Url::parse(&text).or_else(|_| Url::parse(&format!("http://{text}"))).ok()?;
        Some(url.host_str()?.to_owned())
    };
    PROXIES.into_iter().filter_map(|name| host(std::env::var(name).ok()?)).collect()
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let any = self.private || self.proxies.contains(&name);
        let fixed = self.fixed.get(&name).cloned();
        Box::pin(async move {
            let found: Vec<SocketAddr> = match fixed {
                Some(addresses) => addresses.into_iter().map(|address| (address, 0).into()).collect(),
                None => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            // One private address among public ones is refused as well: which of them is tried is not ours to say.
            match found.iter().find(|address| !any && !is_public(address.ip())) {
                Some(private) => Err(Private(private.ip()).into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}
