//! `gadgetry run`: one gadget, its rows on standard output.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use gadget_registry::descriptor::Kind;
use gadgetry_run::answer::Answer;
use gadgetry_run::fleet::{Called, Collected, Fleet, Report, RunError, Sink};
use gadgetry_run::gadget::Gadget;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::flags::{self, Given};
use super::picture::Picture;
use crate::cli::run::{Output, Run};
use crate::output::columns::Columns;
use crate::output::printer::{Form, Printer};
use crate::output::progress::Progress;
use crate::{fleet, output, setup};

pub(super) async fn run(flags: Run, built_ins: &'static [u8]) -> Result<ExitCode> {
    let supply = setup::lending(&flags.trust, &flags.lend, built_ins)?;
    let nodes = fleet::named(&flags.agents)?;
    let node = Arc::new(setup::node(&flags.lend, None, nodes.is_none())?);
    let image = supply.fetch(&flags.gadget).await?;
    let gadget = tokio::task::block_in_place(|| node.register(image))?;
    let at = tool(&gadget, flags.tool.as_deref())?;
    let tool = &gadget.tools[at];
    let mut parameters = flags.parameters;
    if flags.gadget_help {
        parameters.push("--help".into());
    }
    let given = flags::parse(&flags.gadget, &tool.description, &tool.input_schema, &parameters);
    let fleet = fleet::fleet(node, nodes);

    let cancel = CancellationToken::new();
    let run = async {
        match gadget.descriptor.kind {
            Kind::Tool => call(&fleet, gadget, at, given, cancel.clone()).await,
            Kind::Stream | Kind::Snapshot => rows(&fleet, gadget, given, cancel.clone()).await,
        }
    };
    tokio::select! {
        ended = run => ended,
        () = abandoned(&cancel) => {
            eprintln!("ended without the rest of its output: nobody reads it");
            // The run's thread sits in a write that may never return. The programs go with the process.
            std::process::exit(INTERRUPTED)
        }
    }
}

/// Which of the gadget's tools is meant.
fn tool(gadget: &Gadget, name: Option<&str>) -> Result<usize> {
    let names: Vec<_> = gadget.tools.iter().map(|it| it.name.as_str()).collect();
    let gadget = &gadget.descriptor.name;
    match name {
        None if names.len() == 1 => Ok(0),
        None => {
            bail!("`{gadget}` has several tools; say which with --tool before its name: {}", names.join(", "))
        }
        Some(name) => names
            .iter()
            .position(|it| *it == name)
            .with_context(|| format!("`{gadget}` has no tool `{name}`; it has: {}", names.join(", "))),
    }
}

/// What a shell expects of a process that an interrupt ended.
const INTERRUPTED: i32 = 130;
/// How long an interrupted run may take to hand over its last rows.
const GRACE: Duration = Duration::from_secs(2);

/// Cancels at the first interrupt; returns at the second, or when the run has not ended soon after the first.
async fn abandoned(cancel: &CancellationToken) {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    cancel.cancel();
    let _ = tokio::time::timeout(GRACE, tokio::signal::ctrl_c()).await;
}

async fn call(
    fleet: &Fleet,
    gadget: Arc<Gadget>,
    tool: usize,
    given: Given,
    cancel: CancellationToken,
) -> Result<ExitCode> {
    let called = fleet.call(gadget, tool, given.arguments, None, cancel, None).await.map_err(with_flag)?;
    let Called::Answer(answer, _) = called else {
        bail!("a tool answered with rows");
    };
    println!("{}", output::text::plain(answer.get()));
    Ok(ExitCode::SUCCESS)
}

