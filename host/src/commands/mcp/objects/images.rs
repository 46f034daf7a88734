//! The gadgets of objects: those that the server offers, or fetched for the object; in either case resolved, verified under
//! the operator's policy, and let in by the guard where there is one.

use std::sync::Arc;

use anyhow::Result;
use gadgetry_run::catalog::Catalog;
use gadgetry_run::gadget::Gadget;
use gadgetry_run::node::Node;
use gadgetry_run::supply::Supply;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::commands::mcp::gate::Gate;
use crate::commands::mcp::reload::{admitted, register};

/// Where they come from.
pub(in crate::commands::mcp) struct Images {
    catalog: Arc<Catalog>,
    supply: Arc<Supply>,
    node: Arc<Node>,
    gate: Option<Arc<Gate>>,
    /// One at a time, so that many objects of one image fetch it once.
    fetching: Mutex<()>,
}

impl Images {
    pub(in crate::commands::mcp) fn new(
        catalog: Arc<Catalog>,
        supply: Arc<Supply>,
        node: Arc<Node>,
        gate: Option<Arc<Gate>>,
    ) -> Self {
        Self { catalog, supply, node, gate, fetching: Mutex::default() }
    }

    /// The gadget of the image `reference`, ready to be run on nodes.
    pub(super) async fn get(&self, reference: &str) -> Result<Arc<Gadget>> {
        if let Some(gadget) = self.offered(reference) {
            return Ok(gadget);
        }
        let _one = self.fetching.lock().await;
        // A thread of its own, for the way to a registry is no future that may go from thread to thread.
        let (supply, name, runtime) = (self.supply.clone(), reference.to_owned(), Handle::current());
        let image = tokio::task::spawn_blocking(move || runtime.block_on(supply.fetch(&name))).await??;
        admitted(self.gate.as_deref(), register(&self.node, image).await?)
    }

    fn offered(&self, reference: &str) -> Option<Arc<Gadget>> {
        self.catalog.gadgets().iter().find(|it| it.identity.reference == reference).cloned()
    }
}
