//! What goes over the wire, made of what the host has, and the other way round.

use std::time::Duration;

use gadgetry_run::answer::{Loss, Summary};
use gadgetry_run::fleet::{Progress, Report, RunError};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::log::{Level, Line};
use gadgetry_run::request::Request;
use serde_json::{Map, Value};

use crate::v1;

/// A call of `gadget`.
pub(crate) fn request(gadget: &Gadget, request: &Request) -> v1::RunRequest {
    v1::RunRequest {
        reference: gadget.identity.reference.clone(),
        digest: gadget.identity.digest.clone(),
        tool: request.tool.clone(),
        arguments: Value::Object(request.given.clone()).to_string().into_bytes(),
        part: request.part,
        allowed: request.allowed.as_ref().map(|names| v1::Namespaces { names: names.to_vec() }),
        ring_bytes: request.ring_bytes.unwrap_or_default(),
        end_at_max_rows: request.end_at_max_rows,
        endless: request.duration.is_none(),
        unlimited: request.max_rows.is_none(),
        summarize: request.summarize,
        log: true,
    }
}

/// The arguments of a call.
pub(crate) fn arguments(request: &v1::RunRequest) -> Result<Map<String, Value>, String> {
    if request.arguments.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(&request.arguments)
        .map_err(|error| format!("the arguments are no JSON object: {error}"))
}

/// What the caller said beside the arguments, put into `request`, which was made of these.
pub(crate) fn apply(from: &v1::RunRequest, merges: bool, mut request: Request) -> Request {
    request.allowed = from.allowed.as_ref().map(|it| it.names.clone().into());
    request.ring_bytes = (from.ring_bytes > 0).then_some(from.ring_bytes);
    request.end_at_max_rows = from.end_at_max_rows;
    request.summarize = from.summarize;
    if from.endless {
        request.duration = None;
    }
    if from.unlimited {
        request.max_rows = None;
    }
    if from.part { request.to_part(merges) } else { request }
}

/// How a run went.
pub(crate) fn report(report: &Report) -> v1::Report {
    let json = |value: serde_json::Result<Vec<u8>>| value.unwrap_or_else(|_| b"{}".to_vec());
    v1::Report {
        summary: json(serde_json::to_vec(&report.summary)),
        loss: json(serde_json::to_vec(&report.loss)),
        attach_micros: u64::try_from(report.attach.as_micros()).unwrap_or(u64::MAX),
    }
}

/// As [`report`], the other way round.
pub(crate) fn reported(report: &v1::Report) -> Result<Report, String> {
    let bad = |error: serde_json::Error| format!("its report cannot be read: {error}");
    let summary: Summary = serde_json::from_slice(&report.summary).map_err(bad)?;
    let loss: Loss = serde_json::from_slice(&report.loss).map_err(bad)?;
    Ok(Report { summary, loss, attach: Duration::from_micros(report.attach_micros) })
}

/// How far a run is.
pub(crate) fn progress(progress: &Progress) -> v1::Progress {
    v1::Progress {
        seen: progress.seen,
        rows: progress.rows,
        lost: progress.lost,
        elapsed_ms: u64::try_from(progress.elapsed.as_millis()).unwrap_or(u64::MAX),
    }
}

/// As [`progress`], the other way round; `of`: how long the run lasts.
pub(crate) fn progressed(progress: &v1::Progress, of: Option<Duration>) -> Progress {
    Progress {
        seen: progress.seen,
        rows: progress.rows,
        lost: progress.lost,
        elapsed: Duration::from_millis(progress.elapsed_ms),
        of,
    }
}

/// Bytes of a line of a log that are taken; nodes send no longer ones.
const LINE: usize = 1024;

/// A line of a gadget's log.
pub(crate) fn log(line: &Line) -> v1::Log {
    let level = match line.level {
        Level::Debug => v1::log::Level::Unspecified,
        Level::Info => v1::log::Level::Info,
        Level::Warn => v1::log::Level::Warn,
        Level::Error => v1::log::Level::Error,
    };
    let (node, message) = (line.node.clone().unwrap_or_default(), line.message.clone());
    v1::Log { node, level: level.into(), message }
}

/// As [`log`], the other way round; `from`: the node that sent it.
pub(crate) fn logged(log: &v1::Log, from: &str, gadget: &Gadget) -> Line {
    let level = match log.level() {
        v1::log::Level::Unspecified => Level::Debug,
        v1::log::Level::Info => Level::Info,
        v1::log::Level::Warn => Level::Warn,
        v1::log::Level::Error => Level::Error,
    };
    let node = if log.node.is_empty() { from } else { &log.node };
    // Nodes see to that; it is a terminal that the line goes to.
    let message = log.message.chars().filter(|it| !it.is_control()).take(LINE).collect();
    Line { node: Some(node.to_owned()), gadget: gadget.descriptor.name.clone(), level, message }
}

/// Why a run failed.
pub(crate) fn failure(error: &RunError) -> v1::Failure {
    match error {
        RunError::Argument { field, message } => {
            v1::Failure { argument: field.clone(), message: message.clone() }
        }
        RunError::Failed { message, .. } => v1::Failure { argument: String::new(), message: message.clone() },
    }
}

/// As [`failure`], the other way round.
pub(crate) fn failed(gadget: &Gadget, failure: v1::Failure) -> RunError {
    let v1::Failure { argument, message } = failure;
    if argument.is_empty() {
        RunError::Failed { gadget: gadget.descriptor.name.clone(), message }
    } else {
        RunError::Argument { field: argument, message }
    }
}
