//! The control API of a server in a cluster: for those who come through the cluster's port-forward, and for other servers.

use std::sync::Arc;

use anyhow::{Context, Result};
use gadgetry_cluster::connection::{Connection, Source as From};
use gadgetry_control::listen::Listening;
use gadgetry_control::service::{Limits, Offered, Service};
use gadgetry_control::source::{Found, Source};
use gadgetry_control::tls::Role;
use gadgetry_run::catalog::Catalog;
use gadgetry_run::fleet::Fleet;
use gadgetry_run::gadget::Gadget;
use gadgetry_run::runs::{self, Kept, Others, Runs};
use tokio_util::sync::CancellationToken;

use super::place::Place;
use super::replicas::Replicas;
use crate::cli::mcp::Mcp;
use crate::fleet::identity;

/// Runs of all callers at once.
const RUNS: usize = 256;

/// Where it listens, and the other servers, who listen at the same port.
pub(super) struct Control {
    listening: Option<Listening>,
    others: Option<Arc<Replicas>>,
}

impl Control {
    /// Opens it, where this is such a server and somebody is to be served. `host`: by which name others know this one.
    pub(super) async fn open(
        flags: &Mcp,
        place: &Place,
        connection: Option<&Connection>,
        host: &str,
    ) -> Result<Self> {
        let forwarded = forwarded(flags.control_forwarded_port, connection.map(|it| &it.source));
        let nowhere = Self { listening: None, others: None };
        // Who only looks at what is offered serves nobody.
        if flags.list_tools || !place.is_server() || (forwarded.is_none() && flags.control_listen.is_none()) {
            return Ok(nowhere);
        }
        let (mut listening, mut others) = (Listening::nowhere(), None);
        if let Some(port) = forwarded {
            listening = listening.forwarded(port).await?;
        }
        if let Some(address) = &flags.control_listen {
            let identity =
                identity(&flags.agents.certificates)?.context("--control-listen needs certificates")?;
            let identity = Arc::new(identity);
            listening = listening.tls(address, identity.clone(), Role::Server).await?;
            let found = connection.zip(listening.port());
            others = found.map(|(to, port)| Arc::new(Replicas::watch(to, host, port, identity)));
        }
        Ok(Self { listening: Some(listening), others })
    }

    /// The other servers.
    pub(super) fn others(&self) -> Option<Arc<dyn Others>> {
        self.others.clone().map(|it| it as Arc<dyn Others>)
    }

    /// Serves it, to other servers the runs that are `kept` here; returns only when that failed.
    pub(super) async fn serve(
        self,
        fleet: Arc<Fleet>,
        catalog: Arc<Catalog>,
        kept: Kept,
        cancel: CancellationToken,
    ) -> Result<()> {
        let Some(listening) = self.listening else { return std::future::pending().await };
        let background = Runs::new(fleet.clone(), runs::Limits::default());
        // Rings are the agents', who see to them.
        let limits = Limits { runs: RUNS, ring_bytes: usize::MAX >> 16 };
        let stop = CancellationToken::new();
        let service = Service::new("", fleet, Arc::new(Offers(catalog)), background, limits, stop);
        let served = listening.answering(kept).serve(Offered(service), cancel).await;
        served.context("the control API ended")?;
        std::future::pending().await
    }
}

/// The port for those who come through the cluster's port-forward. In a pod the loopback is the pod's own, and who may
/// forward a port of it is the cluster's to say; on any other machine it is open to all its users, so only who asks for
/// it gets it.
fn forwarded(asked: Option<u16>, from: Option<&From>) -> Option<u16> {
    asked.or_else(|| matches!(from, Some(From::Pod)).then_some(crate::cluster::FORWARDED))
}

/// The gadgets that the server offers: those alone are run for others, whatever they have themselves.
struct Offers(Arc<Catalog>);

impl Source for Offers {
    async fn find(&self, reference: &str, digest: &str) -> Result<Found, String> {
        let gadgets = self.0.gadgets();
        let Some(gadget) = gadgets.iter().find(|it| it.identity.reference == reference) else {
            return Err(format!(
                "the server does not offer {reference}: its operator names it in the setting GADGETRY_GADGET_IMAGES"
            ));
        };
        let own = &gadget.identity.digest;
        let note = (!digest.is_empty() && digest != own).then(|| {
            format!("the server's {reference} is {own}, and not the image that was asked for ({digest})")
        });
        Ok(Found { gadget: gadget.clone(), note })
    }

    fn gadgets(&self) -> Vec<Arc<Gadget>> {
        self.0.gadgets().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pod_opens_a_port_that_was_not_asked_for() {
        let file = From::Kubeconfig { paths: vec!["config".into()], context: "it".into() };
        assert_eq!(forwarded(None, None), None);
        assert_eq!(forwarded(None, Some(&file)), None);
        assert_eq!(forwarded(None, Some(&From::Pod)), Some(7444));
        assert_eq!(forwarded(Some(9), Some(&file)), Some(9));
    }
}
