//! The tools as clients see them.
//!
//! What decides which code runs on nodes (the image, the policy, the token) is not among the arguments: that is the
//! operator's to say, when the server is started.

use std::sync::Arc;

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::Action;

const STATUS: &str = "gadgetry_status";

/// What `name` does; nothing for the one that only looks.
pub(super) fn action(name: &str) -> Option<Action> {
    match name {
        "gadgetry_deploy" => Some(Action::Deploy),
        "gadgetry_upgrade" => Some(Action::Upgrade),
        "gadgetry_undeploy" => Some(Action::Undeploy),
        _ => None,
    }
}

/// All of them; without `destructive`, those that change nothing.
pub(super) fn all(destructive: bool) -> Vec<Tool> {
    let mut tools = vec![status()];
    if destructive {
        tools.extend([deploy(), upgrade(), undeploy()]);
    }
    tools
}

fn status() -> Tool {
    let count = json!({"type": "object", "properties": {
        "ready": {"type": "integer"}, "of": {"type": "integer"},
        "not_ready": {"type": "array", "items": {"type": "string"}, "description": "Where, and why."}}});
    tool(
        STATUS,
        "gadgetry in the cluster",
        "Says whether gadgetry is deployed in the Kubernetes cluster, its version, how many nodes are ready, and what to do \
         about what is not. Changes nothing.",
        (true, false),
        json!({}),
        json!({"type": "object", "required": ["cluster", "deployed", "client_version"], "properties": {
            "cluster": {"type": "string"},
            "deployed": {"type": "boolean"},
            "namespace": {"type": "string"},
            "version": {"type": "string", "description": "In the cluster."},
            "client_version": {"type": "string", "description": "Of this server."},
            "overlays": {"type": "array", "items": {"type": "string"}},
            "nodes": count, "server": count,
            "skew": {"type": "object", "additionalProperties": {"type": "integer"}, "description": "Pods by version."},
            "certificates_until": {"type": "integer", "description": "Unix time."},
            "advice": {"type": "array", "items": {"type": "string"}}}}),
    )
}

fn deploy() -> Tool {
    let mut properties = common("installed");
    properties["namespace"] = json!({"type": "string", "description": "Default: gadgetry."});
    install(&mut properties);
    tool(
        "gadgetry_deploy",
        "Deploy gadgetry",
        "Installs gadgetry into the Kubernetes cluster: an agent on every node and a server, so that gadgets run on all nodes. \
         The user is asked first. With dry_run it only lists what would be done.",
        (false, true),
        properties,
        outcome(),
    )
}

fn upgrade() -> Tool {
    let mut properties = common("upgraded");
    properties["rotate_certificates"] = json!({"type": "boolean", "description": "Make new certificates, whatever time the old ones have left."});
    install(&mut properties);
    tool(
        "gadgetry_upgrade",
        "Upgrade gadgetry",
        "Brings gadgetry in the Kubernetes cluster to this server's version; what was set before holds. Renews certificates \
         that expire soon. The user is asked first. With dry_run it only lists what would be done.",
        (false, true),
        properties,
        outcome(),
    )
}

fn undeploy() -> Tool {
    tool(
        "gadgetry_undeploy",
        "Remove gadgetry",
        "Removes gadgetry from the Kubernetes cluster, Gadget objects included. Runs end, and their rows are gone. The user is \
         asked first. With dry_run it only lists what would be removed.",
        (false, true),
        common("removed"),
        outcome(),
    )
}

fn common(done: &str) -> Value {
    json!({
        "dry_run": {"type": "boolean", "description": "Change nothing: list what would be done."},
        "confirm": {"type": "boolean", "description":
            "The user has agreed. Counts only with clients that cannot ask their user themselves."},
        "wait_seconds": {"type": "integer", "minimum": 0, "maximum": 600, "default": 120, "description":
            format!("How long to wait until all is {done}. 0 does not wait.")},
    })
}

fn install(properties: &mut Value) {
    properties["overlays"] = json!({"type": "array",
        "items": {"type": "string", "enum": ["default", "ingress", "old-kernel", "scan-only"]},
        "description": "default; ingress: behind an ingress controller; old-kernel: nodes before 5.8; scan-only: content \
                        scanning and nothing else."});
    properties["node_selector"] = json!({"type": "object", "additionalProperties": {"type": "string"},
        "description": "Labels of the nodes that get an agent. Default: all."});
    properties["replicas"] = json!({"type": "integer", "minimum": 1, "maximum": 10,
        "description": "Replicas of the server at least. Default: 2."});
}

fn outcome() -> Value {
    json!({"type": "object", "required": ["done", "objects"], "properties": {
        "done": {"type": "boolean", "description": "Whether the cluster is now as asked for."},
        "dry_run": {"type": "boolean"},
        "objects": {"type": "array", "items": {"type": "object", "properties": {
            "action": {"type": "string", "enum": ["create", "change", "keep", "remove"]},
            "kind": {"type": "string"}, "namespace": {"type": "string"}, "name": {"type": "string"}}}},
        "notes": {"type": "array", "items": {"type": "string"}},
        "ready": {"type": "boolean", "description": "Absent if it was not waited for."}}})
}

fn tool(
    name: &'static str,
    title: &str,
    about: &'static str,
    (read_only, destructive): (bool, bool),
    properties: Value,
    output: Value,
) -> Tool {
    let input = json!({"type": "object", "properties": properties, "additionalProperties": false});
    let map = |value: Value| Arc::new(value.as_object().cloned().unwrap_or_default());
    Tool::new_with_raw(name, Some(about.into()), map(input))
        .with_title(title)
        .with_raw_output_schema(map(output))
        // What a cluster is made of is known: its world is closed. Doing it again changes nothing more.
        .with_annotations(ToolAnnotations::from_raw(
            None,
            Some(read_only),
            Some(destructive),
            Some(true),
            Some(false),
        ))
}
