//! Whether a descriptor makes sense, checked when it is written and again whenever one is read: it comes from
//! others, and what it says is shown to people, to models and to a schema validator.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{DESCRIPTOR_VERSION, Descriptor, Kind, Prompt, Tool};
use crate::elf::KernelObject;

/// Longest description, in bytes; a model reads all of them in every session.
pub const MAX_DESCRIPTION: usize = 1023;
const MAX_TITLE: usize = 120;
const MAX_PROMPT: usize = 8 << 10;
const MAX_TOOLS: usize = 64;
const MAX_HOOKS: usize = 64;
const MAX_PROMPTS: usize = 16;
const MAX_COLUMNS: usize = 64;
/// Bytes, nodes and depth of one schema.
const MAX_SCHEMA: usize = 64 << 10;
const MAX_NODES: usize = 4096;
const MAX_DEPTH: usize = 24;

/// Names a stream's or snapshot's own parameter may not have: those of the parameters the host adds, now or later.
pub const RESERVED_PARAMS: &[&str] = &[
    "aggregate",
    "background",
    "comm",
    "container",
    "cursor",
    "duration",
    "fields",
    "filter",
    "gid",
    "group_by",
    "max_rows",
    "namespace",
    "node",
    "pid",
    "pod",
    "selector",
    "sort",
    "tid",
    "uid",
];

/// A descriptor that can't be used, and everything that is wrong with it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the gadget's descriptor is not valid: {}", problems.join("; "))]
pub struct Invalid {
    /// Each a sentence without its full stop, the place first: `tools[0].params: ...`.
    pub problems: Vec<String>,
}

impl Descriptor {
    /// Reads and validates a descriptor. `object` is the image's eBPF object, if it has one.
    pub fn parse(json: &[u8], object: Option<&KernelObject>) -> Result<Self, Invalid> {
        #[derive(serde::Deserialize)]
        struct Version {
            descriptor: u32,
        }
        let one = |problem: String| Invalid { problems: vec![problem] };
        let version: Version = serde_json::from_slice(json).map_err(|e| one(e.to_string()))?;
        if version.descriptor != DESCRIPTOR_VERSION {
            return Err(one(format!(
                "it has version {}; this program knows {DESCRIPTOR_VERSION}: use the program the gadget was made for",
                version.descriptor
            )));
        }
        let descriptor: Self = serde_json::from_slice(json).map_err(|e| one(e.to_string()))?;
        descriptor.validate(object)?;
        Ok(descriptor)
    }

    /// Refuses a descriptor that makes no sense, by itself or with the image's eBPF object.
    pub fn validate(&self, object: Option<&KernelObject>) -> Result<(), Invalid> {
        let mut problems = Problems(Vec::new());
        self.check_head(&mut problems);
        self.check_tools(&mut problems);
        self.check_hooks(object, &mut problems);
        if self.prompts.len() > MAX_PROMPTS {
            problems.add("prompts", format!("there are {}; at most {MAX_PROMPTS}", self.prompts.len()));
        }
        let mut names = BTreeSet::new();
        for (at, prompt) in self.prompts.iter().enumerate() {
            check_prompt(&format!("prompts[{at}]"), prompt, &mut problems);
            if !names.insert(&prompt.name) {
                problems
                    .add(format!("prompts[{at}]"), format!("a second prompt has the name `{}`", prompt.name));
            }
        }
        if problems.0.is_empty() { Ok(()) } else { Err(Invalid { problems: problems.0 }) }
    }

    fn check_head(&self, problems: &mut Problems) {
        if self.descriptor != DESCRIPTOR_VERSION {
            problems.add("descriptor", format!("it is {}, must be {DESCRIPTOR_VERSION}", self.descriptor));
        }
        if !self.contract.starts_with("gadgetry:gadget@") {
            problems
                .add("contract", format!("`{}` is not `gadgetry:gadget@<version>`", shown(&self.contract)));
        }
        if !is_name(&self.name, 48, "_") {
            problems.add("name", format!("`{}` does not fit [a-z][a-z0-9_]{{0,47}}", shown(&self.name)));
        }
        if self.version.is_empty() || self.version.len() > 64 {
            problems.add("version", "it must have 1 to 64 bytes");
        }
        check_text("title", &self.title, MAX_TITLE, problems);
        check_text("description", &self.description, MAX_DESCRIPTION, problems);
        for (field, list) in [
            ("permissions.programs", &self.permissions.programs),
            ("permissions.helpers", &self.permissions.helpers),
            ("permissions.imports", &self.permissions.imports),
        ] {
            if list.len() > 64 || list.iter().any(|name| !is_name(name, 64, "_-")) {
                problems.add(field, "it must be at most 64 names of [a-z][a-z0-9_-]*");
            }
        }
        let links = [&self.links.homepage, &self.links.source];
        if links.into_iter().flatten().any(|url| url.len() > 512 || !url.starts_with("https://")) {
            problems.add("links", "homepage and source must begin with https:// and have at most 512 bytes");
        }
    }

