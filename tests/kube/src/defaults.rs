//! What the server adds to an object: its name's place, uid, times and generation, the address of a service, and the
//! little that controllers which are always there would add at once.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::store::Key;

/// Completes `object`, of which `before` is what is stored; `serial` is a number of its own.
pub(crate) fn fill(kind: &Kind, key: &Key, before: Option<&Value>, serial: u64, object: &mut Value) {
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.kind.clone().into();
    let spec_changed = before.is_none_or(|before| before.get("spec") != object.get("spec"));
    let metadata = &mut object["metadata"];
    metadata["name"] = key.name.clone().into();
    if kind.namespaced {
        metadata["namespace"] = key.namespace.clone().into();
    }
    let old =
        |field: &str| before.map(|before| before["metadata"][field].clone()).filter(|value| !value.is_null());
    metadata["uid"] = old("uid").unwrap_or_else(|| given(metadata, "uid").unwrap_or_else(|| uid(serial)));
    metadata["creationTimestamp"] =
        old("creationTimestamp").unwrap_or_else(|| given(metadata, "creationTimestamp").unwrap_or_else(now));
    if let Some(when) = old("deletionTimestamp") {
        metadata["deletionTimestamp"] = when;
    }
    if object.get("spec").is_some() {
        let generation =
            before.and_then(|before| before["metadata"]["generation"].as_u64()).unwrap_or_default();
        object["metadata"]["generation"] = (generation + u64::from(spec_changed)).into();
    }
    match kind.kind.as_str() {
        "Namespace" if object["status"]["phase"].is_null() => object["status"]["phase"] = "Active".into(),
        "Pod" if object["status"]["phase"].is_null() => object["status"]["phase"] = "Pending".into(),
        "Service" => service(before, serial, object),
        "CustomResourceDefinition" => {
            let condition =
                |kind: &str| json!({"type": kind, "status": "True", "reason": "Accepted", "message": ""});
            object["status"]["conditions"] = json!([condition("NamesAccepted"), condition("Established")]);
        }
        _ => {}
    }
}

fn service(before: Option<&Value>, serial: u64, object: &mut Value) {
    let spec = &mut object["spec"];
    if spec["type"] == "ExternalName" {
        return;
    }
    if spec["clusterIP"].is_null() {
        spec["clusterIP"] = before
            .map(|before| before["spec"]["clusterIP"].clone())
            .filter(|address| !address.is_null())
            .unwrap_or_else(|| format!("10.96.{}.{}", serial / 250 % 250, serial % 250 + 1).into());
    }
    if spec["clusterIPs"].is_null() {
        spec["clusterIPs"] = json!([spec["clusterIP"]]);
    }
}

fn given(metadata: &Value, field: &str) -> Option<Value> {
    metadata.get(field).filter(|value| value.is_string()).cloned()
}

fn uid(serial: u64) -> Value {
    format!("d0b1e000-0000-4000-8000-{serial:012x}").into()
}

/// The time as objects have it.
pub(crate) fn now() -> Value {
    let seconds = Timestamp::now().as_second();
    Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default().into()
}
