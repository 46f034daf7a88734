//! One execution on this node, start to end, on the run's own thread.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gadget_registry::descriptor::Kind;
use gadget_registry::elf::ProgramKind;
use gadgetry_guest::{Guest, Limits, RowChecker};
use gadgetry_kernel::{Attached, Filter, Prepared, Settings};
use serde_json::json;

use crate::answer::{self, Ended, LookedAt, Loss, NodeCounts, Summary};
use crate::clock;
use crate::cpu::Meter;
use crate::fleet::{Report, RunError, Sink};
use crate::frame::Framer;
use crate::node::{Node, Ready};
use crate::pump::{BATCH, Pump, PumpError};
use crate::query::top::Counters;
use crate::query::{Query, Shaper};
use crate::request::{DEFAULT_RING_BYTES, MAX_MAX_ROWS, Request};
use crate::rows::Rows;
use crate::scope::Wanted;
use crate::stop::Stop;
use crate::symbols::Symbols;

/// Runs a stream or snapshot.
pub(crate) fn rows(
    node: &Node,
    ready: &Ready,
    request: &Request,
    sink: Box<dyn Sink>,
    stop: &Arc<Stop>,
) -> Result<Report, RunError> {
    let name = &ready.gadget.descriptor.name;
    let failed = |message: String| RunError::Failed { gadget: name.clone(), message };
    let begin = Instant::now();

    let prepared = prepared(ready).map_err(failed)?;
    let kernel = node.kernel().map_err(|missing| failed(missing.to_owned()))?;
    let wanted = Wanted::of(node.containers(), request)?;
    let mut guest = open(ready, 0, stop)?;
    start(node, prepared, &mut guest, request).map_err(|error| argument_or(name, error))?;

    let mut attached = kernel
        .attach(prepared, &settings(request, wanted.as_ref()))
        .map_err(|error| failed(error.to_string()))?;
    let attach = begin.elapsed();
    let missed_changes = Arc::new(AtomicU64::new(0));
    let follows = match (&wanted, attached.take_scope()) {
        (Some(wanted), Some(scope)) => wanted.follow(node.containers(), scope, &missed_changes),
        _ => Vec::new(),
    };
    let (from, attached_at) = (clock::now(), Instant::now());
    let framer = Framer::new(node.containers().lookup(), BATCH + (64 << 10));
    let framer = match &wanted {
        Some(wanted) if request.allowed.is_some() => framer.only(wanted.selectors.clone()),
        _ => framer,
    };
    let mut pump = Pump {
        framer,
        guest,
        gadget: name.clone(),
        meter: Meter::start(node.budget().cloned()),
        tables: attached.take_tables(),
        merge: ready.gadget.descriptor.merge,
        rows: Rows::new(
            sink,
            shaper(ready, request, request.query.clone()),
            request.max_rows,
            request.end_at_max_rows,
        ),
        seen: 0,
        unread: 0,
    };
    let went = match ready.gadget.descriptor.kind {
        Kind::Snapshot => snapshot(&mut pump, &mut attached),
        Kind::Stream | Kind::Tool => stream(&mut pump, &mut attached, request.duration, stop),
    };
    drop(follows);
    // Before a failure too, which it may explain.
    pump.tell_log();
    let ended = went.map_err(|error| match error {
        PumpError::Guest(error) => argument_or(name, error),
        PumpError::Wait(_) => failed(error.to_string()),
    })?;
    attached.detach();
    // What was paid for last: the ring's rest, and what ended the run.
    pump.meter.settle();
    pump.rows.finish();
    let lost =
        attached.lost().map_err(|error| failed(format!("cannot read the count of lost events: {error}")))?;
    let missed = attached
        .missed()
        .map_err(|error| failed(format!("cannot read how often the kernel passed programs by: {error}")))?;
    let counts = pump.guest.counts();
    let loss = Loss::new(lost, pump.unread, counts.cut_by_rows + counts.cut_by_bytes).with_missed(missed);
    let window = Window { from, attached_at, attach, ended };
    let mut report = report(node, ready, &attached, wanted, pump, loss, window);
    let missed_changes = missed_changes.load(Ordering::Relaxed);
    if missed_changes > 0 {
        report.summary.notes.push(format!(
            "{missed_changes} containers that came or went could not be put into the run's scope or taken out of it; the log of the node says why"
        ));
    }
    Ok(report)
}

