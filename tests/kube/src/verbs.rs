//! What is done to objects: get, list, create, replace, patch, delete, of whole objects or of their status.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::request::Request;
use crate::select::Selectors;
use crate::status::Refused;
use crate::store::{Key, Store, key};
use crate::{check, defaults, merge};

/// The object a request names.
fn named(store: &Store, request: &Request, kind: &Kind) -> Result<(Key, Arc<Value>), Refused> {
    let name = request.name.as_deref().unwrap_or_default();
    let key = key(kind, &request.namespace, name);
    let found = store.get(&key).cloned().ok_or_else(|| Refused::not_found(&kind.qualified(), name))?;
    Ok((key, found))
}

pub(crate) fn get(store: &Store, request: &Request, kind: &Kind) -> Result<Value, Refused> {
    let (_, object) = named(store, request, kind)?;
    Ok(if request.metadata_only { metadata(&object) } else { (*object).clone() })
}

/// One page of a list. Its version is that of the first page, so that a watch from it misses nothing that happened
/// meanwhile.
pub(crate) fn list(store: &Store, request: &Request, kind: &Kind) -> Result<Value, Refused> {
    let selectors = Selectors::parse(request.get("labelSelector"), request.get("fieldSelector"))?;
    let limit = request.get("limit").parse().unwrap_or(usize::MAX);
    let (version, after) = match request.get("continue") {
        "" => (store.version().to_string(), None),
        token => {
            let parts: Vec<&str> = token.split('|').collect();
            let [version, namespace, name] = parts[..] else {
                return Err(Refused::new(400, "continue key is not valid"));
            };
            if store.since(version.parse().unwrap_or_default()).is_none() {
                return Err(Refused::new(410, "The provided continue parameter is too old"));
            }
            (version.to_owned(), Some(key(kind, namespace, name)))
        }
    };
    let mut items = Vec::new();
    let mut last = None;
    let mut more = String::new();
    for (key, object) in store.list(kind, &request.namespace) {
        if after.as_ref().is_some_and(|after| key <= after) || !selectors.matches(object) {
            continue;
        }
        if items.len() == limit {
            more = last
                .map(|last: &Key| format!("{version}|{}|{}", last.namespace, last.name))
                .unwrap_or_default();
            break;
        }
        last = Some(key);
        items.push(if request.metadata_only { metadata(object) } else { item(object) });
    }
    let (api_version, list) = match request.metadata_only {
        true => ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned()),
        false => (kind.api_version(), format!("{}List", kind.kind)),
    };
    Ok(json!({
        "kind": list, "apiVersion": api_version,
        "metadata": {"resourceVersion": version, "continue": more}, "items": items,
    }))
}

/// In lists, items do not say what they are.
fn item(object: &Value) -> Value {
    let mut item = object.clone();
    if let Value::Object(fields) = &mut item {
        fields.shift_remove("kind");
        fields.shift_remove("apiVersion");
    }
    item
}

/// An object's metadata alone.
pub(crate) fn metadata(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

pub(crate) fn create(store: &mut Store, request: &Request, kind: &Kind) -> Result<Value, Refused> {
    let mut object = request.json()?;
    matches_path(request, kind, &object)?;
    if object["metadata"]["name"].is_null()
        && let Some(prefix) = object["metadata"]["generateName"].as_str()
    {
        object["metadata"]["name"] = format!("{prefix}{:05x}", store.version() + 1).into();
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let key = key(kind, &request.namespace, &name);
    if store.get(&key).is_some() {
        return Err(Refused::exists(&kind.qualified(), &name));
    }
    if kind.status {
        take_status(&mut object, &Value::Null);
    }
    write(store, request, kind, &key, object)
}

pub(crate) fn replace(store: &mut Store, request: &Request, kind: &Kind) -> Result<Value, Refused> {
    let mut object = request.json()?;
    matches_path(request, kind, &object)?;
    let (key, before) = named(store, request, kind)?;
    let version = &object["metadata"]["resourceVersion"];
    if version.is_string() && *version != before["metadata"]["resourceVersion"] {
        return Err(Refused::new(
            409,
            format!("{} {:?}: the object has been modified", kind.qualified(), key.name),
        ));
    }
    match request.status_only() {
        true => object = with_status(&before, &object),
        false if kind.status => take_status(&mut object, &before["status"]),
        false => {}
    }
    write(store, request, kind, &key, object)
}

pub(crate) fn patch(store: &mut Store, request: &Request, kind: &Kind) -> Result<Value, Refused> {
    let change = request.json()?;
    let name = request.name.as_deref().unwrap_or_default();
    let key = key(kind, &request.namespace, name);
    let before = store.get(&key).cloned();
    let applying = request.content_type.starts_with("application/apply-patch+");
    let mut object = match (&before, applying) {
        (Some(before), _) => (**before).clone(),
        (None, true) if !request.status_only() => json!({}),
        (None, _) => return Err(Refused::not_found(&kind.qualified(), name)),
    };
    let manager = request.get("fieldManager");
    match request.content_type.as_str() {
        _ if applying => {
            matches_path(request, kind, &change)?;
            if manager.is_empty() {
                return Err(Refused::new(422, "fieldManager: Required value: is required for apply patch"));
            }
            let old = store.applied(&key, manager).cloned();
            merge::withdraw(&mut object, &old.unwrap_or_default(), &change);
            merge::apply(&mut object, &change);
            manages(&mut object, manager, kind);
        }
        "application/merge-patch+json" | "application/strategic-merge-patch+json" => {
            merge::patch(&mut object, &change);
        }
        other => return Err(Refused::new(415, format!("the double knows no patch of type {other:?}"))),
    }
    let status = before.as_deref().map(|before| before["status"].clone()).unwrap_or_default();
    match (request.status_only(), &before) {
        (true, Some(before)) => object = with_status(before, &object),
        _ if kind.status => take_status(&mut object, &status),
        _ => {}
    }
    let stored = write(store, request, kind, &key, object)?;
    if applying && !request.dry_run() {
        store.remember_applied(&key, manager, change);
    }
    Ok(stored)
}

pub(crate) fn delete(store: &mut Store, request: &Request, kind: &Kind) -> Result<Value, Refused> {
    let (key, object) = named(store, request, kind)?;
    let wanted = request.json().unwrap_or_default();
    for field in ["uid", "resourceVersion"] {
        let wanted = &wanted["preconditions"][field];
        if !wanted.is_null() && *wanted != object["metadata"][field] {
            return Err(Refused::new(
                409,
                format!("Precondition failed: {field} is {}", object["metadata"][field]),
            ));
        }
    }
    let dry = request.dry_run() || wanted["dryRun"] == json!(["All"]);
    if !dry {
        discard(store, kind, &key, &object);
    }
    Ok(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": key.name, "group": kind.group, "kind": kind.plural, "uid": object["metadata"]["uid"]},
    }))
}

