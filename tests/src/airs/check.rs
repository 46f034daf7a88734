//! What the OpenAPI file wants of a request.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;

use super::{PROFILE, Seen};

/// Whether `x-payload-hash`, if it is there, is the one of the body.
pub(super) fn hash_fits(credential: &str, seen: &Seen) -> bool {
    let Some(hash) = seen.headers.get("x-payload-hash") else { return true };
    let mut mac = Hmac::<Sha256>::new_from_slice(credential.as_bytes()).expect("any key will do");
    mac.update(&seen.body);
    let wanted: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    *hash == wanted
}

/// A scan.
pub(super) fn scan(body: &[u8]) -> Result<Value, String> {
    let scan: Value = serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))?;
    request(&scan)?;
    Ok(scan)
}

/// A batch of at most `most` scans.
pub(super) fn batch(body: &[u8], most: usize) -> Result<Vec<Value>, String> {
    let batch: Vec<Value> = serde_json::from_slice(body).map_err(|error| format!("no list: {error}"))?;
    if batch.is_empty() || batch.len() > most {
        return Err(format!("a batch has 1 to {most} objects"));
    }
    for item in &batch {
        let item = fields(item, &["req_id", "scan_req"])?;
        if item.get("req_id").and_then(Value::as_u64).is_none_or(|id| id > u32::MAX.into()) {
            return Err("req_id is no uint32".to_owned());
        }
        request(item.get("scan_req").ok_or("scan_req is missing")?)?;
    }
    Ok(batch)
}

/// At most five ids, joined by commas.
pub(super) fn ids(query: &str, name: &str, prefix: &str) -> Result<Vec<String>, String> {
    let ids = query.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).ok_or("ids are missing")?;
    let ids: Vec<String> = ids.split(',').map(str::to_owned).collect();
    if ids.len() > 5 {
        return Err("at most 5 ids".to_owned());
    }
    match ids.iter().find(|id| !id.strip_prefix(prefix).is_some_and(is_uuid)) {
        Some(id) => Err(format!("{id} is no id")),
        None => Ok(ids),
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

fn request(scan: &Value) -> Result<(), String> {
    let scan = fields(scan, &["tr_id", "session_id", "ai_profile", "metadata", "contents"])?;
    short(scan, &["tr_id", "session_id"])?;
    let profile =
        fields(scan.get("ai_profile").ok_or("ai_profile is missing")?, &["profile_id", "profile_name"])?;
    let id = profile.get("profile_id").and_then(Value::as_str);
    match (id, profile.get("profile_name").and_then(Value::as_str)) {
        (Some(id), _) if !is_uuid(id) => return Err("profile_id is no UUID".to_owned()),
        (Some(_), _) | (None, Some(PROFILE)) => {}
        (None, Some(name)) => return Err(format!("there is no profile {name}")),
        (None, None) => return Err("ai_profile is empty".to_owned()),
    }
    if let Some(metadata) = scan.get("metadata") {
        let metadata = fields(metadata, &["app_name", "app_user", "ai_model", "user_ip", "agent_meta"])?;
        if let Some(agent) = metadata.get("agent_meta") {
            fields(agent, &["agent_id", "agent_version", "agent_arn"])?;
        }
    }
    let contents = scan.get("contents").and_then(Value::as_array).ok_or("contents are missing")?;
    content(contents.last().ok_or("contents are empty")?)
}

fn content(content: &Value) -> Result<(), String> {
    const TEXTS: [&str; 4] = ["prompt", "response", "code_prompt", "code_response"];
    let content = fields(content, &[&TEXTS[..], &["context", "tool_event"]].concat())?;
    let text = |of: &Map<String, Value>, name: &str| {
        of.get(name).and_then(Value::as_str).is_some_and(|it| !it.is_empty())
    };
    if let Some(event) = content.get("tool_event") {
        let event = fields(event, &["metadata", "input", "output"])?;
        let metadata = event.get("metadata").ok_or("metadata is missing")?;
        let metadata = fields(metadata, &["ecosystem", "method", "server_name", "tool_invoked"])?;
        if !["ecosystem", "method", "server_name"].iter().all(|name| text(metadata, name)) {
            return Err("metadata of the tool_event is not whole".to_owned());
        }
        if !text(event, "input") && !text(event, "output") {
            return Err("tool_event is empty".to_owned());
        }
    } else if !TEXTS.iter().any(|name| text(content, name)) {
        return Err("content is empty".to_owned());
    }
    Ok(())
}

/// The members of an object that has no others than `known`, and no null.
fn fields<'v>(value: &'v Value, known: &[&str]) -> Result<&'v Map<String, Value>, String> {
    let members = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
    match members.iter().find(|(name, value)| !known.contains(&name.as_str()) || value.is_null()) {
        Some((name, _)) => Err(format!("{name} is unknown, or null")),
        None => Ok(members),
    }
}

fn short(members: &Map<String, Value>, names: &[&str]) -> Result<(), String> {
    for name in names {
        if members.get(*name).is_some_and(|it| it.as_str().is_none_or(|text| text.len() > 100)) {
            return Err(format!("{name} is no text of at most 100 characters"));
        }
    }
    Ok(())
}
