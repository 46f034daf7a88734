//! The schemas of a tool as callers see them: the gadget's own parameters with the common ones beside them, and the
//! gadget's row inside the common answer.
//!
//! Every definition is read by a model on every session, so the common parts are kept short.

use gadget_registry::descriptor::{Kind, Tool};
use serde_json::{Map, Value, json};

use crate::request::{DEFAULT_DURATION, DEFAULT_MAX_ROWS, MAX_DURATION, MAX_MAX_ROWS};

/// Names of the common parameters; a gadget's own may not be one of these.
pub const COMMON: [&str; 8] = ["duration", "max_rows", "container", "pid", "tid", "uid", "gid", "comm"];

/// A parameter of the gadget that the host already gives a meaning.
#[derive(Debug, thiserror::Error)]
#[error("parameter `{0}` is one that the host defines for every gadget: give the gadget's another name")]
pub struct Reserved(String);

/// The inputSchema of `tool`.
pub fn input(kind: Kind, tool: &Tool) -> Result<Map<String, Value>, Reserved> {
    let mut schema = tool.params.as_object().cloned().unwrap_or_default();
    schema.remove("$schema");
    schema.remove("title");
    schema.remove("description");
    schema.insert("type".into(), "object".into());
    schema.insert("additionalProperties".into(), false.into());
    if kind == Kind::Tool {
        return Ok(schema);
    }
    let mut properties = match schema.remove("properties") {
        Some(Value::Object(own)) => own,
        _ => Map::new(),
    };
    if let Some(name) = COMMON.iter().find(|name| properties.contains_key(**name)) {
        return Err(Reserved((*name).to_owned()));
    }
    for (name, value) in common(kind) {
        properties.insert(name.to_owned(), value);
    }
    schema.insert("properties".into(), properties.into());
    Ok(schema)
}

fn common(kind: Kind) -> Vec<(&'static str, Value)> {
    let id = |what: &str, min: u32| {
        json!({"type": "integer", "minimum": min, "maximum": u32::MAX - 1,
               "description": format!("Only this {what}.")})
    };
    let mut all = Vec::with_capacity(COMMON.len());
    if kind == Kind::Stream {
        all.push((
            "duration",
            json!({"type": "number", "minimum": 0.1, "maximum": MAX_DURATION.as_secs(),
                   "default": DEFAULT_DURATION.as_secs(), "description": "Seconds to look."}),
        ));
    }
    all.push((
        "max_rows",
        json!({"type": "integer", "minimum": 1, "maximum": MAX_MAX_ROWS, "default": DEFAULT_MAX_ROWS,
               "description": "Rows to return; further ones are counted in summary.truncated."}),
    ));
    all.push((
        "container",
        json!({"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 256}, "maxItems": 64,
               "description": "Only these containers, by name or id prefix."}),
    ));
    all.push(("pid", id("process id", 1)));
    all.push(("tid", id("thread id", 1)));
    all.push(("uid", id("user id", 0)));
    all.push(("gid", id("group id", 0)));
    all.push((
        "comm",
        json!({"type": "string", "minLength": 1, "maxLength": 15, "description": "Only threads of this name."}),
    ));
    all
}

/// The outputSchema of `tool`.
pub fn output(kind: Kind, tool: &Tool) -> Map<String, Value> {
    let mut row = tool.row.as_object().cloned().unwrap_or_default();
    row.remove("$schema");
    row.remove("title");
    row.remove("description");
    if kind == Kind::Tool {
        return row;
    }
    // References inside the row's schema are relative to the document, so its definitions move to the new root.
    let definitions = row.remove("$defs");
    let count = json!({"type": "integer", "minimum": 0});
    let counts = |names: &[&str]| {
        let properties: Map<_, _> = names.iter().map(|name| ((*name).to_owned(), count.clone())).collect();
        json!({"type": "object", "properties": properties, "required": names})
    };
    let schema = json!({
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": row},
            "summary": counts(&["seen", "returned", "truncated", "duration_ms"]),
            "loss": counts(&["total", "ring", "unread", "limits"]),
            "gadget": {
                "type": "object",
                "properties": {"reference": {"type": "string"}, "digest": {"type": "string"},
                               "signed_by": {"type": "string"}},
                "required": ["reference", "digest", "signed_by"],
            },
        },
        "required": ["rows", "summary", "loss", "gadget"],
    });
    let Value::Object(mut schema) = schema else { unreachable!("a literal object") };
    if let Some(definitions) = definitions {
        schema.insert("$defs".into(), definitions);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(params: Value, row: Value) -> Tool {
        Tool {
            name: "t".into(),
            title: String::new(),
            description: String::new(),
            params,
            row,
            columns: Vec::new(),
            annotations: gadget_registry::descriptor::Annotations::default(),
        }
    }

    #[test]
    fn own_parameters_come_first_and_common_ones_follow() {
        let schema = input(
            Kind::Stream,
            &tool(json!({"type": "object", "properties": {"failed": {"type": "boolean"}}}), json!({})),
        )
        .unwrap();
        let names: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(names[0], "failed");
        assert_eq!(names[1..], COMMON);
        assert_eq!(schema["additionalProperties"], json!(false));
    }

    #[test]
    fn a_snapshot_has_no_duration() {
        let schema = input(Kind::Snapshot, &tool(json!({"type": "object"}), json!({}))).unwrap();
        assert!(schema["properties"].get("duration").is_none());
    }

    #[test]
    fn a_tool_keeps_its_schema() {
        let own = json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
        let schema = input(Kind::Tool, &tool(own, json!({}))).unwrap();
        assert_eq!(
            Value::Object(schema),
            json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"],
                   "additionalProperties": false})
        );
    }

    #[test]
    fn a_reserved_name_is_refused() {
        let own = json!({"type": "object", "properties": {"pid": {"type": "integer"}}});
        let refused = input(Kind::Stream, &tool(own, json!({}))).unwrap_err().to_string();
        assert!(refused.contains("`pid`"), "{refused}");
    }

    #[test]
    fn definitions_of_the_row_move_to_the_root() {
        let row = json!({"type": "object", "properties": {"c": {"$ref": "#/$defs/C"}},
                         "$defs": {"C": {"type": "string"}}});
        let schema = Value::Object(output(Kind::Stream, &tool(json!({}), row)));
        assert_eq!(schema["$defs"]["C"]["type"], "string");
        let validator = jsonschema::validator_for(&schema).unwrap();
        let answer = json!({
            "rows": [{"c": 5}],
            "summary": {"seen": 0, "returned": 0, "truncated": 0, "duration_ms": 0},
            "loss": {"total": 0, "ring": 0, "unread": 0, "limits": 0},
            "gadget": {"reference": "", "digest": "", "signed_by": ""},
        });
        let error = validator.validate(&answer).unwrap_err();
        assert_eq!(error.instance_path().to_string(), "/rows/0/c");
    }
}
