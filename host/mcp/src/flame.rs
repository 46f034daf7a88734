//! Flame graphs of runs as resources: a picture is nothing that a model should have to read in an answer, so an answer
//! whose gadget can be drawn links to one, made when it is read.

use std::sync::Arc;

use gadget_registry::descriptor::{View, ViewKind};
use gadgetry_run::flame;
use gadgetry_run::gadget::Gadget;
use gadgetry_run::runs::{Runner, Runs};
use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};

const BEGIN: &str = "gadgetry://runs/";
const END: &str = "/flamegraph.svg";
const TEMPLATE: &str = "gadgetry://runs/{id}/flamegraph.svg";
const MIME: &str = "image/svg+xml";

/// How the gadget's rows are drawn, if they are.
pub(crate) fn of(gadget: &Gadget) -> Option<&View> {
    gadget.descriptor.view(ViewKind::FlameGraph)
}

/// Where the picture of a run is.
pub(crate) fn uri(id: &str) -> String {
    format!("{BEGIN}{id}{END}")
}

/// A link to it.
pub(crate) fn link(id: &str) -> Resource {
    Resource::new(uri(id), "flamegraph.svg")
        .with_title("Flame graph")
        .with_description("All rows of this answer as a flame graph, for as long as they are kept.")
        .with_mime_type(MIME)
}

/// The template, where a gadget has such pictures.
pub(crate) fn template(gadgets: &[Arc<Gadget>]) -> Option<ResourceTemplate> {
    gadgets.iter().any(|it| of(it).is_some()).then(|| {
        ResourceTemplate::new(TEMPLATE, "flamegraph")
            .with_title("Flame graph of a run")
            .with_description(
                "The rows of a run as a flame graph; `id` is the run's, or stands in the link of an answer.",
            )
            .with_mime_type(MIME)
    })
}

/// Draws the run that `uri` names, if it names one: of rows that are `owner`'s.
pub(crate) fn read<R: Runner>(
    runs: &Runs<R>,
    gadgets: &[Arc<Gadget>],
    uri: &str,
    owner: &str,
) -> Option<Result<ReadResourceResult, ErrorData>> {
    let id = uri.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let draw = || {
        let (rows, missed, name) = runs.kept(id, owner).map_err(|error| error.to_string())?;
        let gadget = gadgets.iter().find(|it| it.identity.name == name);
        let gadget = gadget.ok_or_else(|| format!("the gadget {name} is no longer offered"))?;
        let view = of(gadget).ok_or_else(|| format!("the rows of {name} make no flame graph"))?;
        let title = match missed {
            0 => name,
            missed => format!("{name} (the first {missed} rows are no longer kept)"),
        };
        Ok(flame::svg(view, &rows, &title))
    };
    Some(match draw() {
        Ok(svg) => Ok(ReadResourceResult::new(vec![ResourceContents::text(svg, uri).with_mime_type(MIME)])),
        Err(message) => {
            let message: String = message;
            Err(ErrorData::resource_not_found(message, Some(serde_json::json!({"uri": uri}))))
        }
    })
}
