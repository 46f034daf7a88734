//! What the MCP front needs of what lies below: calls, and a few names. The fleet is the product's implementation; tests and the
//! protocol's conformance fixtures stand in their own, so that the handler they exercise is the one that ships.

use std::sync::Arc;

use gadgetry_run::fleet::{Called, Fleet, OnProgress, RunError};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::request::Allowed;
use gadgetry_run::runs::Runner;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

/// Calls one tool of a gadget, or runs a gadget in the background.
pub trait Caller: Runner {
    /// As [`Fleet::call`]: `tool` is the index among the gadget's tools; cancelling detaches its programs at once.
    fn call(
        &self,
        gadget: Arc<Gadget>,
        tool: usize,
        arguments: Map<String, Value>,
        allowed: Allowed,
        cancel: CancellationToken,
        progress: Option<OnProgress>,
    ) -> impl Future<Output = Result<Called, RunError>> + Send;

    /// As [`Fleet::containers`]: names of the containers that run, for completion. Must not wait.
    fn containers(&self) -> Vec<String>;
}

impl Caller for Fleet {
    async fn call(
        &self,
        gadget: Arc<Gadget>,
        tool: usize,
        arguments: Map<String, Value>,
        allowed: Allowed,
        cancel: CancellationToken,
        progress: Option<OnProgress>,
    ) -> Result<Called, RunError> {
        Fleet::call(self, gadget, tool, arguments, allowed, cancel, progress).await
    }

    fn containers(&self) -> Vec<String> {
        Fleet::containers(self)
    }
}