    fn check_tools(&self, problems: &mut Problems) {
        if self.kind == Kind::Tool {
            if self.tools.is_empty() || self.tools.len() > MAX_TOOLS {
                problems.add("tools", format!("there are {}; must be 1 to {MAX_TOOLS}", self.tools.len()));
            }
        } else if let [tool] = self.tools.as_slice() {
            if tool.name != self.name {
                problems.add("tools[0].name", format!("`{}` is not the gadget's name", shown(&tool.name)));
            }
        } else {
            problems.add(
                "tools",
                format!("there are {}; a stream or snapshot has exactly one", self.tools.len()),
            );
        }
        let mut names = BTreeSet::new();
        for (at, tool) in self.tools.iter().enumerate() {
            if !names.insert(&tool.name) {
                problems.add(
                    format!("tools[{at}]"),
                    format!("a second tool has the name `{}`", shown(&tool.name)),
                );
            }
            self.check_tool(&format!("tools[{at}]"), tool, problems);
        }
    }

    fn check_tool(&self, at: &str, tool: &Tool, problems: &mut Problems) {
        if !is_name(&tool.name, 64, "_.-") {
            problems.add(
                format!("{at}.name"),
                format!("`{}` does not fit [a-z][a-z0-9_.-]{{0,63}}", shown(&tool.name)),
            );
        }
        check_text(&format!("{at}.title"), &tool.title, MAX_TITLE, problems);
        check_text(&format!("{at}.description"), &tool.description, MAX_DESCRIPTION, problems);
        check_schema(&format!("{at}.params"), &tool.params, problems);
        check_schema(&format!("{at}.row"), &tool.row, problems);
        let params = tool.params.get("properties").and_then(Value::as_object);
        for name in params.into_iter().flat_map(|params| params.keys()) {
            if !is_name(name, 64, "_-.") {
                problems.add(
                    format!("{at}.params"),
                    format!("the name `{}` does not fit [a-z][a-z0-9_.-]*", shown(name)),
                );
            } else if self.kind != Kind::Tool && RESERVED_PARAMS.contains(&name.as_str()) {
                problems.add(
                    format!("{at}.params"),
                    format!("`{name}` is a name the host reserves; choose another"),
                );
            }
        }
        if tool.columns.len() > MAX_COLUMNS {
            problems.add(
                format!("{at}.columns"),
                format!("there are {}; at most {MAX_COLUMNS}", tool.columns.len()),
            );
        }
        for column in &tool.columns {
            let ok = |text: &str| !text.is_empty() && text.len() <= 64 && !text.chars().any(char::is_control);
            if !ok(&column.field) || !ok(&column.title) {
                problems.add(format!("{at}.columns"), "field and title must have 1 to 64 bytes");
            }
        }
    }

    fn check_hooks(&self, object: Option<&KernelObject>, problems: &mut Problems) {
        match (self.kind, object) {
            (Kind::Tool, Some(_)) => problems.add("kind", "a tool has no eBPF object, but the image has one"),
            (Kind::Stream | Kind::Snapshot, None) => {
                problems.add("kind", "a stream or snapshot needs an eBPF object, but the image has none");
            }
            _ => {}
        }
        if self.kind == Kind::Tool && !self.hooks.is_empty() {
            problems.add("hooks", "a tool has none");
        }
        if self.kind != Kind::Tool && self.hooks.is_empty() {
            problems.add("hooks", "there must be at least one, or no program would be attached");
        }
        if self.hooks.len() > MAX_HOOKS {
            problems.add("hooks", format!("there are {}; at most {MAX_HOOKS}", self.hooks.len()));
        }
        let mut names = BTreeSet::new();
        for (at, hook) in self.hooks.iter().enumerate() {
            let at = format!("hooks[{at}]");
            if !is_name(&hook.name, 64, "_-") || !names.insert(&hook.name) {
                problems.add(&at, format!("the name `{}` does not fit or is not unique", shown(&hook.name)));
            }
            if hook.prefer.is_empty() {
                problems.add(&at, "it names no program");
            }
            for program in &hook.prefer {
                if object.is_some_and(|object| object.program(program).is_none()) {
                    problems.add(&at, format!("the eBPF object has no program `{}`", shown(program)));
                }
            }
            if let Some(when) = &hook.when
                && let name = when.split_once('=').map_or(when.as_str(), |(name, _)| name)
                && !self.tools.iter().any(|tool| has_param(tool, name))
            {
                problems.add(&at, format!("`when` names no parameter: `{}`", shown(when)));
            }
        }
    }
}

