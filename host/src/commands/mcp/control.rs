//! The control API of a server in a cluster: for those who come through the cluster's port-forward, and for other servers.

use std::sync::Arc;

use anyhow::{Context, Result};
use gadgetry_control::listen::Listening;
use gadgetry_control::service::{Limits, Offered, Service};
use gadgetry_control::source::{Found, Source};
use gadgetry_control::tls::Role;
use gadgetry_run::catalog::Catalog;
use gadgetry_run::fleet::Fleet;
use gadgetry_run::gadget::Gadget;
use gadgetry_run::runs::{self, Runs};
use tokio_util::sync::CancellationToken;

use super::place::Place;
use crate::cli::mcp::Mcp;
use crate::fleet::identity;

/// Runs of all callers at once.
const RUNS: usize = 256;

/// Serves it, where this is such a server; returns only when that failed.
pub(super) async fn serve(
    flags: &Mcp,
    place: &Place,
    fleet: Arc<Fleet>,
    catalog: Arc<Catalog>,
    cancel: CancellationToken,
) -> Result<()> {
    if !place.is_server() {
        return std::future::pending().await;
    }
    let mut listening = Listening::nowhere().forwarded(flags.control_forwarded_port).await?;
    if let Some(address) = &flags.control_listen {
        let identity =
            identity(&flags.agents.certificates)?.context("--control-listen needs certificates")?;
        listening = listening.tls(address, Arc::new(identity), Role::Server).await?;
    }
    let background = Runs::new(fleet.clone(), runs::Limits::default());
    // Rings are the agents', who see to them.
    let limits = Limits { runs: RUNS, ring_bytes: usize::MAX >> 16 };
    let stop = CancellationToken::new();
    let service = Service::new("", fleet, Arc::new(Offers(catalog)), background, limits, stop);
    listening.serve(Offered(service), cancel).await.context("the control API ended")?;
    std::future::pending().await
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
