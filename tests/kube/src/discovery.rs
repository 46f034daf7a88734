//! What the server tells of itself: its version, and which kinds it has.

use serde_json::{Value, json};

use crate::kinds::Kind;

/// The version that the double says it is.
pub(crate) const VERSION: &str = "v1.33.0";

/// The answer for a path that is not of objects; `None` if it has none.
pub(crate) fn answer(kinds: &[Kind], path: &str) -> Option<Value> {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match &segments[..] {
        ["version"] => Some(json!({
            "major": "1", "minor": "33", "gitVersion": VERSION, "gitCommit": "double", "gitTreeState": "clean",
            "buildDate": "2025-04-23T00:00:00Z", "goVersion": "none", "compiler": "none", "platform": "linux/amd64",
        })),
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})),
        ["apis"] => Some(groups(kinds)),
        ["api", version] => resources(kinds, "", version),
        ["apis", group, version] => resources(kinds, group, version),
        _ => None,
    }
}

fn groups(kinds: &[Kind]) -> Value {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for kind in kinds.iter().filter(|kind| !kind.group.is_empty()) {
        match groups.iter_mut().find(|(group, _)| *group == kind.group) {
            Some((_, versions)) if versions.contains(&kind.version.as_str()) => {}
            Some((_, versions)) => versions.push(&kind.version),
            None => groups.push((&kind.group, vec![&kind.version])),
        }
    }
    let version = |group: &str, version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let groups: Vec<Value> = groups
        .iter()
        .map(|(group, versions)| {
            let all: Vec<Value> = versions.iter().map(|it| version(group, it)).collect();
            json!({"name": group, "versions": all, "preferredVersion": all[0]})
        })
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn resources(kinds: &[Kind], group: &str, version: &str) -> Option<Value> {
    let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let mut resources = Vec::new();
    let mut api_version = String::new();
    for kind in kinds.iter().filter(|kind| kind.group == group && kind.version == version) {
        api_version = kind.api_version();
        let resource = |name: String, verbs: &[&str]| {
            json!({
                "name": name, "singularName": kind.kind.to_lowercase(), "namespaced": kind.namespaced,
                "kind": kind.kind, "verbs": verbs,
            })
        };
        resources.push(resource(kind.plural.clone(), &verbs));
        if kind.status {
            resources.push(resource(format!("{}/status", kind.plural), &["get", "patch", "update"]));
        }
    }
    let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": resources});
    (!resources.is_empty()).then_some(list)
}
