//! The few tools by which an assistant finds and runs gadgets when the whole list would be too long for it: look for
//! one, read its definition, run it. The definitions that a session begins with are then the same size however many
//! gadgets there are. The one that reads a definition stands beside the whole list too, which is brief.

use std::sync::Arc;

use gadgetry_run::gadget::Tool;
use rmcp::model::{CallToolResult, ContentBlock, Tool as Listed, ToolAnnotations};
use serde_json::{Map, Value, json};

use crate::listing::with_background;
use crate::reply::failure;

/// Name of the tool that runs another.
pub(crate) const RUN: &str = "run_gadget";
const SEARCH: &str = "search_gadgets";
/// Name of the tool that reads a definition.
pub(crate) const DESCRIBE: &str = "describe_gadget";

/// What a name means among them; [`RUN`] is unwrapped before anything is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finder {
    Search,
    Describe,
}

impl Finder {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            SEARCH => Some(Self::Search),
            DESCRIBE => Some(Self::Describe),
            _ => None,
        }
    }

    /// Answers a call; `tools` are those on offer. `background`: whether they may run in the background.
    pub(crate) fn call(
        self,
        tools: &[&Tool],
        arguments: &Map<String, Value>,
        background: bool,
    ) -> CallToolResult {
        let (takes, required) = match self {
            Self::Search => ("query", false),
            Self::Describe => ("name", true),
        };
        if let Some(other) = arguments.keys().find(|it| *it != takes) {
            return failure(format!(
                "argument `{}`: this tool takes only `{takes}`",
                crate::audit::cut(other)
            ));
        }
        match arguments.get(takes) {
            Some(Value::String(text)) => match self {
                Self::Search => search(tools, text),
                Self::Describe => describe(tools, text, background),
            },
            None if !required => search(tools, ""),
            _ => failure(format!("argument `{takes}`: a string is wanted")),
        }
    }
}

fn own(
    name: &'static str,
    title: &str,
    description: &'static str,
    input: Value,
    [read_only, destructive, idempotent, open_world]: [bool; 4],
) -> Listed {
    let Value::Object(input) = input else { unreachable!("a literal object") };
    let hints = ToolAnnotations::from_raw(
        None,
        Some(read_only),
        Some(destructive),
        Some(idempotent),
        Some(open_world),
    );
    Listed::new(name, description, Arc::new(input)).with_title(title).with_annotations(hints)
}

/// The hints of a tool that only looks.
const LOOKS: [bool; 4] = [true, false, true, false];

/// The entry of tools/list for the tool that reads a definition.
pub(crate) fn describes() -> Listed {
    own(
        DESCRIBE,
        "Describe a gadget",
        "Returns what a gadget shows, all its arguments, and the fields of its rows.",
        json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"],
               "additionalProperties": false}),
        LOOKS,
    )
}

/// Entries of tools/list. `tools` are those on offer: running one may do whatever any of them may.
pub(crate) fn listed(tools: &[&Tool]) -> Vec<Listed> {
    let all = |hint: fn(&Tool) -> bool| tools.iter().all(|it| hint(it));
    let runs = [
        all(|it| it.annotations.read_only),
        !all(|it| !it.annotations.destructive),
        all(|it| it.annotations.idempotent),
        !all(|it| !it.annotations.open_world),
    ];
    vec![
        own(
            SEARCH,
            "Find a gadget",
            "Finds gadgets by words: files, exec, dns, tcp, cpu, memory, mount, seccomp... Without a query, lists all.",
            json!({"type": "object", "properties": {"query": {"type": "string"}}, "additionalProperties": false}),
            LOOKS,
        ),
        describes(),
        own(
            RUN,
            "Run a gadget",
            "Runs a gadget with the arguments that describe_gadget gives, and returns its rows, what was lost, and \
             what was looked at.",
            json!({"type": "object",
                   "properties": {"name": {"type": "string"}, "arguments": {"type": "object"}},
                   "required": ["name"], "additionalProperties": false}),
            runs,
        ),
    ]
}

