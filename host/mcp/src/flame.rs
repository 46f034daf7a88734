//! Flame graphs of runs as resources: a picture is nothing that a model should have to read in an answer, so an answer
//! whose gadget can be drawn links to one, made when it is read.

use std::sync::Arc;

use gadget_registry::descriptor::{View, ViewKind};
use gadgetry_run::flame;
use gadgetry_run::gadget::Gadget;
use gadgetry_run::runs::{Ask, Asker, Runner, RunsError};
use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};

use crate::desk::Desk;

/// Bytes of rows that are read at once.
const PART: usize = 1 << 20;
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

/// The run whose picture `uri` names, if it names one.
pub(crate) fn run_of(uri: &str) -> Option<&str> {
    uri.strip_prefix(BEGIN)?.strip_suffix(END)
}

/// Draws the run `id`, which `uri` names.
pub(crate) async fn read<R: Runner>(
    desk: &Desk<R>,
    gadgets: &[Arc<Gadget>],
    uri: &str,
    id: &str,
    asker: Asker<'_>,
) -> Result<ReadResourceResult, ErrorData> {
    let drawn = draw(desk, gadgets, id, asker).await;
    let svg = drawn
        .map_err(|message| ErrorData::resource_not_found(message, Some(serde_json::json!({"uri": uri}))))?;
    Ok(ReadResourceResult::new(vec![ResourceContents::text(svg, uri).with_mime_type(MIME)]))
}

async fn draw<R: Runner>(
    desk: &Desk<R>,
    gadgets: &[Arc<Gadget>],
    id: &str,
    asker: Asker<'_>,
) -> Result<String, String> {
    let said = |error: RunsError| error.to_string();
    let mut page = desk.get(asker, Ask::whole(id, PART)).await.map_err(said)?;
    let name = page.gadget.name.clone();
    let gadget = gadgets.iter().find(|it| it.identity.name == name);
    let gadget = gadget.ok_or_else(|| format!("the gadget {name} is no longer offered"))?;
    let view = of(gadget).ok_or_else(|| format!("the rows of {name} make no flame graph"))?;
    // Those that come meanwhile are for the next picture: a run that goes on has no last row.
    let (mut left, mut missed) = (page.left, page.missed);
    let mut rows = std::mem::take(&mut page.rows);
    while left > 0 {
        let ask = Ask { cursor: Some(&page.cursor), ..Ask::whole(id, PART) };
        page = desk.get(asker, ask).await.map_err(said)?;
        missed += page.missed;
        left = left.saturating_sub((page.missed + page.rows.len() as u64).max(1));
        rows.append(&mut page.rows);
    }
    let title = match missed {
        0 => name,
        missed => format!("{name} (the first {missed} rows are no longer kept)"),
    };
    Ok(flame::svg(view, &rows, &title))
}
