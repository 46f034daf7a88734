//! Runs that nobody called for: those that a cluster's Gadget objects keep going. The owner is the object, by its name;
//! who may read them is for the front to say.
//!
//! They have no time to live, and of those that have ended an object keeps a few. Each goes on nodes that whoever keeps
//! it has chosen: as many as there are, where a call may name no more than a list of arguments holds.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::timeout;

use super::entry::Keep;
use super::{DETACH, Limits, Run, Runner, Runs, RunsError, id, make_room};
use crate::answer::{Loss, Summary};
use crate::gadget::Gadget;
use crate::request::Request;

/// Runs going on at once: each takes a thread of the server.
const GOING: usize = 1024;
/// Ended runs kept of one object.
const KEPT: usize = 8;

impl<R: Runner> Runs<R> {
    /// No runs yet, and all that will be are Gadget objects'. `bytes`: of rows of one run, and of all.
    pub fn of_objects(runner: Arc<R>, bytes: (usize, usize)) -> Arc<Self> {
        let limits = Limits { time_to_live: Duration::MAX, running: (GOING, GOING), kept: usize::MAX, bytes };
        Self::owned(runner, limits, true)
    }

    /// As [`Self::start`], of everything that there is to be seen on `nodes`; on all, if none is named.
    pub async fn start_for(
        &self,
        object: &str,
        gadget: Arc<Gadget>,
        arguments: Map<String, Value>,
        nodes: &[String],
    ) -> Result<Run, RunsError> {
        self.start_on(gadget, arguments, nodes, None, object).await
    }

    /// Checks arguments, as a start does.
    pub fn check(&self, gadget: &Gadget, arguments: Map<String, Value>) -> Result<Request, RunsError> {
        Ok(self.runner.request(gadget, arguments)?)
    }

    /// All runs of all owners, the newest first.
    pub fn all(&self) -> Vec<Run> {
        let entries = self.lock();
        let mut all: Vec<_> = entries.values().filter(|it| it.keep == Keep::Run).collect();
        all.sort_by_key(|it| std::cmp::Reverse(it.started));
        all.iter().map(|it| it.run()).collect()
    }

    /// Whose the run is that `name` names: its own name, or a cursor.
    pub fn owner_of(&self, name: &str) -> Option<String> {
        let id = id::parse(name).map_or(name, |(id, _)| id);
        self.lock().get(id).map(|it| it.owner.clone())
    }

    /// A run, and what it was when it ended.
    pub fn look(&self, id: &str, owner: &str) -> Result<(Run, Option<(Summary, Loss)>), RunsError> {
        let entry = self.find(id, owner)?;
        Ok((entry.run(), entry.report()))
    }

    /// Forgets all but the newest ended runs of an object. Not done by itself, so that whoever keeps the object has seen how
    /// each ended.
    pub fn tidy(&self, object: &str) {
        make_room(&mut self.lock(), object, KEPT);
    }

    /// Ends all runs of an owner and forgets them, with all others that it had. Their programs are detached when this
    /// returns, within reason.
    pub async fn end(&self, owner: &str) {
        let all: Vec<_> = self.lock().values().filter(|it| it.owner == owner).cloned().collect();
        all.iter().for_each(|it| it.cancel.cancel());
        let ended = async {
            for entry in &all {
                entry.ended().await;
            }
        };
        if timeout(DETACH, ended).await.is_err() {
            tracing::warn!(owner, "runs did not end in time after they were stopped");
        }
        self.lock().retain(|_, it| it.owner != owner);
    }
}
