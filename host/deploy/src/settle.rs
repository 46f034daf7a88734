//! Settles what the manifests leave open: the namespace, and the operator's values. Without either, the objects stay as
//! `kubectl kustomize` renders them.

use serde_json::{Map, Value, json};

use crate::object::{COMPONENT, Object};
use crate::values::{Values, ValuesError, Workload};

/// The namespace in the manifests.
pub const NAMESPACE: &str = "gadgetry";
/// The ingress's host in the manifests.
const HOST: &str = "gadgetry.example.com";
const HOSTS: &str = "GADGETRY_ALLOWED_HOSTS";

/// Settles `objects`, which are those of `overlays`.
pub(crate) fn settle(
    objects: &mut [Object],
    namespace: &str,
    values: &Values,
    overlays: &str,
) -> Result<(), ValuesError> {
    let nothing = |key: &'static str| ValuesError::Nothing { key, overlays: overlays.to_owned() };
    let act = |key, done: bool| if done { Ok(()) } else { Err(nothing(key)) };
    if namespace != NAMESPACE {
        move_to(objects, namespace);
    }
    let Values { image, image_pull_policy, image_pull_secrets, .. } = values;
    if let Some(image) = image {
        act("image", each_container(objects, |it| it.insert("image".into(), json!(image))))?;
    }
    if let Some(policy) = image_pull_policy {
        let done = each_container(objects, |it| it.insert("imagePullPolicy".into(), json!(policy)));
        act("imagePullPolicy", done)?;
    }
    if let Some(names) = image_pull_secrets {
        let list: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        let done = each_pod(objects, None, |pod| pod.insert("imagePullSecrets".into(), json!(list)));
        act("imagePullSecrets", done)?;
    }
    if let Some(images) = &values.gadget_images {
        let text = images.join(",");
        act("gadgetImages", set_data(objects, "gadgetry-settings", "GADGETRY_GADGET_IMAGES", &text))?;
    }
    if let Some(policy) = &values.policy {
        act("policy", set_data(objects, "gadgetry-policy", "policy.toml", policy))?;
    }
    if let Some(level) = &values.log_level {
        act("logLevel", set_data(objects, "gadgetry-settings", "GADGETRY_LOG_LEVEL", level))?;
    }
    if let Some(hosts) = &values.allowed_hosts {
        let add = |list: &mut Vec<String>| list.extend(hosts.iter().cloned());
        act("allowedHosts", each_hosts(objects, add))?;
    }
    workload(objects, "agent", &values.agent, act)?;
    workload(objects, "server", &values.server, act)?;
    let ingress = &values.ingress;
    if let Some(host) = &ingress.host {
        act("ingress.host", set_host(objects, host))?;
    }
    if let Some(class) = &ingress.class {
        act(
            "ingress.class",
            each_ingress(objects, |spec| {
                spec.insert("ingressClassName".into(), json!(class));
            }),
        )?;
    }
    if let Some(secret) = &ingress.tls_secret {
        act(
            "ingress.tlsSecret",
            each_ingress(objects, |spec| {
                for tls in spec.get_mut("tls").and_then(Value::as_array_mut).into_iter().flatten() {
                    tls["secretName"] = json!(secret);
                }
            }),
        )?;
    }
    Ok(())
}

fn workload(
    objects: &mut [Object],
    part: &'static str,
    said: &Workload,
    act: impl Fn(&'static str, bool) -> Result<(), ValuesError>,
) -> Result<(), ValuesError> {
    // The errors name the value, and names are static: of two parts, one or the other.
    let key = |agent: &'static str, server: &'static str| if part == "agent" { agent } else { server };
    let Workload { replicas, max_replicas, node_selector, tolerations, resources, priority_class } = said;
    let scale = |objects: &mut [Object], field: &str, count: u16| {
        let mut found = false;
        for object in objects.iter_mut().filter(|it| it.kind() == "HorizontalPodAutoscaler") {
            if serves(object, part) {
                object.0["spec"][field] = json!(count);
                found = true;
            }
        }
        found
    };
    if let Some(count) = replicas {
        act("server.replicas", scale(objects, "minReplicas", *count))?;
    }
    if let Some(count) = max_replicas {
        act("server.maxReplicas", scale(objects, "maxReplicas", *count))?;
    }
    if let Some(labels) = node_selector {
        let done = each_pod(objects, Some(part), |pod| {
            let selector = pod.entry("nodeSelector").or_insert_with(|| json!({}));
            for (name, value) in labels {
                selector[name] = json!(value);
            }
        });
        act(key("agent.nodeSelector", "server.nodeSelector"), done)?;
    }
    if let Some(tolerations) = tolerations {
        let done = each_pod(objects, Some(part), |pod| pod.insert("tolerations".into(), json!(tolerations)));
        act(key("agent.tolerations", "server.tolerations"), done)?;
    }
    if let Some(class) = priority_class {
        let done = each_pod(objects, Some(part), |pod| pod.insert("priorityClassName".into(), json!(class)));
        act(key("agent.priorityClass", "server.priorityClass"), done)?;
    }
    if let Some(resources) = resources {
        let done = each_pod(objects, Some(part), |pod| {
            for container in pod.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
                for (part, said) in [("requests", &resources.requests), ("limits", &resources.limits)] {
                    for (name, quantity) in said {
                        container["resources"][part][name] = json!(quantity);
                    }
                }
            }
        });
        act(key("agent.resources", "server.resources"), done)?;
    }
    Ok(())
}

