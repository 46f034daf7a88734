//! The schemas of a tool as callers see them: the gadget's own parameters with the common ones beside them, and the
//! gadget's row inside the common answer.
//!
//! Every definition is read by a model on every session, so the common parts are kept short.

use gadget_registry::descriptor::{Kind, Tool};
use serde_json::{Map, Value, json};

use crate::query::{MAX_AGGREGATES, MAX_FIELDS, MAX_FILTER, MAX_KEYS, MAX_PROJECTED};
use crate::request::{DEFAULT_DURATION, DEFAULT_MAX_ROWS, MAX_DURATION, MAX_MAX_ROWS};

/// Names of the common parameters; a gadget's own may not be one of these.
pub const COMMON: [&str; 17] = [
    "duration",
    "max_rows",
    "filter",
    "fields",
    "sort",
    "group_by",
    "aggregate",
    "container",
    "namespace",
    "pod",
    "selector",
    "node",
    "pid",
    "tid",
    "uid",
    "gid",
    "comm",
];

/// What the common parameters mean, once for all tools: for the server's instructions, as lists of tools leave it out.
pub const COMMON_HELP: &str = include_str!("common.md");

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
    let names = |most: usize, what: &str| {
        json!({"type": "array", "items": {"type": "string", "maxLength": 256}, "maxItems": most,
               "description": what})
    };
    all.push((
        "filter",
        json!({"type": "string", "maxLength": MAX_FILTER,
               "description": "Only rows for which this CEL expression over their fields holds."}),
    ));
    all.push(("fields", names(MAX_PROJECTED, "Only these fields of each row.")));
    all.push(("sort", names(MAX_KEYS, "Sort rows by these fields; `-field` descends.")));
    all.push(("group_by", names(MAX_FIELDS, "One row for each combination of these fields' values.")));
    all.push((
        "aggregate",
        names(
            MAX_AGGREGATES,
            "What to compute of each group: count, sum(f), min(f), max(f), p50(f), p95(f), p99(f).",
        ),
    ));
    all.push((
        "container",
        json!({"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 256}, "maxItems": 64,
               "description": "Only these containers, by name or id prefix."}),
    ));
    let some = |what: &str| {
        json!({"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 253}, "maxItems": 64,
               "description": what})
    };
    all.push(("namespace", some("Only containers of pods in these Kubernetes namespaces.")));
    all.push(("pod", some("Only containers of these pods.")));
    all.push((
        "selector",
        json!({"type": "string", "maxLength": 1024,
               "description": "Only containers of pods with these labels: `app=web,tier in (a, b)`."}),
    ));
    all.push(("node", some("Only on these nodes.")));
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

/// Common parameters that lists of tools name; [`COMMON_HELP`] tells of the others, which are taken as well.
const LISTED: [&str; 4] = ["duration", "filter", "container", "pid"];

/// Bytes of a parameter's text in a list of tools.
const BRIEF_TEXT: usize = 40;
/// Bytes of a tool's description there.
const BRIEF_DESCRIPTION: usize = 160;

/// `description` of a tool for a list of tools: what it shows, which descriptions begin with.
pub fn brief_description(description: &str) -> &str {
    brief_text(description, BRIEF_DESCRIPTION)
}

/// `input`, an inputSchema, for a list of tools: the gadget's own parameters with the first sentence about each, and
/// names and types of the common ones that are asked for most. It leaves the schema open for the others.
pub fn brief_input(kind: Kind, input: &Map<String, Value>) -> Map<String, Value> {
    let mut schema = input.clone();
    if kind == Kind::Tool {
        return brief_tool(&schema);
    }
    schema.remove("additionalProperties");
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return schema };
    properties.retain(|name, _| LISTED.contains(&name.as_str()) || !COMMON.contains(&name.as_str()));
    for (name, property) in properties {
        let common = COMMON.contains(&name.as_str());
        let Some(keywords) = property.as_object_mut() else { continue };
        if common {
            keywords.retain(|keyword, _| ["type", "items"].contains(&keyword.as_str()));
            if let Some(items) = keywords.get_mut("items").and_then(Value::as_object_mut) {
                items.retain(|keyword, _| keyword == "type");
            }
            continue;
        }
        // What is off unless asked for need not say so.
        keywords.retain(|keyword, value| keyword != "default" || *value != Value::Bool(false));
        if let Some(Value::String(text)) = keywords.get_mut("description") {
            *text = brief_text(text, BRIEF_TEXT).to_owned();
        }
    }
    schema
}

