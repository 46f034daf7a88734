//! Views: ways to show a gadget's rows beside columns. The gadget says which fields play which part; what draws them knows
//! no gadget.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::validate::{Problems, shown};
use super::{Descriptor, Kind};

const MAX_VIEWS: usize = 8;
/// Most fields of one part.
const MAX_FIELDS: usize = 8;
/// Objects within objects, and references, are followed this deep.
const MAX_DEPTH: usize = 8;

/// A way to show all rows of a run as one picture. Fields are named as in columns, dotted for nested ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// What is drawn.
    pub kind: ViewKind,
    /// The field with a row's stack: a text of functions, the outermost first, separated by `;`.
    pub stack: String,
    /// Fields with whole numbers: the first that a row has says how much its stack counts.
    pub weight: Vec<String>,
    /// Fields whose values stand under the stack, the outermost first: `comm`.
    #[serde(default)]
    pub root: Vec<String>,
}

/// What can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    /// Stacks side by side, each function as wide as it counts; also as folded stacks.
    FlameGraph,
}

impl Descriptor {
    /// How the rows are drawn as `kind`, if they are.
    pub fn view(&self, kind: ViewKind) -> Option<&View> {
        self.views.iter().find(|view| view.kind == kind)
    }

    pub(super) fn check_views(&self, problems: &mut Problems) {
        if self.kind == Kind::Tool && !self.views.is_empty() {
            problems.add("views", "a tool has none: it returns no rows");
        }
        if self.views.len() > MAX_VIEWS {
            problems.add("views", format!("there are {}; at most {MAX_VIEWS}", self.views.len()));
        }
        let mut kinds = BTreeSet::new();
        for (at, view) in self.views.iter().enumerate().take(MAX_VIEWS) {
            let at = format!("views[{at}]");
            if !kinds.insert(view.kind) {
                problems.add(&at, "a second view is of this kind");
            }
            if view.weight.is_empty() {
                problems.add(&at, "`weight` names no field");
            }
            if view.weight.len() > MAX_FIELDS || view.root.len() > MAX_FIELDS {
                problems.add(&at, format!("`weight` and `root` may name {MAX_FIELDS} fields each"));
            }
            let mut check = |part: &str, field: &String, wanted: &[&str]| {
                let row = self.tools.first().map(|tool| &tool.row);
                let found = row.and_then(|row| type_of(row, field));
                let problem = match found {
                    Some(found) if wanted.contains(&found) => return,
                    Some(found) => format!("is of type {}, not {}", shown(found), wanted.join(" or ")),
                    None => "is no field of the row with one type".to_owned(),
                };
                problems.add(&at, format!("`{part}`: `{}` {problem}", shown(field)));
            };
            check("stack", &view.stack, &["string"]);
            view.weight.iter().take(MAX_FIELDS).for_each(|field| check("weight", field, &["integer"]));
            let scalar = ["string", "integer", "number", "boolean"];
            view.root.iter().take(MAX_FIELDS).for_each(|field| check("root", field, &scalar));
        }
    }
}

/// The type of a field, by its dotted name; `None` when there is no such field, or it may be of several types.
fn type_of<'a>(row: &'a Value, field: &str) -> Option<&'a str> {
    let parts = field.split('.');
    if parts.clone().count() > MAX_DEPTH {
        return None;
    }
    let mut here = row;
    for part in parts {
        here = resolve(row, here.get("properties")?.get(part)?)?;
    }
    here.get("type")?.as_str()
}

/// What a schema's `$ref`, if it has one, stands for.
fn resolve<'a>(row: &'a Value, mut schema: &'a Value) -> Option<&'a Value> {
    for _ in 0..MAX_DEPTH {
        let Some(Value::String(to)) = schema.get("$ref") else { return Some(schema) };
        schema = row.pointer(to.strip_prefix('#')?)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::descriptor::Kind;
    use crate::descriptor::tests::stream;

    #[test]
    fn a_view_fits_the_row_or_is_refused() {
        let mut good = stream();
        good.tools[0].row = json!({
            "type": "object",
            "properties": {
                "stack": {"type": "string"}, "n": {"$ref": "#/$defs/n"}, "loop": {"$ref": "#/properties/loop"},
                "container": {"type": "object", "properties": {"name": {"type": "string"}}},
            },
            "$defs": {"n": {"type": "integer"}},
        });
        let with = |view: serde_json::Value| {
            let mut descriptor = good.clone();
            descriptor.views = serde_json::from_value(view).unwrap();
            descriptor.validate(None).map_err(|error| error.to_string())
        };
        let view = |stack: &str, weight: &str, root: &str| json!([{"kind": "flame_graph", "stack": stack, "weight": [weight], "root": [root]}]);
        // Without its object the rest of the descriptor has one problem.
        let without = |error: Result<(), String>| {
            error
                .unwrap_err()
                .replace("kind: a stream or snapshot needs an eBPF object, but the image has none", "")
        };
        assert!(!without(with(view("stack", "n", "container.name"))).contains("views"));
        let cases = [
            (view("absent", "n", "n"), "views[0]: `stack`: `absent` is no field"),
            (view("n", "n", "n"), "`stack`: `n` is of type integer, not string"),
            (view("stack", "stack", "n"), "`weight`: `stack` is of type string, not integer"),
            (view("stack", "loop", "n"), "`weight`: `loop` is no field of the row with one type"),
            (view("stack", "n", "container"), "`root`: `container` is of type object"),
            (view("stack", "n", "container.id"), "`root`: `container.id` is no field"),
            (json!([{"kind": "flame_graph", "stack": "stack", "weight": []}]), "`weight` names no field"),
            (
                json!([{"kind": "flame_graph", "stack": "stack", "weight": ["n"]},
                       {"kind": "flame_graph", "stack": "stack", "weight": ["n"]}]),
                "views[1]: a second view is of this kind",
            ),
        ];
        for (view, expected) in cases {
            let error = without(with(view));
            assert!(error.contains(expected), "{error}");
        }
        let mut tool = good.clone();
        tool.kind = Kind::Tool;
        tool.hooks.clear();
        tool.views = serde_json::from_value(view("stack", "n", "n")).unwrap();
        assert!(tool.validate(None).unwrap_err().to_string().contains("views: a tool has none"));
    }
}
