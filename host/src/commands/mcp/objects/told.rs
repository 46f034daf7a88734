//! What is told of an object in its status: counts, and conditions that say why and what to do.

use std::collections::BTreeMap;
use std::time::SystemTime;

use gadgetry_cluster::objects::{Condition, Nodes, Status};

use super::nodes::Matching;
use super::plan::{Plan, Problem};

/// Whether the spec can be kept: `True` once the image is verified and the parameters fit.
const ACCEPTED: &str = "Accepted";
/// Whether what is wanted goes on: on all nodes, or, by a schedule, whenever its time comes.
const READY: &str = "Ready";
/// Nodes that are told of by name, and characters of what is said of each.
const NODES: usize = 5;
const REASON: usize = 400;

/// How the runs of an object stand.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Nodes that it runs on.
    pub(super) running: u32,
    /// Nodes that it does not run on though it should, or failed on at last, and why.
    pub(super) failed: BTreeMap<String, String>,
    /// Events lost.
    pub(super) lost: u64,
    /// The next time of its schedule.
    pub(super) next: Option<SystemTime>,
    /// Turns left out, as the one before went on.
    pub(super) left_out: u64,
}

/// All that the status is made of.
pub(super) struct Seen<'a> {
    pub(super) generation: i64,
    pub(super) suspended: bool,
    /// `None` as long as the image is being fetched.
    pub(super) plan: Option<Result<&'a Plan, &'a Problem>>,
    pub(super) matching: &'a Matching,
    pub(super) counts: &'a Counts,
    pub(super) last_run: Option<&'a str>,
}

/// The status of what was `seen`, where `before` was told last.
pub(super) fn status(seen: &Seen<'_>, before: &Status) -> Status {
    let identity = seen.plan.and_then(Result::ok).map(|plan| &plan.gadget.identity);
    let conditions = [(ACCEPTED, accepted(seen)), (READY, ready(seen))];
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Status {
        observed_generation: seen.generation,
        digest: identity.map(|it| it.digest.clone()),
        signer: identity.map(|it| it.signed_by.clone()),
        loss: seen.counts.lost,
        last_run: seen.last_run.map(str::to_owned),
        nodes: Nodes {
            matching: number(seen.matching.count()),
            running: seen.counts.running,
            failed: number(seen.counts.failed.len()),
        },
        conditions: conditions.into_iter().map(|(kind, said)| said.condition(kind, seen, before)).collect(),
    }
}

/// One condition.
struct Said {
    status: &'static str,
    reason: &'static str,
    message: String,
}

fn said(status: &'static str, reason: &'static str, message: impl Into<String>) -> Said {
    Said { status, reason, message: message.into() }
}

impl Said {
    fn condition(self, kind: &str, seen: &Seen<'_>, before: &Status) -> Condition {
        let same = before.conditions.iter().find(|it| it.kind == kind && it.status == self.status);
        let since = same.map(|it| it.last_transition_time.clone()).filter(|it| !it.is_empty());
        Condition {
            kind: kind.to_owned(),
            status: self.status.to_owned(),
            observed_generation: seen.generation,
            last_transition_time: since.unwrap_or_else(|| time(SystemTime::now())),
            reason: self.reason.to_owned(),
            message: self.message,
        }
    }
}

/// A time as objects have it.
pub(super) fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

fn accepted(seen: &Seen<'_>) -> Said {
    match seen.plan {
        None => said("Unknown", "Fetching", "the image is being fetched and verified"),
        Some(Err(problem)) => said("False", problem.reason, cut(&problem.message)),
        Some(Ok(_)) => said("True", "Accepted", "the image is verified, and the parameters fit"),
    }
}

fn ready(seen: &Seen<'_>) -> Said {
    let Counts { running, failed, next, left_out, .. } = seen.counts;
    let of = seen.matching.count();
    if seen.suspended {
        return said("False", "Suspended", "nothing runs: set `suspend` to false, and it goes on");
    }
    match seen.plan {
        None => return said("Unknown", "Fetching", "the image is being fetched and verified"),
        Some(Err(_)) => return said("False", "NotAccepted", "nothing runs: the condition Accepted says why"),
        Some(Ok(_)) => {}
    }
    if of == 0 {
        let message = "no node is meant: none has an agent and all labels of `nodeSelector`";
        return said("False", "NoNodes", message);
    }
    let mut more = String::new();
    if let Some(next) = next {
        more.push_str(&format!("; the next turn is at {}", time(*next)));
    }
    if *left_out > 0 {
        more.push_str(&format!(
            "; {left_out} turns were left out, as the ones before still went on: give it a shorter `duration`, or a \
             `schedule` with more time between"
        ));
    }
    if !failed.is_empty() {
        let message = format!("it fails on {} of {of} nodes: {}{more}", failed.len(), named(failed));
        return said("False", "NodesFailed", message);
    }
    if next.is_some() {
        return said("True", "Scheduled", format!("it runs on {running} of {of} nodes now{more}"));
    }
    match usize::try_from(*running) {
        Ok(running) if running < of => said(
            "False",
            "Starting",
            format!("it runs on {running} of {of} nodes, and is being started on the others"),
        ),
        _ => said("True", "Running", format!("it runs on all {of} nodes")),
    }
}

