//! Tools as MCP shows them, and the names a caller may have meant.

use std::sync::Arc;

use gadgetry_run::gadget::Tool;
use gadgetry_run::schema::brief_description;
use rmcp::model::{Tool as Listed, ToolAnnotations};
use serde_json::{Map, Value, json};

use crate::runs::{BACKGROUND, can_run_on};

/// How alike two names must be for one to be offered in place of the other.
const ALIKE: f64 = 0.75;

/// `tool` as an entry of tools/list, with what a model needs to call it as a rule: every session begins with reading the
/// whole list. `background`: whether runs may be started that outlive their call. `brief`: whether `describe_gadget` has
/// the rest.
///
/// All four annotations are given, because the protocol's defaults (destructive, open world) are wrong for most gadgets.
pub(crate) fn listed(tool: &Tool, background: bool, brief: bool) -> Listed {
    let hints = tool.annotations;
    let (description, input, output) = if brief {
        (brief_description(&tool.description), &tool.brief_input, &tool.brief_output)
    } else {
        (tool.description.trim(), &tool.input_schema, &tool.output_schema)
    };
    let input = with_background(tool, input, background);
    Listed::new_with_raw(tool.name.clone(), Some(description.to_owned().into()), input)
        .with_title(tool.title.clone())
        .with_raw_output_schema(output.clone())
        .with_annotations(ToolAnnotations::from_raw(
            None,
            Some(hints.read_only),
            Some(hints.destructive),
            Some(hints.idempotent),
            Some(hints.open_world),
        ))
}

/// `schema`, an inputSchema of `tool`, with the parameter that starts a run in the background where that is allowed.
pub(crate) fn with_background(
    tool: &Tool,
    schema: &Arc<Map<String, Value>>,
    background: bool,
) -> Arc<Map<String, Value>> {
    if !background || !can_run_on(tool) {
        return schema.clone();
    }
    let mut schema = Map::clone(schema);
    if let Value::Object(properties) = schema.entry("properties").or_insert_with(|| json!({})) {
        properties.insert(BACKGROUND.to_owned(), json!({"type": "boolean"}));
    }
    Arc::new(schema)
}

/// The name among `names` that `wanted` was probably meant to be.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| {
            // `open` for `trace_open`: no typing error, but what a caller remembers of the name.
            let part = !wanted.is_empty() && name.split('_').any(|word| word == wanted);
            (if part { 1.0 } else { strsim::jaro_winkler(wanted, name) }, name)
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["snapshot_process", "trace_exec", "trace_open"];
        for (wanted, found) in [
            ("trace_opne", Some("trace_open")),
            ("traceopen", Some("trace_open")),
            ("open", Some("trace_open")),
            ("snapshot_proces", Some("snapshot_process")),
            ("process", Some("snapshot_process")),
            ("read_mail", None),
            ("", None),
        ] {
            assert_eq!(nearest(wanted, names.into_iter()), found, "{wanted}");
        }
    }
}