/// What becomes of the rows on their way.
pub(crate) fn shaper(ready: &Ready, request: &Request, query: Arc<Query>) -> Shaper {
    let counters =
        request.summarize.then(|| Counters::new(&ready.gadget.descriptor.tools[0].columns, &ready.fields[0]));
    let most = request.max_rows.unwrap_or(MAX_MAX_ROWS).min(MAX_MAX_ROWS);
    Shaper::new(query, counters, usize::try_from(most).unwrap_or(usize::MAX))
}

/// Calls a tool.
pub(crate) fn tool(ready: &Ready, tool: usize, arguments: &[u8], stop: &Stop) -> Result<Vec<u8>, RunError> {
    let name = &ready.gadget.tools[tool].name;
    let mut guest = open(ready, tool, stop)?;
    guest.call(name, arguments).map_err(|error| argument_or(name, error))
}

/// An instance for one run, with what the host lends it.
pub(crate) fn open(ready: &Ready, tool: usize, stop: &Stop) -> Result<Guest, RunError> {
    open_with(ready, ready.checkers[tool].clone(), stop)
}

/// As [`open`], with rows checked by `checker`.
pub(crate) fn open_with(ready: &Ready, checker: Arc<RowChecker>, stop: &Stop) -> Result<Guest, RunError> {
    let name = &ready.gadget.descriptor.name;
    let mut guest = ready
        .component
        .open(name, checker, Limits::default())
        .map_err(|error| RunError::Failed { gadget: name.clone(), message: error.to_string() })?;
    if ready.component.imports().iter().any(|it| it == "symbols") {
        guest.set_symbols(Box::new(Symbols::default()));
    }
    guest.set_lent(ready.loan.lend(stop.token()));
    if !ready.loan.secrets().all(|secret| guest.conceal(secret)) {
        return Err(RunError::Failed {
            gadget: name.clone(),
            message: "has more secrets than can be kept back".into(),
        });
    }
    Ok(guest)
}

fn prepared(ready: &Ready) -> Result<&Prepared, String> {
    match &ready.kernel_half {
        Some(Ok(prepared)) => Ok(prepared),
        Some(Err(missing)) => Err(missing.clone()),
        None => Err("has no kernel half; it is a tool and cannot be run for rows".into()),
    }
}

fn settings(request: &Request, wanted: Option<&Wanted>) -> Settings {
    let filter = &request.filter;
    Settings {
        ring_bytes: request.ring_bytes.unwrap_or(DEFAULT_RING_BYTES),
        params: request.params.clone(),
        filter: Filter {
            pid: filter.pid,
            tid: filter.tid,
            uid: filter.uid,
            gid: filter.gid,
            comm: filter.comm.clone(),
        },
        scope: wanted.map(|it| it.mntns.clone()),
        exclude_self: true,
    }
}

fn start(
    node: &Node,
    prepared: &Prepared,
    guest: &mut Guest,
    request: &Request,
) -> Result<(), gadgetry_guest::GuestError> {
    let context = json!({
        "params": request.params,
        "node": node.name,
        "boot_to_unix_ns": clock::boot_to_unix_ns(),
        "boot_ns": clock::boot_ns(),
        "page_bytes": gadgetry_kernel::page_bytes(),
        "enums": prepared.enums(),
    });
    guest.start(context.to_string().as_bytes())
}

fn stream(
    pump: &mut Pump,
    attached: &mut Attached,
    duration: Option<Duration>,
    stop: &Arc<Stop>,
) -> Result<Ended, PumpError> {
    let Some(mut reader) = attached.take_reader() else {
        return Err(PumpError::Wait(std::io::Error::other("the object has no ring buffer `gadget_events`")));
    };
    // A stream's iterators tell its programs what was there before them; what they write themselves is not wanted.
    attached
        .read_iterators(|_| ControlFlow::Continue(()))
        .map_err(|error| PumpError::Wait(std::io::Error::other(error)))?;
    stop.arm(reader.waker());
    let ended = pump.run(&mut reader, duration, stop, || attached.lost().unwrap_or(0))?;
    // Detached first, so that what is left is finite and the count of lost events is final.
    attached.detach();
    pump.rest(&mut reader, ended != Ended::MaxRows)?;
    Ok(ended)
}