/// Some nodes, and what is wrong with each.
fn named(failed: &BTreeMap<String, String>) -> String {
    let some = failed.iter().take(NODES).map(|(node, reason)| format!("{node}: {}", cut(reason)));
    let mut text = some.collect::<Vec<_>>().join("; ");
    if failed.len() > NODES {
        text.push_str(&format!("; and {} more", failed.len() - NODES));
    }
    text
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(REASON) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::nodes::Matching;
    use super::super::nodes::tests::reach;
    use super::*;

    fn condition<'a>(status: &'a Status, kind: &str) -> &'a Condition {
        status.conditions.iter().find(|it| it.kind == kind).unwrap()
    }

    fn seen<'a>(
        plan: Option<Result<&'a Plan, &'a Problem>>,
        matching: &'a Matching,
        counts: &'a Counts,
    ) -> Seen<'a> {
        Seen { generation: 3, suspended: false, plan, matching, counts, last_run: None }
    }

    #[test]
    fn what_is_refused_says_why() {
        let problem =
            Problem { reason: "BadParameter", message: "argument `pid`: a number is wanted".into() };
        let (matching, counts) = (Matching::default(), Counts::default());
        let told = status(&seen(Some(Err(&problem)), &matching, &counts), &Status::default());
        let accepted = condition(&told, ACCEPTED);
        assert_eq!((accepted.status.as_str(), accepted.reason.as_str()), ("False", "BadParameter"));
        assert!(accepted.message.contains("`pid`") && accepted.observed_generation == 3);
        assert_eq!(condition(&told, READY).reason, "NotAccepted");
        let told = status(&seen(None, &matching, &counts), &told);
        assert_eq!(condition(&told, ACCEPTED).status, "Unknown");
    }

    #[test]
    fn a_condition_keeps_its_time_as_long_as_it_is_the_same() {
        let problem = Problem { reason: "ImageRefused", message: String::new() };
        let (matching, counts) = (Matching::default(), Counts::default());
        let seen = seen(Some(Err(&problem)), &matching, &counts);
        let old = "2026-03-01T12:00:00Z";
        let mut before = status(&seen, &Status::default());
        before.conditions[0].last_transition_time = old.into();
        before.conditions[1].last_transition_time = old.into();
        before.conditions[1].status = "True".into();
        let told = status(&seen, &before);
        assert_eq!(condition(&told, ACCEPTED).last_transition_time, old);
        assert_ne!(condition(&told, READY).last_transition_time, old);
    }

    #[test]
    fn readiness() {
        let matching = Matching::of(&reach(&["a", "b"], &["c"]), &BTreeMap::new(), &BTreeMap::new(), &[]);
        let whole = Matching::of(&reach(&["a", "b"], &[]), &BTreeMap::new(), &BTreeMap::new(), &[]);
        let next = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60));
        let failed = matching.absent.clone();
        for (matching, counts, wanted) in [
            (&Matching::default(), Counts::default(), ("False", "NoNodes", "nodeSelector")),
            (&whole, Counts { running: 2, ..Counts::default() }, ("True", "Running", "all 2 nodes")),
            (&whole, Counts { running: 1, ..Counts::default() }, ("False", "Starting", "1 of 2")),
            (&whole, Counts { next, ..Counts::default() }, ("True", "Scheduled", "at 1970-01-01T00:01:00Z")),
            (&whole, Counts { next, left_out: 2, ..Counts::default() }, ("True", "Scheduled", "2 turns")),
            (
                &matching,
                Counts { running: 2, failed, ..Counts::default() },
                ("False", "NodesFailed", "c: it is away"),
            ),
        ] {
            let said = ready_of(matching, &counts);
            assert_eq!((said.status, said.reason), (wanted.0, wanted.1), "{counts:?}");
            assert!(said.message.contains(wanted.2), "{}", said.message);
        }
    }

    /// Readiness of what is accepted.
    fn ready_of(matching: &Matching, counts: &Counts) -> Said {
        let plan = super::super::plan::tests::plan();
        ready(&seen(Some(Ok(&plan)), matching, counts))
    }

    #[test]
    fn many_nodes_are_cut() {
        let failed: BTreeMap<String, String> =
            (0..9).map(|it| (format!("n{it}"), "x".repeat(1000))).collect();
        let text = named(&failed);
        assert!(text.ends_with("; and 4 more") && text.len() < 2200, "{}", text.len());
    }
}
