//! The Gadget objects of a cluster, kept running on its nodes without anybody calling.
//!
//! Of several servers the one that holds a Lease does so. Each object has a task of its own, so that one that waits for a
//! registry, or fails, holds up no other. Nothing is remembered but what stands in the objects: a server that starts, or
//! takes over, starts all runs anew.

mod always;
mod images;
mod nodes;
mod object;
mod plan;
mod told;
mod turns;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use gadgetry_cluster::agents::AgentWatch;
use gadgetry_cluster::connection::Connection;
use gadgetry_cluster::lease::{Holder, Lease, TO_END};
use gadgetry_cluster::names::OBJECTS_LEASE;
use gadgetry_cluster::objects::{Object, ObjectWatch, Objects};
use gadgetry_run::fleet::Fleet;
use gadgetry_run::runs::Runs;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(super) use self::images::Images;
use self::object::keep;

/// How often it is looked whether the task of an object has ended by a bug.
const LOOK: Duration = Duration::from_secs(5);

/// What all objects share.
struct World {
    connection: Connection,
    runs: Arc<Runs>,
    fleet: Arc<Fleet>,
    agents: AgentWatch,
    images: Images,
}

/// Keeps the objects.
pub(super) struct Keeper {
    world: Arc<World>,
    host: String,
    note: watch::Sender<Option<String>>,
    lease: Option<Lease>,
    tasks: TaskTracker,
    /// Ends the tasks there are.
    stop: CancellationToken,
}

/// The task of one object, and where it is told what is wanted of it.
struct Task {
    object: watch::Sender<Option<Arc<Object>>>,
    handle: JoinHandle<()>,
}

impl Keeper {
    /// Nothing is kept yet. `host`: by which name others know this server; `bytes`: of rows of one run, and of all.
    pub(super) fn new(
        connection: &Connection,
        host: &str,
        fleet: Arc<Fleet>,
        agents: AgentWatch,
        images: Images,
        bytes: (usize, usize),
    ) -> Self {
        let runs = Runs::of_objects(fleet.clone(), bytes);
        let world = World { connection: connection.clone(), runs, fleet, agents, images };
        Self {
            world: Arc::new(world),
            host: host.to_owned(),
            note: watch::Sender::new(None),
            lease: None,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// The runs, for whoever may read them, and what is to be said while no server keeps any.
    pub(super) fn runs(&self) -> (Arc<Runs>, watch::Receiver<Option<String>>) {
        (self.world.runs.clone(), self.note.subscribe())
    }

    /// Keeps the objects for as long as it is polled and holds the lease.
    pub(super) async fn keep(&mut self) -> Infallible {
        let Connection { once: client, namespace, .. } = self.world.connection.clone();
        let lease = Lease::claim(client.clone(), &namespace, OBJECTS_LEASE, &self.host);
        let lease = self.lease.insert(lease);
        let mut holder = lease.holder();
        let watch = ObjectWatch::start(client);
        let mut objects = watch.subscribe();
        loop {
            let now = holder.borrow_and_update().clone();
            let any = !objects.borrow_and_update().all.is_empty();
            self.note.send_replace(note(&now, any));
            if now == Holder::Me {
                self.hold(&mut holder, &mut objects).await;
                self.end().await;
                continue;
            }
            tokio::select! {
                changed = holder.changed() => if changed.is_err() { std::future::pending().await },
                changed = objects.changed() => if changed.is_err() { std::future::pending().await },
            }
        }
    }

    /// Keeps a task for each object, until the lease is another's.
    async fn hold(&self, holder: &mut watch::Receiver<Holder>, objects: &mut watch::Receiver<Arc<Objects>>) {
        let mut tasks = BTreeMap::<String, Task>::new();
        loop {
            let now = objects.borrow_and_update().clone();
            if now.complete {
                self.assign(&mut tasks, &now);
            }
            tokio::select! {
                changed = objects.changed() => if changed.is_err() { return },
                changed = holder.changed() => {
                    if changed.is_err() || *holder.borrow_and_update() != Holder::Me {
                        return;
                    }
                }
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Tells each task what is wanted of it now.
    fn assign(&self, tasks: &mut BTreeMap<String, Task>, now: &Objects) {
        // One whose object was deleted has ended when all of its runs have.
        tasks.retain(|_, task| !task.handle.is_finished());
        for (_, task) in tasks.iter().filter(|(name, _)| !now.all.contains_key(*name)) {
            task.object.send_if_modified(|it| it.take().is_some());
        }
        for (name, object) in &now.all {
            if let Some(task) = tasks.get(name) {
                task.object.send_if_modified(|it| {
                    let other = it.as_ref() != Some(object);
                    *it = Some(object.clone());
                    other
                });
                continue;
            }
            let (sender, wanted) = watch::channel(Some(object.clone()));
            let kept = keep(self.world.clone(), name.clone(), wanted, self.stop.clone());
            tasks.insert(name.clone(), Task { object: sender, handle: self.tasks.spawn(kept) });
        }
    }

    /// Ends all runs, for another server may start them.
    async fn end(&mut self) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(TO_END, self.tasks.wait()).await.is_err() {
            tracing::warn!(objects = self.tasks.len(), "the runs of some Gadget objects did not end in time");
        }
        self.tasks.reopen();
        self.stop = CancellationToken::new();
    }

    /// Ends all runs, and lets the next server begin.
    pub(super) async fn close(mut self) {
        self.end().await;
        self.world.runs.shutdown().await;
        if let Some(lease) = self.lease.take() {
            lease.release().await;
        }
    }
}

/// What is to be said of the objects' runs while there are none.
fn note(holder: &Holder, any: bool) -> Option<String> {
    let nobody = any && *holder == Holder::Nobody;
    nobody.then(|| "no server has begun to keep the Gadget objects running".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_objects_wait_for_a_server_is_said() {
        assert!(note(&Holder::Nobody, true).is_some());
        for (holder, any) in [
            (Holder::Nobody, false),
            (Holder::Me, true),
            (Holder::Other("gadgetry-server-5f_1_0".into()), true),
        ] {
            assert_eq!(note(&holder, any), None, "{holder:?}");
        }
    }
}
