//! Where runs are asked for: here, and, where several servers stand behind one address, of the others too. Which of them a
//! request reaches is chance, and no caller's business.

use std::collections::HashSet;
use std::sync::Arc;

use gadgetry_run::runs::{Ask, Asker, Kept, Listed, Others, Page, Run, Runner, Runs, RunsError};
use tokio::sync::watch;

/// Runs that are not this server's callers'.
pub struct Beyond<R> {
    /// Those of Gadget objects, as far as this server keeps them.
    pub objects: Option<Arc<Runs<R>>>,
    /// What is to be said of those that no server keeps.
    pub note: Option<watch::Receiver<Option<String>>>,
    /// The other servers.
    pub others: Option<Arc<dyn Others>>,
}

impl<R> Default for Beyond<R> {
    fn default() -> Self {
        Self { objects: None, note: None, others: None }
    }
}

/// All runs that may be asked for.
pub(crate) struct Desk<R> {
    kept: Kept<R>,
    note: Option<watch::Receiver<Option<String>>>,
    others: Option<Arc<dyn Others>>,
}

impl<R: Runner> Desk<R> {
    pub(crate) fn new(runs: Arc<Runs<R>>, beyond: Beyond<R>) -> Self {
        let Beyond { objects, note, others } = beyond;
        Self { kept: Kept::new(runs, objects), note, others }
    }

    /// Those that are kept here.
    pub(crate) const fn kept(&self) -> &Kept<R> {
        &self.kept
    }

    /// Whether runs of Gadget objects may be among them.
    pub(crate) const fn has_objects(&self) -> bool {
        self.kept.has_objects()
    }

    /// Whether the answer may depend on what else the caller may see: not of a run that is the caller's own, and here.
    pub(crate) fn is_beyond(&self, owner: &str, name: Option<&str>) -> bool {
        let own = name.is_some_and(|name| self.kept.runs().owner_of(name).as_deref() == Some(owner));
        !own && (self.kept.has_objects() || self.others.is_some())
    }

    /// All background runs, the newest of each server first, and notes on those that can't be told of.
    pub(crate) async fn list(&self, asker: Asker<'_>) -> Listed {
        let mut listed = Listed { runs: self.kept.list(asker), notes: Vec::new() };
        if let Some(others) = &self.others {
            let more = others.list(asker).await;
            let known: HashSet<_> = listed.runs.iter().map(|it| it.id.clone()).collect();
            listed.runs.extend(more.runs.into_iter().filter(|it| !known.contains(&it.id)));
            listed.notes = more.notes;
        }
        if asker.all {
            listed.notes.extend(self.note.as_ref().and_then(|it| it.borrow().clone()));
        }
        listed
    }

    /// Rows of a run.
    pub(crate) async fn get(&self, asker: Asker<'_>, ask: Ask<'_>) -> Result<Page, RunsError> {
        match (self.kept.get(asker, ask).await, &self.others) {
            (Err(RunsError::Unknown(_)), Some(others)) => others.get(asker, ask).await,
            (got, _) => got,
        }
    }

    /// Stops a run.
    pub(crate) async fn stop(&self, asker: Asker<'_>, id: &str) -> Result<Run, RunsError> {
        match (self.kept.stop(asker, id).await, &self.others) {
            (Err(RunsError::Unknown(_)), Some(others)) => others.stop(asker, id).await,
            (stopped, _) => stopped,
        }
    }
}
