//! Runs that outlive the call that started them, and rows that did not fit into an answer.
//!
//! Both are the same thing: rows kept for a while for one caller. A background run is started, looked at now and then
//! and stopped; its rows are kept in memory up to a bound, the oldest dropped and counted. What a foreground answer
//! had no room for is kept the same way, and its cursor is a place in it.
//!
//! A run's name cannot be guessed and is bound to its owner: asked by another caller, it does not exist. Numbers,
//! bytes and time are bounded, for one caller and for all. Runs end when they are stopped, at the end of their time,
//! and with the server. [`Runs::of_objects`] are those that nobody called for.

mod buffer;
mod entry;
mod fit;
mod id;
mod kept;
mod objects;
mod others;
mod page;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gadget_registry::descriptor::Kind;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fleet::{Fleet, Report, RunError, Sink};
use crate::gadget::Gadget;
use crate::request::{Allowed, Request};
use buffer::{Buffer, Shared};
use entry::{Entry, Keep};
pub use fit::{DEFAULT_BUDGET, Fitted};
pub use kept::{Asker, Kept};
pub use others::{Answering, Listed, Others};
pub use page::{Ask, Page, Run, Status};

/// How long a start waits for the run to fail: what is wrong with a call shows at once as a rule.
const EARLY: Duration = Duration::from_millis(250);
/// How long stopping waits for the programs to be detached.
const DETACH: Duration = Duration::from_secs(3);
/// The longest wait for new rows.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// What runs may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a run may last, and how long its rows are kept after its end.
    pub time_to_live: Duration,
    /// Background runs going on at once for one caller, and for all.
    pub running: (usize, usize),
    /// Ended runs and answers kept for one caller; the oldest goes.
    pub kept: usize,
    /// Bytes of rows of one run, and of all.
    pub bytes: (usize, usize),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time_to_live: Duration::from_secs(3600),
            running: (8, 32),
            kept: 32,
            bytes: (8 << 20, 64 << 20),
        }
    }
}

/// Runs gadgets: the fleet, or what stands in for it in a test.
pub trait Runner: Send + Sync + 'static {
    /// As [`Fleet::request`], for any of the gadget's tools.
    fn request(&self, gadget: &Gadget, arguments: Map<String, Value>) -> Result<Request, RunError>;

    /// As [`Fleet::run`].
    fn run(
        &self,
        gadget: Arc<Gadget>,
        request: Request,
        sink: Box<dyn Sink>,
        cancel: CancellationToken,
    ) -> impl Future<Output = Result<Report, RunError>> + Send;
}

impl Runner for Fleet {
    fn request(&self, gadget: &Gadget, arguments: Map<String, Value>) -> Result<Request, RunError> {
        Self::request(self, gadget, arguments)
    }

    async fn run(
        &self,
        gadget: Arc<Gadget>,
        request: Request,
        sink: Box<dyn Sink>,
        cancel: CancellationToken,
    ) -> Result<Report, RunError> {
        Self::run(self, gadget, request, sink, cancel).await
    }
}

/// Why nothing could be done with a run; the message is for the caller.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// No run of this caller has this name.
    #[error(
        "there is no run `{0}`: it was never started by you, or its time is over; list_runs names those there are"
    )]
    Unknown(String),
    /// A cursor that no answer gave.
    #[error("`{0}` is not a cursor: pass one exactly as an answer gave it")]
    Cursor(String),
    /// The caller, or all callers together, run as many as they may.
    #[error(
        "{going} background runs are going on {whose}, which is all there may be: stop one first (stop_run)"
    )]
    TooMany {
        /// How many.
        going: usize,
        /// `of yours`, or `on this server`.
        whose: &'static str,
    },
    /// Tools answer at once.
    #[error("`{0}` answers at once and has no background runs: call it directly")]
    NotARun(String),
    /// The server is stopping, or has no source of randomness.
    #[error("no run can be started: {0}")]
    Closed(String),
    /// A run that is an object's is not stopped.
    #[error(
        "the run {id} is kept going by the Gadget object {object} and would be started again: suspend the object \
         (kubectl patch gadget {object} --type merge -p '{{\"spec\":{{\"suspend\":true}}}}') or delete it"
    )]
    Object {
        /// The run.
        id: String,
        /// The object.
        object: String,
    },
    /// No server that answered has it.
    #[error(
        "no run `{id}` is on any server that answers; ask again, as one that may keep it does not: {servers}"
    )]
    Unreached {
        /// The run.
        id: String,
        /// Those that did not answer, and why.
        servers: String,
    },
    /// What another server said.
    #[error("{0}")]
    Said(String),
    /// What the run itself said.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// All runs of a server.
