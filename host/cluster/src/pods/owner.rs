//! Whose a pod is, as people know it: the Deployment and not its ReplicaSet, the CronJob and not the Job of this hour.
//! What stands between is not asked for: its name is made of the owner's by rules that are part of the API.

use std::sync::Arc;

use crate::intern::Names;
use crate::meta::Meta;

/// What made a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind: `Deployment`, `StatefulSet`, `DaemonSet`, `CronJob`, `Job`, `Node`, ...
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// Labels with the part of a ReplicaSet's name that its owner's lacks, and what that owner is.
const HASHES: [(&str, &str); 2] =
    [("pod-template-hash", "Deployment"), ("rollouts-pod-template-hash", "Rollout")];

/// For how many minutes after its schedule a CronJob's pod may be made: retries, and clusters that stood still.
const LATEST: i64 = 7 * 24 * 60;

/// The owner of an object, if it has one.
pub(crate) fn of(meta: &Meta, names: &mut Names) -> Option<Owner> {
    let controller = meta.controller()?;
    let (kind, name) = match controller.kind.as_str() {
        "ReplicaSet" => replicas(meta, &controller.name),
        "Job" => scheduled(meta, &controller.name).map(|name| ("CronJob", name)),
        _ => None,
    }
    .unwrap_or((&controller.kind, &controller.name));
    Some(Owner { kind: names.shared(kind), name: names.shared(name) })
}

fn replicas<'a>(meta: &Meta, name: &'a str) -> Option<(&'static str, &'a str)> {
    HASHES.iter().find_map(|(label, kind)| {
        let owner = name.strip_suffix(meta.labels.get(*label)?.as_str())?.strip_suffix('-')?;
        (!owner.is_empty()).then_some((*kind, owner))
    })
}

/// A CronJob's Job is named after the minute for which it was scheduled, counted since 1970. A Job that somebody named
/// so that it ends in the very minute of its pod, or one of the week before, is taken for one.
fn scheduled<'a>(meta: &Meta, name: &'a str) -> Option<&'a str> {
    let (owner, minute) = name.rsplit_once('-')?;
    let minute: i64 = minute.parse().ok()?;
    let made = meta.creation_timestamp.as_ref()?.0.as_second() / 60;
    (!owner.is_empty() && (0..=LATEST).contains(&(made - minute))).then_some(owner)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn owner(kind: &str, name: &str, labels: Value) -> Option<String> {
        let meta: Meta = serde_json::from_value(json!({
            "name": "p", "labels": labels, "creationTimestamp": "2026-03-01T12:00:30Z",
            "ownerReferences": [
                {"kind": "Other", "name": "o"}, {"kind": kind, "name": name, "controller": true},
            ],
        }))
        .unwrap();
        of(&meta, &mut Names::default()).map(|owner| format!("{}/{}", owner.kind, owner.name))
    }

    #[test]
    fn what_people_know() {
        let noon = 1_772_366_400 / 60;
        let table = [
            ("ReplicaSet", "web-7d4b9c".to_owned(), json!({"pod-template-hash": "7d4b9c"}), "Deployment/web"),
            ("ReplicaSet", "web-7d4b9c".to_owned(), json!({}), "ReplicaSet/web-7d4b9c"),
            ("ReplicaSet", "web".to_owned(), json!({"pod-template-hash": "7d4b9c"}), "ReplicaSet/web"),
            ("ReplicaSet", "web-1".to_owned(), json!({"rollouts-pod-template-hash": "1"}), "Rollout/web"),
            ("Job", format!("backup-{noon}"), json!({}), "CronJob/backup"),
            ("Job", format!("backup-{}", noon - 60), json!({}), "CronJob/backup"),
            ("Job", format!("backup-{}", noon + 1), json!({}), &*format!("Job/backup-{}", noon + 1)),
            ("Job", "backup-20260301".to_owned(), json!({}), "Job/backup-20260301"),
            ("Job", "migrate".to_owned(), json!({}), "Job/migrate"),
            ("StatefulSet", "db".to_owned(), json!({}), "StatefulSet/db"),
            ("Node", "n1".to_owned(), json!({}), "Node/n1"),
        ]
        .map(|(kind, name, labels, wanted)| (kind, name, labels, wanted.to_owned()));
        for (kind, name, labels, wanted) in table {
            assert_eq!(owner(kind, &name, labels), Some(wanted), "{kind} {name}");
        }
    }

    #[test]
    fn nobody_owns_a_bare_pod() {
        assert_eq!(of(&Meta::default(), &mut Names::default()), None);
    }
}
