//! The generated parts of the documents: every flag, and every built-in gadget. A test holds the files in `docs/` to
//! what this writes, so they cannot drift.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use gadget_registry::bundle::Bundle;
use gadget_registry::descriptor::{Descriptor, Tool};
use gadget_registry::image::{Image, host_architecture};
use gadgetry_run::schema;
use serde_json::Value;

pub(super) fn write(out: &Path, built_ins: &'static [u8]) -> Result<()> {
    let file = |name: &str, text: String| {
        let path = out.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    file("flags.md", flags())?;
    file("gadgets.md", gadgets(built_ins)?)
}

fn flags() -> String {
    let text = crate::markdown();
    let text = text.trim_end();
    format!("<!-- Written by `make docs`. -->\n\n{text}\n")
}

fn gadgets(built_ins: &'static [u8]) -> Result<String> {
    let bundle = Bundle::parse(built_ins)?;
    let mut text = String::from(
        "<!-- Written by `make docs`. -->\n\n# The built-in gadgets\n\n| gadget | kind | title |\n|---|---|---|\n",
    );
    let mut descriptors = Vec::new();
    for (name, link) in bundle.images() {
        let image = Image::open(&bundle, &link.digest, host_architecture())?;
        let Descriptor { title, kind, .. } = &image.descriptor;
        writeln!(text, "| [{name}](#{name}) | {} | {title} |", format!("{kind:?}").to_lowercase())?;
        descriptors.push(image.descriptor);
    }
    text.push_str(
        "\nStreams and snapshots also take the common parameters, which [filters.md](filters.md) explains: ",
    );
    let common: Vec<_> = schema::COMMON.iter().map(|name| format!("`{name}`")).collect();
    writeln!(text, "{}.", common.join(", "))?;
    for descriptor in &descriptors {
        writeln!(text, "\n## {}\n\n{}\n", descriptor.name, descriptor.description.trim())?;
        for tool in &descriptor.tools {
            fields(&mut text, tool)?;
        }
    }
    Ok(text)
}

fn fields(text: &mut String, tool: &Tool) -> Result<()> {
    let table = |text: &mut String, title: &str, schema: &Value| -> Result<()> {
        let Some(properties) = schema["properties"].as_object().filter(|it| !it.is_empty()) else {
            return Ok(());
        };
        writeln!(text, "| {title} | type | |\n|---|---|---|")?;
        for (name, property) in properties {
            let about =
                property["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
            let default = match &property["default"] {
                Value::Null => String::new(),
                default => format!(" Default: `{default}`."),
            };
            writeln!(text, "| `{name}` | {} | {about}{default} |", type_of(property))?;
        }
        text.push('\n');
        Ok(())
    };
    table(text, "parameter", &tool.params)?;
    table(text, "field", &tool.row)
}

fn type_of(property: &Value) -> String {
    if let Some(values) = property["enum"].as_array() {
        let values: Vec<_> = values.iter().filter_map(Value::as_str).collect();
        return values.join(", ");
    }
    match &property["type"] {
        Value::String(name) if name == "array" => format!("list of {}", type_of(&property["items"])),
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).filter(|it| *it != "null").collect(),
        _ => "object".to_owned(),
    }
}