/// The tool and the arguments that a call of [`RUN`] means.
pub(crate) fn unwrapped(mut arguments: Map<String, Value>) -> Result<(String, Map<String, Value>), String> {
    let Some(Value::String(name)) = arguments.remove("name") else {
        return Err("argument `name`: the name of a gadget is wanted; search_gadgets lists them".into());
    };
    let inner = match arguments.remove("arguments") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(inner)) => inner,
        Some(_) => return Err("argument `arguments`: an object is wanted".into()),
    };
    match arguments.keys().next() {
        Some(other) => {
            let other = crate::audit::cut(other);
            Err(format!(
                "argument `{other}`: run_gadget takes `name` and `arguments`; put it into `arguments`"
            ))
        }
        None => Ok((name, inner)),
    }
}

fn search(tools: &[&Tool], query: &str) -> CallToolResult {
    let words: Vec<_> = query.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty()).collect();
    let words: Vec<_> = words.iter().map(|it| it.to_lowercase()).collect();
    let mut found: Vec<(usize, &Tool)> = tools.iter().map(|it| (score(it, &words), *it)).collect();
    let nothing = found.iter().all(|(score, _)| *score == 0);
    if !nothing {
        found.retain(|(score, _)| *score > 0);
        // By name among equals, which is their order already.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    }
    let mut lines: Vec<String> = found.iter().map(|(_, it)| format!("{}: {}", it.name, it.title)).collect();
    if nothing && !words.is_empty() {
        lines.insert(0, "No gadget has these words. All there are:".to_owned());
    }
    let gadgets: Vec<_> =
        found.iter().map(|(_, it)| json!({"name": it.name, "title": it.title, "kind": it.kind})).collect();
    answer(lines.join("\n"), json!({"gadgets": gadgets}))
}

/// How well a tool fits: words in its name count most.
fn score(tool: &Tool, words: &[String]) -> usize {
    let (title, description) = (tool.title.to_lowercase(), tool.description.to_lowercase());
    let one = |word: &String| {
        4 * usize::from(tool.name.contains(word.as_str()))
            + 2 * usize::from(title.contains(word.as_str()))
            + usize::from(description.contains(word.as_str()))
    };
    words.iter().map(one).sum()
}

fn describe(tools: &[&Tool], name: &str, background: bool) -> CallToolResult {
    let Some(tool) = tools.iter().find(|it| it.name == name) else {
        let name = crate::audit::cut(name);
        let like = crate::listing::nearest(name, tools.iter().map(|it| it.name.as_str()));
        return failure(match like {
            Some(like) => format!("argument `name`: there is no gadget `{name}`; did you mean `{like}`?"),
            None => {
                format!("argument `name`: there is no gadget `{name}`; search_gadgets lists those there are")
            }
        });
    };
    let hints = tool.annotations;
    let described = json!({
        "name": tool.name,
        "title": tool.title,
        "kind": tool.kind,
        "description": tool.description.trim(),
        "arguments": *with_background(tool, &tool.input_schema, background),
        "answer": *tool.output_schema,
        "annotations": {
            "readOnlyHint": hints.read_only,
            "destructiveHint": hints.destructive,
            "idempotentHint": hints.idempotent,
            "openWorldHint": hints.open_world,
        },
    });
    answer(described.to_string(), described)
}

fn answer(text: String, structured: Value) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(structured);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_unwrapped_or_its_fault_named() {
        let of = |json: Value| unwrapped(json.as_object().unwrap().clone());
        assert_eq!(of(json!({"name": "a"})).unwrap(), ("a".into(), Map::new()));
        let (_, inner) = of(json!({"name": "a", "arguments": {"pid": 1}})).unwrap();
        assert_eq!(Value::Object(inner), json!({"pid": 1}));
        for (given, part) in [
            (json!({}), "`name`"),
            (json!({"name": 1}), "`name`"),
            (json!({"name": "a", "arguments": []}), "`arguments`: an object"),
            (json!({"name": "a", "pid": 1}), "argument `pid`: run_gadget takes"),
        ] {
            assert!(of(given.clone()).unwrap_err().contains(part), "{given}");
        }
    }
}
