//! Which pod is a node's agent, and why one is not ready. While an agent is replaced its node has two pods; pods that
//! were evicted stay for a while beside their successors.

use std::collections::BTreeMap;

use crate::agents::Agent;
use crate::agents::pod::{AgentPod, Container, Why};
use crate::names::VERSION_LABEL;

/// Characters of a reason: what a kubelet says may hold a whole log line.
const REASON: usize = 300;

/// One agent for each node, in order of the nodes' names.
pub(crate) fn choose<'a>(pods: impl Iterator<Item = &'a AgentPod>) -> Vec<Agent> {
    let mut by_node: BTreeMap<&str, &AgentPod> = BTreeMap::new();
    for pod in pods {
        // A pod that has no node yet waits for the scheduler: its node shows as one without an agent.
        let Some(node) = pod.spec.node_name.as_deref() else { continue };
        let best = by_node.entry(node).or_insert(pod);
        if rank(pod) > rank(best) {
            *best = pod;
        }
    }
    by_node.into_iter().map(|(node, pod)| agent(node, pod)).collect()
}

/// Of two pods of a node the greater is the agent: one that is to stay, runs, is ready, is newer.
fn rank(pod: &AgentPod) -> (bool, bool, bool, i64) {
    let made = pod.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second());
    (pod.metadata.deletion_timestamp.is_none(), !is_over(pod), is_ready(pod), made)
}

fn is_over(pod: &AgentPod) -> bool {
    matches!(pod.status.phase.as_str(), "Failed" | "Succeeded")
}

fn is_ready(pod: &AgentPod) -> bool {
    pod.status.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True")
}

fn agent(node: &str, pod: &AgentPod) -> Agent {
    let ready = is_ready(pod) && !is_over(pod) && pod.metadata.deletion_timestamp.is_none();
    Agent {
        node: node.to_owned(),
        pod: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
        address: pod.status.pod_ip.as_deref().and_then(|address| address.parse().ok()),
        ready,
        reason: (!ready).then(|| shorten(why(pod))),
        version: pod.metadata.labels.get(VERSION_LABEL).cloned(),
    }
}

/// Why a pod is not ready: the most telling thing that is known.
fn why(pod: &AgentPod) -> String {
    let status = &pod.status;
    if pod.metadata.deletion_timestamp.is_some() {
        return "it is being stopped".to_owned();
    }
    if is_over(pod) {
        let reason = status.reason.as_deref().unwrap_or(&status.phase);
        return said(reason, status.message.as_deref());
    }
    let containers = || status.init_container_statuses.iter().chain(&status.container_statuses);
    if let Some(reason) = containers().find_map(container) {
        return reason;
    }
    for kind in ["PodScheduled", "Initialized", "ContainersReady", "Ready"] {
        let not =
            status.conditions.iter().find(|condition| condition.kind == kind && condition.status != "True");
        if let Some(condition) = not {
            return said(condition.reason.as_deref().unwrap_or(kind), condition.message.as_deref());
        }
    }
    format!("its pod is {}", if status.phase.is_empty() { "new" } else { &status.phase })
}

/// Why a container does not run, if it is not just being started.
fn container(container: &Container) -> Option<String> {
    let Container { name, ready, state, last_state } = container;
    if *ready {
        return None;
    }
    let code = |why: &Why| why.exit_code.map(|code| format!("exit code {code}"));
    if let Some(why) = &state.terminated {
        // An init container that has done its work.
        if why.exit_code == Some(0) {
            return None;
        }
        let reason = why.reason.as_deref().unwrap_or("Terminated");
        return Some(format!("{name}: {}", said(reason, why.message.clone().or(code(why)).as_deref())));
    }
    let waiting = state.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().unwrap_or("Waiting");
    if matches!(reason, "ContainerCreating" | "PodInitializing") && waiting.message.is_none() {
        return Some(format!("{name}: {reason}"));
    }
    let before = last_state.terminated.as_ref();
    let before = before.and_then(|why| why.message.clone().or(why.reason.clone()).or(code(why)));
    let text = said(reason, waiting.message.as_deref());
    Some(before.map_or(format!("{name}: {text}"), |before| format!("{name}: {text}; before: {before}")))
}