pub struct Runs<R = Fleet> {
    runner: Arc<R>,
    limits: Limits,
    entries: Arc<Mutex<HashMap<String, Arc<Entry>>>>,
    bytes: Shared,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Whether the owners are Gadget objects.
    objects: bool,
}

impl<R: Runner> Runs<R> {
    /// No runs yet.
    pub fn new(runner: Arc<R>, limits: Limits) -> Arc<Self> {
        Self::owned(runner, limits, false)
    }

    fn owned(runner: Arc<R>, limits: Limits, objects: bool) -> Arc<Self> {
        Arc::new(Self {
            runner,
            limits,
            entries: Arc::default(),
            bytes: Shared::new(limits.bytes.1),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            objects,
        })
    }

    /// Starts a run of `gadget`, a stream or snapshot, in the background. It goes on for the duration it was given, or
    /// until it is stopped or its time to live is over; without `max_rows` every row is kept as far as there is room.
    pub async fn start(
        &self,
        gadget: Arc<Gadget>,
        arguments: Map<String, Value>,
        allowed: Allowed,
        owner: &str,
    ) -> Result<Run, RunsError> {
        self.start_on(gadget, arguments, &[], allowed, owner).await
    }

    /// The same on these nodes, or on those that the arguments name if there are none.
    async fn start_on(
        &self,
        gadget: Arc<Gadget>,
        mut arguments: Map<String, Value>,
        nodes: &[String],
        allowed: Allowed,
        owner: &str,
    ) -> Result<Run, RunsError> {
        if gadget.descriptor.kind == Kind::Tool {
            return Err(RunsError::NotARun(gadget.descriptor.name.clone()));
        }
        if self.stop.is_cancelled() {
            return Err(RunsError::Closed("the server is stopping".into()));
        }
        let endless = !arguments.contains_key("duration");
        let unlimited = !arguments.contains_key("max_rows");
        let mut request = self.runner.request(&gadget, arguments.clone())?;
        request.allowed = allowed;
        if endless && gadget.descriptor.kind == Kind::Stream {
            request.duration = None;
        }
        // Rows that wait for the end of the run are not bounded by the buffer, so they keep their limit.
        if unlimited && !request.query.at_end() {
            request.max_rows = None;
        }
        if !nodes.is_empty() {
            request.nodes = nodes.to_vec();
            arguments.insert("node".into(), nodes.into());
        }
        let entry = self.admit(&gadget, arguments, owner)?;
        self.tasks.spawn(self.clone_for_task().follow(entry.clone(), gadget, request));
        if timeout(EARLY, entry.ended()).await.is_ok()
            && let Some(error) = entry.failure()
        {
            self.lock().remove(&entry.id);
            return Err(error.into());
        }
        Ok(entry.run())
    }

    /// A new entry, if the caller may have one.
    fn admit(
        &self,
        gadget: &Gadget,
        arguments: Map<String, Value>,
        owner: &str,
    ) -> Result<Arc<Entry>, RunsError> {
        let id = id::fresh().map_err(|error| RunsError::Closed(error.to_string()))?;
        let buffer = Buffer::new(self.limits.bytes.0, self.bytes.clone());
        let cancel = self.stop.child_token();
        let mut entry = Entry::started(id, owner, gadget, arguments, buffer, cancel);
        entry.object = self.objects;
        let entry = Arc::new(entry);
        // Counted and added under one lock, so that no two callers take the last place.
        let mut entries = self.lock();
        let going =
            |mine: bool| entries.values().filter(|it| it.going() && (!mine || it.owner == owner)).count();
        let (one, all) = self.limits.running;
        if going(true) >= one {
            return Err(RunsError::TooMany { going: going(true), whose: "of yours" });
        }
        if going(false) >= all {
            return Err(RunsError::TooMany { going: going(false), whose: "on this server" });
        }
        entries.insert(entry.id.clone(), entry.clone());
        make_room(&mut entries, owner, self.limits.kept);
        Ok(entry)
    }

    fn clone_for_task(&self) -> Follower<R> {
        Follower {
            runner: self.runner.clone(),
            entries: self.entries.clone(),
            limits: self.limits,
            stop: self.stop.clone(),
        }
    }

    /// Keeps rows of an ended run for `owner`; the name they are kept by.
    fn keep(&self, entry: Entry) -> Arc<Entry> {
        let entry = Arc::new(entry);
        let mut entries = self.lock();
        entries.insert(entry.id.clone(), entry.clone());
        make_room(&mut entries, &entry.owner, self.limits.kept);
        drop(entries);
        let follower = self.clone_for_task();
        let (id, changes) = (entry.id.clone(), entry.changes());
        self.tasks.spawn(async move { follower.expire(id, changes).await });
        entry
    }

