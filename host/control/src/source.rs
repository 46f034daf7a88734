//! Where the gadgets come from that are run over the API. Whoever runs one has fetched and verified it itself: that
//! somebody else asks for it is no reason to trust it.

use std::sync::Arc;

use gadgetry_run::gadget::Gadget;

/// A gadget, and what the caller should know of it.
pub struct Found {
    /// It, ready to run.
    pub gadget: Arc<Gadget>,
    /// Why it is not the very image that was asked for, when it is not.
    pub note: Option<String>,
}

/// Has gadgets, or fetches them.
pub trait Source: Send + Sync + 'static {
    /// The image `reference`, which whoever asks has resolved to `digest`; an error for the caller.
    fn find(&self, reference: &str, digest: &str) -> impl Future<Output = Result<Found, String>> + Send;

    /// Gadgets that can run at once.
    fn gadgets(&self) -> Vec<Arc<Gadget>>;
}