fn snapshot(pump: &mut Pump, attached: &mut Attached) -> Result<Ended, PumpError> {
    let mut ended = Ended::Complete;
    let mut error = None;
    let read = attached.read_iterators(|record| match pump.record(record) {
        Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
        Ok(ControlFlow::Break(())) => {
            ended = Ended::MaxRows;
            ControlFlow::Break(())
        }
        Err(failed) => {
            error = Some(failed);
            ControlFlow::Break(())
        }
    });
    if let Some(error) = error {
        return Err(error);
    }
    read.map_err(|error| PumpError::Wait(std::io::Error::other(error)))?;
    if ended == Ended::Complete && pump.records()?.is_continue() {
        let _ = pump.rows.take(pump.guest.finish()?);
    }
    Ok(ended)
}

/// A failure that names a parameter is the caller's to mend.
fn argument_or(gadget: &str, error: gadgetry_guest::GuestError) -> RunError {
    match error {
        gadgetry_guest::GuestError::Failed { message, field: Some(field) } => {
            RunError::Argument { field, message }
        }
        error => RunError::Failed { gadget: gadget.to_owned(), message: error.to_string() },
    }
}

struct Window {
    from: String,
    attached_at: Instant,
    attach: Duration,
    ended: Ended,
}

fn report(
    node: &Node,
    ready: &Ready,
    attached: &Attached,
    wanted: Option<Wanted>,
    mut pump: Pump,
    loss: Loss,
    window: Window,
) -> Report {
    let counts = pump.guest.counts();
    let mut notes: Vec<String> = Vec::new();
    for program in attached.programs() {
        notes.extend(program.refused.iter().map(|it| format!("{} is used instead of {it}", program.program)));
    }
    notes.extend(attached.missing().iter().map(|it| format!("not attached: {it}")));
    notes.extend(pump.guest.take_log().into_iter().map(|line| line.message));
    if counts.log_dropped > 0 {
        notes.push(format!("{} log lines of the gadget were left out", counts.log_dropped));
    }
    if let Some(budget) = node.budget().filter(|_| pump.meter.held_back) {
        notes.push(format!(
            "the node's limit of {} cores for post-processing (--cpu-limit) held this run back; events that found no room in the ring meanwhile are in loss.ring",
            budget.cores()
        ));
    }
    if pump.framer.malformed() > 0 {
        notes.push(format!("{} events were shorter than their header", pump.framer.malformed()));
    }
    if pump.framer.withheld() > 0 {
        notes.push(format!(
            "{} events outside of the namespaces you may see were kept back",
            pump.framer.withheld()
        ));
    }
    let probed = attached.probed();
    let files_of = |it: &gadgetry_kernel::AttachedProgram| {
        let probed = probed.as_ref().filter(|_| it.kind == ProgramKind::Uprobe)?;
        Some(probed.programs.get(&it.program).copied().unwrap_or_default())
    };
    let host = wanted.is_none();
    let node_counts =
        NodeCounts { seen: pump.seen, returned: pump.rows.returned, lost: loss.total, error: None };
    let programs = attached
        .programs()
        .iter()
        .map(|it| answer::Attached {
            program: it.program.clone(),
            hook: format!("{}/{}", it.kind, it.target),
            files: files_of(it),
        })
        .collect();
    let probed = probed.unwrap_or_default();
    notes.extend(probed.notes);
    let summary = Summary {
        guard: None,
        seen: pump.seen,
        matched: pump.rows.shaper.matched,
        filtered: pump.rows.shaper.filtered,
        returned: pump.rows.returned,
        truncated: pump.rows.truncated,
        ungrouped: pump.rows.shaper.ungrouped(),
        top: pump.rows.shaper.top(),
        duration_ms: u64::try_from(window.attached_at.elapsed().as_millis()).unwrap_or(u64::MAX),
        ended: window.ended,
        by_node: BTreeMap::from([(node.name.clone(), node_counts)]),
        looked_at: LookedAt {
            containers: wanted.map(|it| it.names).unwrap_or_default(),
            host,
            programs,
            more_files: probed.count - probed.files.len() as u64,
            files: probed.files,
            from: window.from,
            to: clock::now(),
        },
        notes,
    };
    tracing::debug!(
        gadget = ready.gadget.descriptor.name,
        attach_us = window.attach.as_micros(),
        "run ended"
    );
    Report { summary, loss, attach: window.attach }
}