fn has_param(tool: &Tool, name: &str) -> bool {
    tool.params.get("properties").is_some_and(|properties| properties.get(name).is_some())
}

fn check_prompt(at: &str, prompt: &Prompt, problems: &mut Problems) {
    if !is_name(&prompt.name, 64, "_.-") {
        problems.add(at, format!("the name `{}` does not fit [a-z][a-z0-9_.-]{{0,63}}", shown(&prompt.name)));
    }
    check_text(&format!("{at}.title"), &prompt.title, MAX_TITLE, problems);
    check_text(&format!("{at}.description"), &prompt.description, MAX_DESCRIPTION, problems);
    check_text(&format!("{at}.text"), &prompt.text, MAX_PROMPT, problems);
    if prompt.arguments.len() > 16 || prompt.arguments.iter().any(|it| !is_name(&it.name, 64, "_")) {
        problems.add(at, "there may be 16 arguments, with names of [a-z][a-z0-9_]*");
    }
    // Every {{name}} must be an argument, or it would be shown as it stands.
    for piece in prompt.text.split("{{").skip(1) {
        let name = piece.split_once("}}").map_or(piece, |(name, _)| name);
        if !prompt.arguments.iter().any(|it| it.name == name) {
            problems.add(at, format!("the text names `{{{{{}}}}}`, which is no argument", shown(name)));
        }
    }
}

/// A schema must be small, stand by itself, and compile. References may only point into the same document: one that
/// names a URL or a file would have the host fetch it.
fn check_schema(at: &str, schema: &Value, problems: &mut Problems) {
    let size = schema.to_string().len();
    if size > MAX_SCHEMA {
        return problems.add(at, format!("the schema has {size} bytes; at most {MAX_SCHEMA}"));
    }
    if schema.get("type") != Some(&Value::from("object")) {
        problems.add(at, "the schema must be of type object");
    }
    let before = problems.0.len();
    let mut nodes = 0;
    walk(at, schema, 0, &mut nodes, problems);
    if nodes > MAX_NODES {
        problems.add(at, format!("the schema has more than {MAX_NODES} parts"));
    }
    // What has foreign references is not given to the validator at all.
    if problems.0.len() == before
        && let Err(e) = jsonschema::draft202012::new(schema)
    {
        problems.add(at, format!("the schema does not compile: {}", shown(&e.to_string())));
    }
}

fn walk(at: &str, value: &Value, depth: usize, nodes: &mut usize, problems: &mut Problems) {
    *nodes += 1;
    if *nodes > MAX_NODES {
        return;
    }
    if depth > MAX_DEPTH {
        return problems.add(at, format!("the schema is nested deeper than {MAX_DEPTH}"));
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(at, item, depth + 1, nodes, problems)),
        Value::Object(members) => {
            for (key, member) in members {
                // As a property's name such a word has an object beside it, as a keyword a string.
                match (key.as_str(), member) {
                    ("$ref", Value::String(to)) if !to.starts_with("#/") => {
                        problems.add(
                            at,
                            format!(
                                "`$ref` may only point into the document (#/...), not to `{}`",
                                shown(to)
                            ),
                        );
                    }
                    (
                        "$id" | "$dynamicRef" | "$recursiveRef" | "$anchor" | "$dynamicAnchor",
                        Value::String(_),
                    ) => {
                        problems.add(at, format!("`{key}` is not allowed"));
                    }
                    ("$schema", Value::String(uri))
                        if uri != "https://json-schema.org/draft/2020-12/schema" =>
                    {
                        problems.add(at, format!("`$schema` must be draft 2020-12, not `{}`", shown(uri)));
                    }
                    _ => {}
                }
                walk(at, member, depth + 1, nodes, problems);
            }
        }
        _ => {}
    }
}

struct Problems(Vec<String>);

impl Problems {
    /// Past this many, the rest is not worth reading.
    const MAX: usize = 20;

    fn add(&mut self, at: impl AsRef<str>, problem: impl AsRef<str>) {
        if self.0.len() < Self::MAX {
            self.0.push(format!("{}: {}", at.as_ref(), problem.as_ref()));
        }
    }
}

/// `[a-z]` and then letters, digits and the characters in `also`.
fn is_name(text: &str, max: usize, also: &str) -> bool {
    text.len() <= max
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || also.contains(c))
}

fn check_text(at: &str, text: &str, max: usize, problems: &mut Problems) {
    if text.trim().is_empty() {
        problems.add(at, "it is empty");
    } else if text.len() > max {
        problems.add(at, format!("it has {} bytes; at most {max}", text.len()));
    } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        // They would reach a terminal.
        problems.add(at, "it has control characters");
    }
}

/// Foreign text, fit to be shown in a message.
fn shown(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_debug).collect()
}
