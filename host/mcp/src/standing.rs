//! Runs that nobody called for, which a cluster's Gadget objects keep going. Whoever may see everything may read them; they
//! are stopped by their objects alone, as one that were stopped here would be started again.

use std::sync::Arc;

use gadgetry_run::runs::{Run, Runner, Runs};
use tokio::sync::watch;

/// Those runs, as far as they are this server's.
pub struct Standing<R> {
    runs: Arc<Runs<R>>,
    elsewhere: watch::Receiver<Option<String>>,
}

impl<R: Runner> Standing<R> {
    /// The runs that are kept here. `elsewhere`: what is to be said of those that are not, while it is another server that
    /// keeps them.
    pub const fn new(runs: Arc<Runs<R>>, elsewhere: watch::Receiver<Option<String>>) -> Self {
        Self { runs, elsewhere }
    }

    pub(crate) const fn runs(&self) -> &Arc<Runs<R>> {
        &self.runs
    }

    /// All of them.
    pub(crate) fn list(&self) -> Vec<Run> {
        self.runs.all()
    }

    /// Whose the run or the cursor `name` is.
    pub(crate) fn owner_of(&self, name: &str) -> Option<String> {
        self.runs.owner_of(name)
    }

    /// Where others are.
    pub(crate) fn elsewhere(&self) -> Option<String> {
        self.elsewhere.borrow().clone()
    }
}

/// Why a run of the object `object` is not stopped.
pub(crate) fn stays(id: &str, object: &str) -> String {
    format!(
        "the run {id} is kept going by the Gadget object {object} and would be started again: suspend the object (kubectl \
         patch gadget {object} --type merge -p '{{\"spec\":{{\"suspend\":true}}}}') or delete it"
    )
}