pub(crate) fn delete_all(store: &mut Store, request: &Request, kind: &Kind) -> Result<Value, Refused> {
    let selectors = Selectors::parse(request.get("labelSelector"), request.get("fieldSelector"))?;
    let all: Vec<(Key, Arc<Value>)> = store
        .list(kind, &request.namespace)
        .filter(|(_, object)| selectors.matches(object))
        .map(|(key, object)| (key.clone(), object.clone()))
        .collect();
    if !request.dry_run() {
        for (key, object) in &all {
            discard(store, kind, key, object);
        }
    }
    list(store, request, kind)
}

/// Removes an object, or marks it for those who hold it by a finalizer.
fn discard(store: &mut Store, kind: &Kind, key: &Key, object: &Value) {
    if object["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty()) {
        let mut object = object.clone();
        object["metadata"]["deletionTimestamp"] = defaults::now();
        store.store(kind, key, object);
    } else {
        store.remove(key);
    }
}

fn write(
    store: &mut Store,
    request: &Request,
    kind: &Kind,
    key: &Key,
    object: Value,
) -> Result<Value, Refused> {
    store.check_namespace(&key.namespace)?;
    let before = store.get(key).cloned();
    let object = store.complete(kind, key, object);
    check::object(kind, before.as_deref(), &object)?;
    if request.dry_run() {
        return Ok(object);
    }
    Ok((*store.store(kind, key, object)).clone())
}

/// Refuses an object that is not what the path says.
fn matches_path(request: &Request, kind: &Kind, object: &Value) -> Result<(), Refused> {
    let wrong = |what: &str, found: &Value, wanted: &str| {
        Err(Refused::new(
            400,
            format!("the {what} of the object ({found}) does not match the request's ({wanted})"),
        ))
    };
    if object["kind"] != *kind.kind {
        return wrong("kind", &object["kind"], &kind.kind);
    }
    if object["apiVersion"] != *kind.api_version() {
        return wrong("API version", &object["apiVersion"], &kind.api_version());
    }
    let metadata = &object["metadata"];
    if !metadata["namespace"].is_null() && metadata["namespace"] != *request.namespace {
        return wrong("namespace", &metadata["namespace"], &request.namespace);
    }
    match &request.name {
        Some(name) if !metadata["name"].is_null() && metadata["name"] != **name => {
            wrong("name", &metadata["name"], name)
        }
        _ => Ok(()),
    }
}

/// `object` with the status it is to have; none for null.
fn take_status(object: &mut Value, status: &Value) {
    match status {
        Value::Null => {
            object.as_object_mut().and_then(|fields| fields.shift_remove("status"));
        }
        status => object["status"] = status.clone(),
    }
}

/// `before` with the status of `object`, and who manages it.
fn with_status(before: &Value, object: &Value) -> Value {
    let mut kept = before.clone();
    take_status(&mut kept, &object["status"]);
    if !object["metadata"]["managedFields"].is_null() {
        kept["metadata"]["managedFields"] = object["metadata"]["managedFields"].clone();
    }
    kept
}

/// Writes down that `manager` applies to the object. Which fields are its own is not told.
fn manages(object: &mut Value, manager: &str, kind: &Kind) {
    let entry = json!({"manager": manager, "operation": "Apply", "apiVersion": kind.api_version()});
    match object["metadata"]["managedFields"].as_array_mut() {
        Some(entries) if entries.contains(&entry) => {}
        Some(entries) => entries.push(entry),
        None => object["metadata"]["managedFields"] = json!([entry]),
    }
}
