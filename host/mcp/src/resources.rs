//! Resources: the catalogue, and each gadget's README, so that a client can show what there is and an assistant can
//! look something up without a call. All are made from what is in memory; reading one never waits.

use std::fmt::Write;
use std::sync::Arc;

use gadgetry_run::gadget::Gadget;
use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::{Value, json};

use crate::listing::nearest;

/// The catalogue, as JSON and as text.
const CATALOG: &str = "gadgetry://catalog";
/// What a gadget's README begins with.
const GADGET: &str = "gadgetry://gadget/";
/// All READMEs.
pub(crate) const README_TEMPLATE: &str = "gadgetry://gadget/{name}";

/// The resources made of `gadgets`, in their order.
pub(crate) fn all(gadgets: &[Arc<Gadget>]) -> Vec<Resource> {
    let mut all = vec![
        Resource::new(CATALOG, "catalog")
            .with_title("The catalogue of gadgets")
            .with_description("Every gadget: what it shows, its tools, the image's digest and who signed it.")
            .with_mime_type("application/json"),
    ];
    all.extend(gadgets.iter().map(|gadget| {
        let name = &gadget.descriptor.name;
        Resource::new(format!("{GADGET}{name}"), name.clone())
            .with_title(gadget.descriptor.title.clone())
            .with_description(format!(
                "README of the gadget {name}: parameters, fields, an example, its limits."
            ))
            .with_mime_type("text/markdown")
    }));
    all
}

/// The templates.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(README_TEMPLATE, "gadget")
            .with_title("README of a gadget")
            .with_description("What a gadget shows, its parameters, an example, and what it cannot see.")
            .with_mime_type("text/markdown"),
    ]
}

/// Reads one.
pub(crate) fn read(gadgets: &[Arc<Gadget>], uri: &str) -> Result<ReadResourceResult, ErrorData> {
    if uri == CATALOG {
        let json = serde_json::to_string(&catalog(gadgets)).map_err(|error| {
            ErrorData::internal_error(format!("the catalogue is not JSON: {error}"), None)
        })?;
        return Ok(ReadResourceResult::new(vec![
            ResourceContents::text(json, CATALOG).with_mime_type("application/json"),
            ResourceContents::text(table(gadgets), CATALOG).with_mime_type("text/plain"),
        ]));
    }
    let gadget =
        uri.strip_prefix(GADGET).and_then(|name| gadgets.iter().find(|it| it.descriptor.name == name));
    match gadget {
        Some(gadget) => Ok(ReadResourceResult::new(vec![
            ResourceContents::text(readme(gadget), uri).with_mime_type("text/markdown"),
        ])),
        None => Err(not_found(gadgets, uri)),
    }
}

fn not_found(gadgets: &[Arc<Gadget>], uri: &str) -> ErrorData {
    let shown = &uri[..uri.floor_char_boundary(256)];
    let known = all(gadgets);
    let hint = match nearest(shown, known.iter().map(|it| it.uri.as_str())) {
        Some(like) => format!("did you mean `{like}`?"),
        None => "resources/list names those there are".to_owned(),
    };
    ErrorData::resource_not_found(
        format!("there is no resource `{shown}`: {hint}"),
        Some(json!({"uri": shown})),
    )
}

/// The image's README, or what else it says of itself.
fn readme(gadget: &Gadget) -> String {
    let descriptor = &gadget.descriptor;
    gadget.readme.clone().unwrap_or_else(|| {
        let description = descriptor.description.trim();
        format!(
            "# {}\n\n{}\n\n{description}\n\nIts image has no README.\n",
            descriptor.name, descriptor.title
        )
    })
}

fn catalog(gadgets: &[Arc<Gadget>]) -> Value {
    let gadget = |gadget: &Arc<Gadget>| {
        let descriptor = &gadget.descriptor;
        let tool = |tool: &gadgetry_run::gadget::Tool| json!({"name": tool.name, "title": tool.title, "readOnly": tool.annotations.read_only});
        json!({
            "name": descriptor.name,
            "version": descriptor.version,
            "title": descriptor.title,
            "description": descriptor.description.trim(),
            "kind": descriptor.kind,
            "reference": gadget.identity.reference,
            "digest": gadget.identity.digest,
            "signedBy": gadget.identity.signed_by,
            "permissions": descriptor.permissions,
            "tools": gadget.tools.iter().map(tool).collect::<Vec<_>>(),
            "prompts": descriptor.prompts.iter().map(|it| &it.name).collect::<Vec<_>>(),
            "readme": format!("{GADGET}{}", descriptor.name),
        })
    };
    json!({"gadgets": gadgets.iter().map(gadget).collect::<Vec<_>>()})
}

/// A line for each tool.
fn table(gadgets: &[Arc<Gadget>]) -> String {
    let tools = || gadgets.iter().flat_map(|gadget| gadget.tools.iter().map(move |tool| (gadget, tool)));
    let width = tools().map(|(_, tool)| tool.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (gadget, tool) in tools() {
        let kind = format!("{:?}", tool.kind).to_lowercase();
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "{:width$}  {kind:8}  {} ({})", tool.name, tool.title, gadget.descriptor.version);
    }
    text
}