fn said(reason: &str, message: Option<&str>) -> String {
    match message.map(str::trim).filter(|message| !message.is_empty()) {
        Some(message) => format!("{reason}: {message}"),
        None => reason.to_owned(),
    }
}

fn shorten(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(REASON) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, more: Value) -> AgentPod {
        let mut pod = json!({
            "metadata": {"name": name, "uid": name, "labels": {"app.kubernetes.io/version": "0.1.0"}},
            "spec": {"nodeName": "n1"},
            "status": {"phase": "Running", "podIP": "10.0.0.7", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        for (path, value) in more.as_object().unwrap() {
            let (parent, field) = path.rsplit_once('/').unwrap();
            pod.pointer_mut(parent).unwrap()[field] = value.clone();
        }
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn a_ready_agent() {
        let agents = choose([pod("a", json!({}))].iter());
        let wanted = Agent {
            node: "n1".into(),
            pod: "a".into(),
            uid: "a".into(),
            address: Some([10, 0, 0, 7].into()),
            ready: true,
            reason: None,
            version: Some("0.1.0".into()),
        };
        assert_eq!(agents, [wanted]);
    }

    #[test]
    fn one_for_each_node() {
        let gone = json!({"/metadata/deletionTimestamp": "2026-03-01T12:00:00Z"});
        let evicted = json!({"/status/phase": "Failed", "/status/reason": "Evicted"});
        let unready =
            json!({"/status/conditions": [{"type": "Ready", "status": "False", "reason": "Starting"}]});
        let old = json!({"/metadata/creationTimestamp": "2026-03-01T12:00:00Z"});
        let new = json!({"/metadata/creationTimestamp": "2026-03-01T12:00:01Z"});
        let table: [(Value, Value, &str); 4] = [
            (gone, unready.clone(), "b"),
            (evicted, unready.clone(), "b"),
            (unready, json!({}), "b"),
            (new, old, "a"),
        ];
        for (a, b, wanted) in table {
            let agents = choose([pod("a", a.clone()), pod("b", b.clone())].iter());
            assert_eq!((agents.len(), agents[0].pod.as_str()), (1, wanted), "{a} {b}");
        }
        assert!(choose([pod("a", json!({"/spec/nodeName": null}))].iter()).is_empty(), "not scheduled");
    }

    #[test]
    fn reasons() {
        let unready =
            json!([{"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "agent"}]);
        let with = |field: &str, value: Value| json!({"/status/conditions": unready, (format!("/status/{field}")): value});
        let waiting =
            |reason: &str, message: Value| json!({"waiting": {"reason": reason, "message": message}});
        let crashed = json!([{
            "name": "agent", "state": waiting("CrashLoopBackOff", "back-off 5m0s".into()),
            "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "message": "no BTF"}},
        }]);
        let pulled = json!([{"name": "agent", "state": waiting("ImagePullBackOff", "no such image".into())}]);
        let creating = json!([{"name": "agent", "state": waiting("ContainerCreating", Value::Null)}]);
        let killed =
            json!([{"name": "agent", "state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]);
        let table = [
            (with("containerStatuses", crashed), "agent: CrashLoopBackOff: back-off 5m0s; before: no BTF"),
            (with("containerStatuses", pulled), "agent: ImagePullBackOff: no such image"),
            (with("containerStatuses", creating), "agent: ContainerCreating"),
            (with("containerStatuses", killed), "agent: OOMKilled: exit code 137"),
            (with("phase", "Running".into()), "ContainersNotReady: agent"),
            (
                json!({"/status": {"phase": "Failed", "reason": "Evicted", "message": "low on disk"}}),
                "Evicted: low on disk",
            ),
            (json!({"/metadata/deletionTimestamp": "2026-03-01T12:00:00Z"}), "it is being stopped"),
            (json!({"/status": {"phase": "Pending"}}), "its pod is Pending"),
        ];
        for (more, wanted) in table {
            let agents = choose([pod("a", more.clone())].iter());
            assert_eq!((agents[0].ready, agents[0].reason.as_deref()), (false, Some(wanted)), "{more}");
        }
        let long = with("message", "x".into());
        let mut long = pod("a", long);
        long.status.phase = "Failed".into();
        long.status.message = Some("ü".repeat(1000));
        let reason = choose([long].iter())[0].reason.clone().unwrap();
        assert_eq!(reason.chars().count(), REASON + 1);
    }
}
