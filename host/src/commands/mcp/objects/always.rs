//! An object that always runs: a run on each of its nodes, started when the node comes, and again some time after it failed.
//!
//! A run each, and not one of all nodes: nodes come and go while the others go on, and what is wrong on one shows at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gadgetry_run::runs::Status;
use tokio::task::JoinSet;

use super::World;
use super::nodes::Matching;
use super::plan::Plan;
use super::told::Counts;

/// Runs that are started at once: each waits a moment for what fails early.
const AT_ONCE: usize = 32;
/// The longest wait before a node that failed is tried again.
const PATIENCE: Duration = Duration::from_secs(60);
/// A run that went on for so long has not failed because of what made the ones before it fail.
const STABLE: Duration = Duration::from_secs(60);

/// The runs of an object.
#[derive(Default)]
pub(super) struct Always {
    parts: BTreeMap<String, Part>,
    lost: u64,
}

/// A node's run.
enum Part {
    Going { id: String, since: Instant, tries: u32 },
    Failed { reason: String, tries: u32, again: Instant, was_absent: bool },
}

impl Part {
    fn failed(reason: String, tries: u32) -> Self {
        Self::Failed { reason, tries, again: Instant::now() + pause(tries), was_absent: false }
    }
}

/// How long to wait after the attempt of this number.
pub(super) fn pause(tries: u32) -> Duration {
    Duration::from_secs(1 << tries.min(10)).min(PATIENCE)
}

impl Always {
    /// Makes the runs those of `nodes`. Whether any was started.
    pub(super) async fn step(&mut self, world: &World, object: &str, plan: &Plan, nodes: &Matching) -> bool {
        self.look(world, object);
        world.runs.tidy(object);
        self.leave(world, object, nodes).await;
        self.start(world, object, plan, nodes).await
    }

    /// Notes the runs that have ended.
    fn look(&mut self, world: &World, object: &str) {
        for (node, part) in &mut self.parts {
            let Part::Going { id, since, tries } = part else { continue };
            let (reason, lost) = match world.runs.look(id, object) {
                Ok((run, _)) if run.status == Status::Running => continue,
                Ok((run, report)) => {
                    let at_node = report
                        .and_then(|(summary, _)| summary.by_node.get(node).and_then(|it| it.error.clone()));
                    let reason =
                        at_node.or(run.error).unwrap_or_else(|| "its run ended by itself".to_owned());
                    (reason, run.lost)
                }
                Err(error) => (error.to_string(), 0),
            };
            self.lost += lost;
            let tries = if since.elapsed() > STABLE { 1 } else { *tries + 1 };
            tracing::warn!(object, node, reason, "the run of a Gadget object ended; it is started again");
            *part = Part::failed(reason, tries);
        }
    }

    /// Ends the runs on nodes that it no longer means.
    async fn leave(&mut self, world: &World, object: &str, nodes: &Matching) {
        let left: Vec<String> = self.parts.keys().filter(|node| !nodes.has(node)).cloned().collect();
        for node in left {
            if let Some(Part::Going { id, .. }) = self.parts.remove(&node)
                && let Ok(run) = world.runs.stop(&id, object).await
            {
                self.lost += run.lost;
            }
        }
    }

    /// Starts those that are due. Whether there were any.
    async fn start(&mut self, world: &World, object: &str, plan: &Plan, nodes: &Matching) -> bool {
        for (node, part) in &mut self.parts {
            if let Part::Failed { again, was_absent, .. } = part {
                let absent = nodes.absent.contains_key(node);
                // A node that is back is another one than the one that failed.
                if *was_absent && !absent {
                    *again = Instant::now();
                }
                *was_absent = absent;
            }
        }
        let due = |node: &&String| match self.parts.get(*node) {
            None => true,
            Some(Part::Failed { again, .. }) => *again <= Instant::now(),
            Some(Part::Going { .. }) => false,
        };
        let due: Vec<String> = nodes.ready.iter().filter(due).cloned().collect();
        let any = !due.is_empty();
        let mut starting = JoinSet::new();
        for node in due {
            if starting.len() == AT_ONCE
                && let Some(Ok((node, started))) = starting.join_next().await
            {
                self.started(node, started);
            }
            let (runs, object) = (world.runs.clone(), object.to_owned());
            let (gadget, arguments) = (plan.gadget.clone(), plan.arguments.clone());
            starting.spawn(async move {
                let started = runs.start_for(&object, gadget, arguments, std::slice::from_ref(&node)).await;
                (node, started.map(|run| run.id).map_err(|error| error.to_string()))
            });
        }
        // One that ended by a bug is due again at the next look.
        while let Some(ended) = starting.join_next().await {
            if let Ok((node, started)) = ended {
                self.started(node, started);
            }
        }
        any
    }

    /// Notes how a start went: with a run of this name, or for this reason without.
    fn started(&mut self, node: String, started: Result<String, String>) {
        let tries = match self.parts.get(&node) {
            Some(Part::Failed { tries, .. }) => *tries,
            _ => 0,
        };
        let part = match started {
            Ok(id) => Part::Going { id, since: Instant::now(), tries },
            Err(reason) => Part::failed(reason, tries + 1),
        };
        self.parts.insert(node, part);
    }

    /// How it stands. What goes on at a node that cannot be asked is not known to.
    pub(super) fn counts(&self, world: &World, object: &str, nodes: &Matching) -> Counts {
        let mut counts = Counts { failed: nodes.absent.clone(), lost: self.lost, ..Counts::default() };
        for (node, part) in &self.parts {
            match part {
                Part::Going { id, .. } => {
                    counts.lost += world.runs.look(id, object).map_or(0, |(run, _)| run.lost);
                    counts.running += u32::from(nodes.ready.contains(node));
                }
                Part::Failed { reason, .. } => {
                    counts.failed.entry(node.clone()).or_insert_with(|| reason.clone());
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_have_an_end() {
        let seconds: Vec<u64> = [0, 1, 2, 5, 6, 100].into_iter().map(|it| pause(it).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 32, 60, 60]);
    }
}