    /// The caller's background runs, the newest first.
    pub fn list(&self, owner: &str) -> Vec<Run> {
        let entries = self.lock();
        let mut mine: Vec<&Arc<Entry>> =
            entries.values().filter(|it| it.owner == owner && it.keep == Keep::Run).collect();
        mine.sort_by_key(|it| std::cmp::Reverse(it.started));
        mine.iter().map(|it| it.run()).collect()
    }

    /// Rows of a run from a place on. Where there are none yet, waits for some as long as the caller wants.
    pub async fn get(&self, ask: Ask<'_>, owner: &str) -> Result<Page, RunsError> {
        let (id, from) = match (ask.cursor, ask.id) {
            (Some(cursor), id) => {
                let (named, row) = id::parse(cursor).ok_or_else(|| RunsError::Cursor(cursor.to_owned()))?;
                if id.is_some_and(|id| id != named) {
                    return Err(RunsError::Cursor(cursor.to_owned()));
                }
                (named, row)
            }
            (None, Some(id)) => (id, 0),
            (None, None) => return Err(RunsError::Unknown(String::new())),
        };
        let entry = self.find(id, owner)?;
        // Elapsed is an answer too: no new rows.
        let _ = timeout(ask.wait.min(MAX_WAIT), entry.rows_beyond(from)).await;
        Ok(entry.page(from, &ask))
    }

    /// How long a run may last, and how long its rows are kept after its end.
    pub const fn time_to_live(&self) -> Duration {
        self.limits.time_to_live
    }

    /// Stops a run. Its programs are detached when this returns; its rows stay.
    pub async fn stop(&self, id: &str, owner: &str) -> Result<Run, RunsError> {
        let entry = self.find(id, owner)?;
        entry.cancel.cancel();
        if timeout(DETACH, entry.ended()).await.is_err() {
            tracing::warn!(id, "a run did not end in time after it was stopped");
        }
        Ok(entry.run())
    }

    /// Ends all runs, and waits until they have detached, within reason. Nothing can be started after.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(DETACH, self.tasks.wait()).await.is_err() {
            tracing::warn!(runs = self.tasks.len(), "some background runs did not end in time");
        }
    }

    fn find(&self, id: &str, owner: &str) -> Result<Arc<Entry>, RunsError> {
        let entry = self.lock().get(id).filter(|it| it.owner == owner).cloned();
        entry.ok_or_else(|| RunsError::Unknown(id.chars().take(64).collect()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the caller's oldest ended entries away until no more than `kept` are left.
fn make_room(entries: &mut HashMap<String, Arc<Entry>>, owner: &str, kept: usize) {
    loop {
        let ended = entries.values().filter(|it| it.owner == owner && !it.going());
        let (count, oldest) = (ended.clone().count(), ended.min_by_key(|it| it.started));
        match oldest.map(|it| it.id.clone()) {
            Some(id) if count > kept => entries.remove(&id),
            _ => return,
        };
    }
}

/// What a run's own task holds.
struct Follower<R> {
    runner: Arc<R>,
    entries: Arc<Mutex<HashMap<String, Arc<Entry>>>>,
    limits: Limits,
    stop: CancellationToken,
}

impl<R: Runner> Follower<R> {
    /// Runs it to its end, and forgets it when its time is over.
    async fn follow(self, entry: Arc<Entry>, gadget: Arc<Gadget>, request: Request) {
        let run = self.runner.run(gadget, request, entry.sink(), entry.cancel.clone());
        tokio::pin!(run);
        let report = tokio::select! {
            report = &mut run => report,
            () = tokio::time::sleep(self.limits.time_to_live) => {
                entry.expired();
                run.await
            }
        };
        entry.end(report);
        let (id, changes) = (entry.id.clone(), entry.changes());
        drop(entry);
        self.expire(id, changes).await;
    }

    /// Forgets an ended entry when its time is over. It holds nothing of the entry, which may be forgotten sooner for want
    /// of room: `changes` then end.
    async fn expire(&self, id: String, mut changes: watch::Receiver<()>) {
        let gone = async { while changes.changed().await.is_ok() {} };
        tokio::select! {
            () = tokio::time::sleep(self.limits.time_to_live) => {}
            () = self.stop.cancelled() => {}
            () = gone => return,
        }
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

#[cfg(test)]
mod tests;
