//! An object that runs in turns: one run of all its nodes at a time, each with an end, one after another or at the times of a
//! schedule. Rows of the nodes come in one order, or merged.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use gadgetry_run::answer::{Loss, Summary};
use gadgetry_run::runs::{Run, Status};

use super::World;
use super::always::pause;
use super::nodes::Matching;
use super::plan::{Plan, Rule};
use super::told::Counts;

/// The turns of an object.
#[derive(Default)]
pub(super) struct Turns {
    going: Option<Turn>,
    /// The next time of the schedule.
    next: Option<SystemTime>,
    /// Without a schedule: not before.
    not_before: Option<Instant>,
    tries: u32,
    /// Nodes that failed in the last turn, and how many did not.
    failed: BTreeMap<String, String>,
    ran: u32,
    lost: u64,
    left_out: u64,
}

/// A turn that goes on.
struct Turn {
    id: String,
    nodes: Vec<String>,
}

impl Turns {
    /// Starts a turn if it is time for one. Whether it was.
    pub(super) async fn step(&mut self, world: &World, object: &str, plan: &Plan, nodes: &Matching) -> bool {
        self.look(world, object);
        world.runs.tidy(object);
        if !self.is_due(object, &plan.rule) {
            return false;
        }
        let ready: Vec<String> = nodes.ready.iter().cloned().collect();
        if ready.is_empty() {
            (self.failed, self.ran) = (BTreeMap::new(), 0);
            return false;
        }
        let started = world.runs.start_for(object, plan.gadget.clone(), plan.arguments.clone(), &ready).await;
        match started {
            Ok(run) => {
                self.going = Some(Turn { id: run.id, nodes: ready });
                true
            }
            Err(error) => {
                self.ended(object, &ready, Some(error.to_string()), None);
                false
            }
        }
    }

    fn is_due(&mut self, object: &str, rule: &Rule) -> bool {
        let Rule::At(schedule) = rule else {
            return self.going.is_none() && self.not_before.is_none_or(|it| it <= Instant::now());
        };
        let now = SystemTime::now();
        let Some(next) = self.next else {
            self.next = schedule.next(now);
            return false;
        };
        if next > now {
            return false;
        }
        self.next = schedule.next(now);
        if self.going.is_some() {
            self.left_out += 1;
            tracing::warn!(object, "a turn of a Gadget object is left out: the one before still goes on");
            return false;
        }
        true
    }

    /// Notes the end of the turn.
    fn look(&mut self, world: &World, object: &str) {
        let Some(Turn { id, nodes }) = &self.going else { return };
        let (error, report) = match world.runs.look(id, object) {
            Ok((Run { status: Status::Running, .. }, _)) => return,
            Ok((run, report)) => {
                self.lost += run.lost;
                (run.error, report)
            }
            Err(error) => (Some(error.to_string()), None),
        };
        let nodes = nodes.clone();
        self.going = None;
        self.ended(object, &nodes, error, report);
    }

    /// A turn on `nodes` has ended, with this report or for this reason.
    fn ended(
        &mut self,
        object: &str,
        nodes: &[String],
        error: Option<String>,
        report: Option<(Summary, Loss)>,
    ) {
        self.failed = match (error, report) {
            (Some(error), _) => nodes.iter().map(|node| (node.clone(), error.clone())).collect(),
            (None, Some((summary, _))) => {
                summary.by_node.into_iter().filter_map(|(node, it)| Some((node, it.error?))).collect()
            }
            (None, None) => BTreeMap::new(),
        };
        let failed = nodes.iter().filter(|it| self.failed.contains_key(*it)).count();
        self.ran = u32::try_from(nodes.len() - failed).unwrap_or(u32::MAX);
        if let Some((node, reason)) = self.failed.iter().next() {
            tracing::warn!(object, failed, node, reason, "a turn of a Gadget object failed on some nodes");
        }
        self.tries = if self.ran == 0 { self.tries + 1 } else { 0 };
        self.not_before = (self.tries > 0).then(|| Instant::now() + pause(self.tries));
    }

    /// How it stands. Between turns that follow one another, as in the last one.
    pub(super) fn counts(&self, world: &World, object: &str, rule: &Rule, nodes: &Matching) -> Counts {
        let mut counts = Counts {
            failed: nodes.absent.clone(),
            lost: self.lost,
            next: self.next,
            left_out: self.left_out,
            ..Counts::default()
        };
        for (node, reason) in self.failed.iter().filter(|(node, _)| nodes.ready.contains(*node)) {
            counts.failed.insert(node.clone(), reason.clone());
        }
        match (&self.going, rule) {
            (Some(turn), _) => {
                counts.lost += world.runs.look(&turn.id, object).map_or(0, |(run, _)| run.lost);
                let failed = &counts.failed;
                let running = turn.nodes.iter().filter(|it| nodes.ready.contains(*it));
                let running = running.filter(|it| matches!(rule, Rule::At(_)) || !failed.contains_key(*it));
                counts.running = u32::try_from(running.count()).unwrap_or(u32::MAX);
            }
            (None, Rule::At(_)) => {}
            (None, _) => counts.running = self.ran,
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gadgetry_cluster::objects::Schedule;
    use gadgetry_run::answer::NodeCounts;

    use super::*;

    #[test]
    fn turns_of_a_schedule_come_at_its_times_and_one_at_a_time() {
        let rule = Rule::At(Schedule::parse("* * * * *").unwrap());
        let mut turns = Turns::default();
        assert!(!turns.is_due("o", &rule), "not at once, but at the next time");
        let next = turns.next.unwrap();
        assert!(next > SystemTime::now() && next < SystemTime::now() + Duration::from_secs(61));
        assert!(!turns.is_due("o", &rule));
        turns.next = Some(SystemTime::now() - Duration::from_secs(200));
        assert!(turns.is_due("o", &rule), "once, however many were missed");
        assert!(!turns.is_due("o", &rule));
        turns.going = Some(Turn { id: "x".into(), nodes: vec![] });
        turns.next = Some(SystemTime::now());
        assert!(!turns.is_due("o", &rule));
        assert_eq!(turns.left_out, 1);
    }

    #[test]
    fn a_turn_that_failed_everywhere_is_followed_later() {
        let mut turns = Turns::default();
        assert!(turns.is_due("o", &Rule::InTurns));
        let nodes = ["a".to_owned(), "b".to_owned()];
        turns.ended("o", &nodes, Some("refused".into()), None);
        assert_eq!((turns.failed.len(), turns.ran, turns.tries), (2, 0, 1));
        assert!(!turns.is_due("o", &Rule::InTurns));
        let error = NodeCounts { error: Some("gone".into()), ..NodeCounts::default() };
        let by_node = [("a".to_owned(), NodeCounts::default()), ("b".to_owned(), error)].into();
        let summary = Summary { by_node, ..Summary::default() };
        turns.ended("o", &nodes, None, Some((summary, Loss::default())));
        assert!(turns.failed.keys().eq(["b"]), "{:?}", turns.failed);
        assert_eq!((turns.ran, turns.tries), (1, 0));
        assert!(turns.is_due("o", &Rule::InTurns));
    }
}
