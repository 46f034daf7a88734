//! All runs that one server keeps: those that callers started, and those of Gadget objects. The latter may be read by who may
//! see everything, and are stopped by their objects alone, as one that were stopped here would be started again.

use std::sync::Arc;

use super::{Ask, Page, Run, Runner, Runs, RunsError};
use crate::fleet::Fleet;

/// Who asks for runs, as whoever took the call found out.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The caller: whose runs are asked for.
    pub owner: &'a str,
    /// Whether everything may be seen, and with it the runs of Gadget objects.
    pub all: bool,
}

/// The runs of one server.
pub struct Kept<R = Fleet> {
    runs: Arc<Runs<R>>,
    objects: Option<Arc<Runs<R>>>,
}

impl<R> Clone for Kept<R> {
    fn clone(&self) -> Self {
        Self { runs: self.runs.clone(), objects: self.objects.clone() }
    }
}

impl<R: Runner> Kept<R> {
    /// `runs`, and those of Gadget objects, if such are kept here now and then.
    pub const fn new(runs: Arc<Runs<R>>, objects: Option<Arc<Runs<R>>>) -> Self {
        Self { runs, objects }
    }

    /// Whether there are runs of Gadget objects.
    pub const fn has_objects(&self) -> bool {
        self.objects.is_some()
    }

    /// Those that callers started.
    pub const fn runs(&self) -> &Arc<Runs<R>> {
        &self.runs
    }

    /// Where the run is that `name` names, a name or a cursor, and whose it is there. What is nowhere is answered by the
    /// caller's own.
    fn of<'a>(&'a self, asker: &Asker<'a>, name: &str) -> (&'a Arc<Runs<R>>, String, bool) {
        let objects = self.objects.as_ref().filter(|_| asker.all);
        match objects.and_then(|runs| Some((runs, runs.owner_of(name)?))) {
            Some((runs, object)) => (runs, object, true),
            None => (&self.runs, asker.owner.to_owned(), false),
        }
    }

    /// Background runs, the newest first.
    pub fn list(&self, asker: Asker<'_>) -> Vec<Run> {
        let mut list = self.runs.list(asker.owner);
        list.extend(self.objects.iter().filter(|_| asker.all).flat_map(|it| it.all()));
        list
    }

    /// Rows of a run, as [`Runs::get`].
    ///
    /// # Errors
    /// [`RunsError::Unknown`] of what is not here, or not the asker's.
    pub async fn get(&self, asker: Asker<'_>, ask: Ask<'_>) -> Result<Page, RunsError> {
        let (runs, owner, _) = self.of(&asker, ask.cursor.or(ask.id).unwrap_or_default());
        runs.get(ask, &owner).await
    }

    /// Stops a run, as [`Runs::stop`].
    ///
    /// # Errors
    /// [`RunsError::Unknown`] of what is not here, or not the asker's; [`RunsError::Object`] of an object's.
    pub async fn stop(&self, asker: Asker<'_>, id: &str) -> Result<Run, RunsError> {
        match self.of(&asker, id) {
            (_, object, true) => Err(RunsError::Object { id: id.to_owned(), object }),
            (runs, owner, false) => runs.stop(id, &owner).await,
        }
    }
}