/// A tool's own inputSchema with the names and types of its parameters alone; it says nothing of what is within them.
fn brief_tool(schema: &Map<String, Value>) -> Map<String, Value> {
    let keep = |schema: &Map<String, Value>, keywords: &[&str]| -> Map<String, Value> {
        let kept = schema.iter().filter(|(keyword, _)| keywords.contains(&keyword.as_str()));
        kept.map(|(keyword, value)| (keyword.clone(), value.clone())).collect()
    };
    let mut brief = keep(schema, &["type", "required"]);
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let properties: Map<String, Value> = properties
        .map(|(name, property)| {
            let property = property.as_object().map(|it| keep(it, &["type", "enum"])).unwrap_or_default();
            (name.clone(), Value::Object(property))
        })
        .collect();
    if !properties.is_empty() {
        brief.insert("properties".into(), properties.into());
    }
    brief
}

/// The sentences of `text` that fit into `most` bytes; the first one is cut at a word when it alone does not.
pub fn brief_text(text: &str, most: usize) -> &str {
    let text = text.trim();
    if text.len() <= most {
        return text;
    }
    let most = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let fits = &text[..most];
    let sentence = fits.rfind(". ").map(|at| at + 1);
    let word = || fits.rfind(' ').unwrap_or(most);
    fits[..sentence.unwrap_or_else(word)].trim_end_matches([' ', ',', ';', ':'])
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
    let mut definitions = row.remove("$defs");
    // `fields` may leave out any field, and `group_by` makes rows with others.
    row.remove("additionalProperties");
    let mut row = Value::Object(row);
    make_optional(&mut row);
    definitions.iter_mut().for_each(make_optional);
    let count = json!({"type": "integer", "minimum": 0});
    let counts = |names: &[&str]| {
        let properties: Map<_, _> = names.iter().map(|name| ((*name).to_owned(), count.clone())).collect();
        json!({"type": "object", "properties": properties, "required": names})
    };
    let schema = json!({
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": row},
            "summary": counts(&["seen", "matched", "filtered", "returned", "truncated", "duration_ms"]),
            "loss": counts(&["total", "ring", "unread", "limits", "missed", "link"]),
            "gadget": {
                "type": "object",
                "properties": {"reference": {"type": "string"}, "digest": {"type": "string"},
                               "signed_by": {"type": "string"}},
                "required": ["reference", "digest", "signed_by"],
            },
            "cursor": {"type": "string"},
        },
        "required": ["rows", "summary", "loss", "gadget"],
    });
    let Value::Object(mut schema) = schema else { unreachable!("a literal object") };
    if let Some(definitions) = definitions {
        schema.insert("$defs".into(), definitions);
    }
    schema
}

/// The outputSchema of `tool` for a list of tools: that there is an object, and of a tool's own the names of its fields.
pub fn brief_output(kind: Kind, tool: &Tool) -> Map<String, Value> {
    let mut schema = Map::from_iter([("type".to_owned(), "object".into())]);
    if kind == Kind::Tool {
        let fields = tool.row.get("properties").and_then(Value::as_object).into_iter().flatten();
        let names: Map<String, Value> = fields.map(|(name, _)| (name.clone(), json!({}))).collect();
        schema.insert("properties".into(), names.into());
    }
    schema
}