async fn rows(
    fleet: &Fleet,
    gadget: Arc<Gadget>,
    given: Given,
    cancel: CancellationToken,
) -> Result<ExitCode> {
    let picture = Picture::wanted(given.output, &gadget.descriptor, &given.arguments)?;
    let endless = !given.arguments.contains_key("duration");
    let unlimited = !given.arguments.contains_key("max_rows");
    let mut arguments = given.arguments.clone();
    let fields = fields(&mut arguments);
    let mut request = fleet.request(&gadget, arguments).map_err(with_flag)?;
    // A person stays and ends the run by hand; an assistant gets the schema's defaults.
    if endless {
        request.duration = None;
    }
    if unlimited {
        request.max_rows = None;
    }
    request.end_at_max_rows = true;
    request.ring_bytes = given.ring_bytes;
    // Only the document of `-o json` has room for the most frequent values.
    request.summarize = given.output == Output::Json;

    let collected = Collected::default();
    let sink: Box<dyn Sink> = match given.output {
        Output::Json | Output::Folded | Output::Svg => Box::new(collected.clone()),
        Output::Jsonl => Box::new(Printer::new(Form::Lines, Progress::new(!given.quiet))?),
        Output::Columns => {
            let cut = std::io::stdout().is_terminal();
            let all = &gadget.descriptor.tools[0].columns;
            let columns = match request.query.groups() {
                true => Columns::of_groups(&request.query.group_columns(), &fields, cut),
                false => Columns::new(all, &fields, cut),
            };
            Box::new(Printer::new(Form::Columns(columns), Progress::new(!given.quiet))?)
        }
    };
    let report = fleet.run(gadget.clone(), request, sink, cancel).await.map_err(with_flag)?;
    if given.output == Output::Json {
        let rows = collected.rows().map_err(anyhow::Error::msg)?;
        let Report { summary, loss, .. } = &report;
        let answer = Answer {
            rows,
            summary: summary.clone(),
            loss: *loss,
            gadget: gadget.identity.clone(),
            cursor: None,
        };
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &answer).context("cannot write the answer")?;
        writeln!(out)?;
    }
    if let Some(picture) = picture {
        picture.print(&collected.rows().map_err(anyhow::Error::msg)?, &report.summary)?;
    }
    if !given.quiet {
        close(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// The fields asked for. `all` means every column, which only a person at a shell has to ask for.
fn fields(arguments: &mut Map<String, Value>) -> Vec<String> {
    let given = arguments.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
    let fields: Vec<String> = given.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
    if fields == ["all"] {
        arguments.remove("fields");
    }
    fields
}

/// The line a run ends with: what a person must know before believing the rows above.
fn close(report: &Report) {
    let Report { summary, loss, .. } = report;
    let mut line = format!(
        "{} events, {} rows in {:.1} s, {} lost",
        summary.seen,
        summary.returned,
        summary.duration_ms as f64 / 1000.0,
        loss.total
    );
    if summary.filtered > 0 {
        line.push_str(&format!(", {} filtered out", summary.filtered));
    }
    if summary.truncated > 0 {
        line.push_str(&format!(", {} left out", summary.truncated));
    }
    if loss.total > 0 {
        line.push_str(&format!(
            " (ring {}, unread {}, limits {}, missed {}, link {})",
            loss.ring, loss.unread, loss.limits, loss.missed, loss.link
        ));
        if loss.ring > 0 {
            line.push_str("; a larger --ring-size or a narrower filter loses less");
        }
    }
    eprintln!("{line}");
    for (node, counts) in &summary.by_node {
        if let Some(error) = &counts.error {
            let error = error.replace('\n', " ");
            eprintln!("node {}: {}", output::text::plain(node), output::text::plain(&error));
        }
    }
    for note in &summary.notes {
        eprintln!("note: {}", output::text::plain(note));
    }
    if summary.ungrouped > 0 {
        eprintln!("note: {} rows are in no group, as there were too many groups", summary.ungrouped);
    }
    if summary.returned == 0 {
        let hooks: Vec<_> = summary.looked_at.programs.iter().map(|it| it.hook.as_str()).collect();
        let what = match summary.filtered {
            0 => "nothing seen".to_owned(),
            filtered => format!("all {filtered} rows were filtered out"),
        };
        eprintln!("{what}; looked at {}", hooks.join(", "));
    }
}

/// At the shell, a parameter is a flag.
fn with_flag(error: RunError) -> anyhow::Error {
    match error {
        RunError::Argument { field, message } => {
            anyhow::anyhow!("--{}: {message}", field.replace('_', "-"))
        }
        error @ RunError::Failed { .. } => error.into(),
    }
}
