//! Waits until what runs pods is ready, and says of what is not why: a picture of `0 of 3 ready` helps nobody.

use std::fmt;
use std::time::{Duration, Instant};

use kube::discovery::ApiResource;
use serde_json::Value;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::api::{Cluster, ClusterError};
use crate::kind;
use crate::object::{COMPONENT, OURS, Object};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Pods that are told of, of those that are not ready.
const TOLD: usize = 5;

/// What is not ready, and why.
#[derive(Debug)]
pub struct NotReady(Vec<String>);

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

/// Why waiting ended early.
pub(crate) enum Ended {
    Late(NotReady),
    Cancelled,
}

/// How many pods of a workload are ready, of how many, and whether they are those of the newest template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) ready: i64,
    pub(crate) of: i64,
    pub(crate) rolled_out: bool,
}

impl Ready {
    /// What `workload`, as it stands in the cluster, says of itself.
    pub(crate) fn of(workload: &Object) -> Self {
        let number = |pointer: &str| workload.number(pointer);
        let seen = number("/status/observedGeneration") >= number("/metadata/generation")
            && workload.0.pointer("/status/observedGeneration").is_some();
        if workload.kind() == "DaemonSet" {
            let of = number("/status/desiredNumberScheduled");
            let ready = number("/status/numberReady");
            let updated = number("/status/updatedNumberScheduled");
            return Self { ready, of, rolled_out: seen && updated >= of && ready >= of };
        }
        let of = workload.0.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
        let (ready, updated) = (number("/status/availableReplicas"), number("/status/updatedReplicas"));
        let rolled_out = seen && updated >= of && ready >= of && number("/status/replicas") <= updated;
        Self { ready, of, rolled_out }
    }
}

/// Waits for all of `workloads` until `deadline`, telling how far it is whenever that changes.
pub(crate) async fn ready(
    cluster: &Cluster,
    workloads: &[&Object],
    deadline: Instant,
    tell: impl Fn(String),
    cancel: &CancellationToken,
) -> Result<Result<(), Ended>, ClusterError> {
    let mut told = String::new();
    loop {
        let mut waiting = Vec::new();
        for workload in workloads {
            let id = workload.id();
            let now = cluster.get(&id).await?.map(|it| Ready::of(&it));
            match now {
                Some(Ready { rolled_out: true, .. }) => {}
                Some(Ready { ready, of, .. }) => {
                    waiting.push((*workload, format!("{id}: {ready} of {of} ready")))
                }
                None => waiting.push((*workload, format!("{id}: gone"))),
            }
        }
        if waiting.is_empty() {
            return Ok(Ok(()));
        }
        let text = waiting.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(", ");
        if text != told {
            tell(format!("waiting for {text}"));
            told = text;
        }
        if Instant::now() >= deadline {
            let mut why = Vec::new();
            for (workload, text) in waiting {
                let pods = troubles(cluster, workload).await.unwrap_or_default();
                why.push(if pods.is_empty() { text } else { format!("{text} ({})", pods.join(", ")) });
            }
            return Ok(Err(Ended::Late(NotReady(why))));
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = cancel.cancelled() => return Ok(Err(Ended::Cancelled)),
        }
    }
}

pub(crate) fn pods() -> ApiResource {
    kind::resource("v1", "Pod", "pods")
}

/// Why pods of `workload` are not ready, by node.
pub(crate) async fn troubles(cluster: &Cluster, workload: &Object) -> Result<Vec<String>, ClusterError> {
    let component = workload.label(COMPONENT).unwrap_or_default();
    let selector = format!("{OURS},{COMPONENT}={component}");
    let pods = cluster.list(&pods(), workload.namespace(), &selector).await?;
    let mut all: Vec<String> = pods.iter().filter_map(trouble).collect();
    if all.len() > TOLD {
        let more = all.len() - TOLD;
        all.truncate(TOLD);
        all.push(format!("and {more} more"));
    }
    Ok(all)
}

/// What keeps a pod from being ready, with where it is.
pub(crate) fn trouble(pod: &Object) -> Option<String> {
    let list = |pointer: &str| pod.0.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let ready = list("/status/conditions").find(|it| it["type"] == "Ready");
    if ready.is_some_and(|it| it["status"] == "True") {
        return None;
    }
    let of_state = |state: &Value| {
        ["waiting", "terminated"].iter().find_map(|name| {
            let state = state.get(name)?;
            let reason = state["reason"].as_str()?;
            Some(match state["message"].as_str() {
                Some(message) => format!("{reason}: {message}"),
                None => reason.to_owned(),
            })
        })
    };
    let container = list("/status/containerStatuses").find_map(|it| of_state(&it["state"]));
    let scheduled = || {
        let condition =
            list("/status/conditions").find(|it| it["type"] == "PodScheduled" && it["status"] == "False");
        condition.and_then(|it| it["message"].as_str()).map(str::to_owned)
    };
    let why = container.or_else(scheduled).unwrap_or_else(|| "not ready yet".to_owned());
    let node = pod.0.pointer("/spec/nodeName").and_then(Value::as_str);
    Some(format!("{}: {why}", node.unwrap_or(pod.name())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn readiness_is_of_the_newest_template() {
        let set = |observed: i64, updated: i64, ready: i64| {
            Ready::of(&Object(json!({"kind": "DaemonSet", "metadata": {"generation": 2}, "status": {
                "observedGeneration": observed, "desiredNumberScheduled": 3,
                "updatedNumberScheduled": updated, "numberReady": ready}})))
            .rolled_out
        };
        assert!(set(2, 3, 3));
        assert!(!set(1, 3, 3), "what was ready before the change");
        assert!(!set(2, 2, 3), "old pods");
        assert!(!set(2, 3, 2));
        let deployment = |replicas: i64| {
            Ready::of(&Object(json!({"kind": "Deployment", "metadata": {"generation": 1}, "spec": {"replicas": 2},
                "status": {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": 2, "availableReplicas": 2}})))
            .rolled_out
        };
        assert!(deployment(2));
        assert!(!deployment(3), "an old pod is still there");
        let new = Object(json!({"kind": "Deployment", "metadata": {"generation": 1}}));
        assert!(!Ready::of(&new).rolled_out, "nobody has looked at it yet");
    }

    #[test]
    fn a_pod_says_why_it_is_not_ready() {
        let pod = |status: Value| {
            Object(json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": status}))
        };
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
        let told = trouble(&pod(json!({"containerStatuses": [{"state": waiting}]})));
        assert_eq!(told.as_deref(), Some("n: ImagePullBackOff: no such image"));
        let unscheduled =
            json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "no node"}]});
        assert_eq!(trouble(&pod(unscheduled)).as_deref(), Some("n: no node"));
        assert_eq!(trouble(&pod(json!({"conditions": [{"type": "Ready", "status": "True"}]}))), None);
    }
}