/// Whether `object` belongs to `part`. What scans content, where there is nothing else, is a server.
fn serves(object: &Object, part: &str) -> bool {
    let component = object.label(COMPONENT);
    component == Some(part) || part == "server" && component == Some("scan")
}

fn each_pod<T>(
    objects: &mut [Object],
    part: Option<&str>,
    mut change: impl FnMut(&mut Map<String, Value>) -> T,
) -> bool {
    let mut found = false;
    for object in objects.iter_mut().filter(|it| part.is_none_or(|part| serves(it, part))) {
        if let Some(Value::Object(pod)) = object.0.pointer_mut("/spec/template/spec") {
            change(pod);
            found = true;
        }
    }
    found
}

fn each_container<T>(objects: &mut [Object], mut change: impl FnMut(&mut Map<String, Value>) -> T) -> bool {
    each_pod(objects, None, |pod| {
        let containers = pod.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten();
        for container in containers.filter_map(Value::as_object_mut) {
            change(container);
        }
    })
}

fn each_ingress(objects: &mut [Object], mut change: impl FnMut(&mut Map<String, Value>)) -> bool {
    let mut found = false;
    for object in objects.iter_mut().filter(|it| it.kind() == "Ingress") {
        if let Some(spec) = object.0.get_mut("spec").and_then(Value::as_object_mut) {
            change(spec);
            found = true;
        }
    }
    found
}

/// Changes the lists of names that servers answer to.
fn each_hosts(objects: &mut [Object], mut change: impl FnMut(&mut Vec<String>)) -> bool {
    let mut found = false;
    each_container(objects, |container| {
        let all = container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten();
        for variable in all.filter(|it| it["name"] == HOSTS) {
            if let Some(text) = variable["value"].as_str() {
                let mut list: Vec<String> = text.split(',').map(str::to_owned).collect();
                change(&mut list);
                variable["value"] = json!(list.join(","));
                found = true;
            }
        }
    });
    found
}

fn set_host(objects: &mut [Object], host: &str) -> bool {
    let found = each_ingress(objects, |spec| {
        for rule in spec.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
            rule["host"] = json!(host);
        }
        for tls in spec.get_mut("tls").and_then(Value::as_array_mut).into_iter().flatten() {
            tls["hosts"] = json!([host]);
        }
    });
    each_hosts(objects, |list| {
        for name in list.iter_mut().filter(|it| *it == HOST) {
            *name = host.to_owned();
        }
    });
    found
}

fn set_data(objects: &mut [Object], name: &str, key: &str, text: &str) -> bool {
    let map = objects.iter_mut().find(|it| it.kind() == "ConfigMap" && it.name() == name);
    map.is_some_and(|map| {
        map.0["data"][key] = json!(text);
        true
    })
}

fn move_to(objects: &mut [Object], namespace: &str) {
    for object in objects.iter_mut() {
        if object.kind() == "Namespace" && object.name() == NAMESPACE {
            object.0["metadata"]["name"] = json!(namespace);
        }
        if object.namespace() == Some(NAMESPACE) {
            object.0["metadata"]["namespace"] = json!(namespace);
        }
        for subject in object.0.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
            if subject["namespace"] == NAMESPACE {
                subject["namespace"] = json!(namespace);
            }
        }
    }
    each_hosts(objects, |list| {
        for name in list.iter_mut() {
            let mut parts: Vec<&str> = name.split('.').collect();
            if parts.get(1) == Some(&NAMESPACE) && parts[0].starts_with("gadgetry-") {
                parts[1] = namespace;
                *name = parts.join(".");
            }
        }
    });
}