/// Takes `required` out of `schema` and all schemas in it.
fn make_optional(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            // A field may well be called `required`; what it has is a schema, not a list.
            if keywords.get("required").is_some_and(Value::is_array) {
                keywords.remove("required");
            }
            keywords.values_mut().for_each(make_optional);
        }
        Value::Array(items) => items.iter_mut().for_each(make_optional),
        _ => {}
    }
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
            "summary": {"seen": 0, "matched": 0, "filtered": 0, "returned": 0, "truncated": 0, "duration_ms": 0},
            "loss": {"total": 0, "ring": 0, "unread": 0, "limits": 0, "missed": 0, "link": 0},
            "gadget": {"reference": "", "digest": "", "signed_by": ""},
        });
        let error = validator.validate(&answer).unwrap_err();
        assert_eq!(error.instance_path().to_string(), "/rows/0/c");
    }

    #[test]
    fn the_names_of_common_parameters_are_reserved() {
        for name in COMMON {
            assert!(gadget_registry::descriptor::RESERVED_PARAMS.contains(&name), "{name}");
            assert!(COMMON_HELP.contains(&format!("`{name}`")), "the help does not tell of {name}");
        }
        // Those that rows of most gadgets begin with.
        for name in ["timestamp", "container", "comm", "pid", "tid", "uid", "gid", "ppid", "parent_comm"] {
            assert!(COMMON_HELP.contains(name), "the help does not tell of {name}");
        }
    }

    #[test]
    fn lists_of_tools_get_names_and_types_alone() {
        let own =
            json!({"type": "object", "properties": {"failed": {"type": "boolean", "description": "Own."}}});
        let row =
            json!({"type": "object", "properties": {"pid": {"type": "integer"}, "path": {"type": "string"}}});
        let tool = tool(own, row);
        let brief = Value::Object(brief_input(Kind::Stream, &input(Kind::Stream, &tool).unwrap()));
        assert_eq!(brief["properties"]["failed"], json!({"type": "boolean", "description": "Own."}));
        assert_eq!(brief["properties"]["pid"], json!({"type": "integer"}));
        assert_eq!(brief["properties"]["container"], json!({"type": "array", "items": {"type": "string"}}));
        // Parameters that are not listed can be given.
        let given = json!({"failed": true, "sort": ["-pid"], "tid": 5});
        assert!(jsonschema::validator_for(&brief).unwrap().is_valid(&given));
        let output = Value::Object(brief_output(Kind::Stream, &tool));
        assert_eq!(output, json!({"type": "object"}));
        // What every tool of a catalogue of twenty-five pays.
        let cost = brief.to_string().len() + output.to_string().len();
        assert!(cost < 400, "{cost} bytes: {brief}{output}");
    }

    #[test]
    fn of_a_tool_the_list_has_names_and_types() {
        let own = json!({"type": "object", "required": ["a"], "additionalProperties": false, "$defs": {"D": {}},
            "properties": {"a": {"type": "string", "description": "Long.", "maxLength": 5}, "b": {"$ref": "#/$defs/D"}}});
        let tool =
            tool(own, json!({"type": "object", "properties": {"c": {"type": "object"}}, "required": ["c"]}));
        let brief = brief_input(Kind::Tool, &input(Kind::Tool, &tool).unwrap());
        let wanted =
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}, "b": {}}});
        assert_eq!(Value::Object(brief), wanted);
        let output = brief_output(Kind::Tool, &tool);
        assert_eq!(Value::Object(output), json!({"type": "object", "properties": {"c": {}}}));
    }

    #[test]
    fn texts_are_cut_at_sentences() {
        let cases = [
            ("One. Two.", 20, "One. Two."),
            ("One. Two.", 8, "One."),
            ("One two three", 9, "One two"),
            ("One, two", 6, "One"),
            ("äöü", 3, "ä"),
        ];
        for (text, most, wanted) in cases {
            assert_eq!(brief_text(text, most), wanted);
        }
    }

    /// A row with only some fields, and a group, are what the schema says as well.
    #[test]
    fn shaped_rows_keep_to_the_schema() {
        let row = json!({"type": "object", "additionalProperties": false, "required": ["pid", "peer"],
            "properties": {"pid": {"type": "integer"}, "required": {"type": "string"},
                           "peer": {"type": "object", "properties": {"port": {"type": "integer"}}, "required": ["port"]}}});
        let schema = Value::Object(output(Kind::Stream, &tool(json!({}), row)));
        assert!(schema["properties"]["rows"]["items"]["properties"]["required"].is_object());
        let validator = jsonschema::validator_for(&schema["properties"]["rows"]).unwrap();
        assert!(validator.is_valid(&json!([{"peer": {}}, {"peer.port": 80, "count": 3}])));
        assert!(!validator.is_valid(&json!([{"pid": "x"}])));
    }
}
