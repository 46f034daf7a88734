//! What the nodes say of their parts, as one summary.

use std::collections::BTreeMap;

use crate::agent::Absent;
use crate::answer::{Ended, LookedAt, Loss, NodeCounts, Summary};
use crate::fleet::{Report, RunError, failed};
use crate::gadget::Gadget;
use crate::request::Request;
use crate::rows::Rows;

/// Files of programs that are told of.
const FILES: usize = 32;

/// What became of the rows.
pub(super) struct Gathered {
    pub(super) rows: Rows,
    /// Rows handed on after later ones.
    pub(super) late: u64,
    /// Whether no more were wanted.
    pub(super) full: bool,
    /// Rows that there was no room to merge.
    pub(super) kept_back: u64,
}

/// One node's part.
pub(super) struct Part {
    name: String,
    /// Rows that came of it.
    pub(super) sent: u64,
    pub(super) ended: Option<Result<Report, RunError>>,
}

impl Part {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), sent: 0, ended: None }
    }
}

/// The report of all `parts`; an error when no node has anything to say but that.
pub(super) fn report(
    gadget: &Gadget,
    request: &Request,
    parts: Vec<Part>,
    absent: Vec<Absent>,
    gathered: Gathered,
    cancelled: bool,
) -> Result<Report, RunError> {
    let none = parts.iter().all(|it| !matches!(it.ended, Some(Ok(_))) && it.sent == 0);
    if none {
        return Err(refusal(gadget, parts, &absent));
    }
    let Gathered { rows, late, full, kept_back } = gathered;
    let mut sum = Summary::default();
    let mut loss = Loss::default();
    let mut attach = std::time::Duration::ZERO;
    let mut notes: Vec<(String, Vec<String>)> = Vec::new();
    let nodes = parts.len();
    for Part { name, sent, ended } in parts {
        let report = match ended {
            Some(Ok(report)) => report,
            failed => {
                let why = match failed {
                    Some(Err(error)) => reason(&error),
                    _ => "a bug of gadgetry; its log says more".to_owned(),
                };
                // What it sent before is in the answer: at least so many events were seen.
                sum.seen += sent;
                sum.matched += sent;
                sum.by_node.insert(name, failed_node(sent, why));
                continue;
            }
        };
        let Report { summary, loss: lost, attach: took } = report;
        attach = attach.max(took);
        loss = loss.and(lost);
        sum.seen += summary.seen;
        sum.matched += summary.matched;
        sum.filtered += summary.filtered;
        sum.truncated += summary.truncated;
        sum.duration_ms = sum.duration_ms.max(summary.duration_ms);
        let counts = NodeCounts { seen: summary.seen, returned: sent, lost: lost.total, error: None };
        // A server's report has its nodes; an agent's has itself, by the name that the agent goes by.
        match summary.by_node.len() {
            0 | 1 => drop(sum.by_node.insert(name.clone(), counts)),
            _ => sum.by_node.extend(summary.by_node),
        }
        look(&mut sum.looked_at, summary.looked_at);
        for note in summary.notes {
            match notes.iter_mut().find(|(known, _)| *known == note) {
                Some((_, who)) => who.push(name.clone()),
                None => notes.push((note, vec![name.clone()])),
            }
        }
    }
    for Absent { node, reason } in absent {
        sum.by_node.insert(node, failed_node(0, reason));
    }
    sum.notes = notes
        .into_iter()
        .map(|(note, who)| if who.len() == nodes { note } else { format!("{}: {note}", who.join(", ")) })
        .collect();
    if late > 0 {
        sum.notes.push(format!("{late} rows came too late to stand in the order of their times"));
    }
    if !request.scope.containers.is_empty() && sum.looked_at.containers.is_empty() {
        sum.notes.push(format!("no node has a container called {}", request.scope.containers.join(" or ")));
    }
    if gadget.descriptor.merge {
        // Nodes count what they gave; filtered are the merged ones.
        (sum.matched, sum.filtered) = (rows.shaper.matched, rows.shaper.filtered);
        sum.truncated = 0;
    }
    sum.returned = rows.returned;
    sum.truncated += rows.truncated;
    sum.ungrouped = rows.shaper.ungrouped();
    sum.top = rows.shaper.top();
    sum.ended = match (full, cancelled) {
        (true, _) => Ended::MaxRows,
        (false, true) => Ended::Cancelled,
        (false, false) => Ended::Complete,
    };
    let loss = loss.and(Loss::new(0, 0, kept_back));
    Ok(Report { summary: sum, loss, attach })
}

const fn failed_node(returned: u64, error: String) -> NodeCounts {
    NodeCounts { seen: returned, returned, lost: 0, error: Some(error) }
}

/// Why a node gave nothing, without the gadget's name, which the caller knows.
fn reason(error: &RunError) -> String {
    match error {
        RunError::Failed { message, .. } => message.clone(),
        error @ RunError::Argument { .. } => error.to_string(),
    }
}

/// No node ran it: what the first one says, if it is the caller's to mend; else what all say.
fn refusal(gadget: &Gadget, parts: Vec<Part>, absent: &[Absent]) -> RunError {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in parts {
        let error = match part.ended {
            Some(Err(error @ RunError::Argument { .. })) => return error,
            Some(Err(error)) => reason(&error),
            Some(Ok(_)) | None => "it ended by a bug of gadgetry; its log says more".to_owned(),
        };
        all.entry(error).or_default().push(part.name);
    }
    for Absent { node, reason } in absent {
        all.entry(reason.clone()).or_default().push(node.clone());
    }
    let told: Vec<String> = all.into_iter().map(|(why, who)| format!("{}: {why}", who.join(", "))).collect();
    failed(gadget, format!("no node could run it: {}", told.join("; ")))
}

/// Adds what one node looked at.
fn look(all: &mut LookedAt, one: LookedAt) {
    let LookedAt { containers, host, programs, files, more_files, from, to } = one;
    all.host |= host;
    all.containers.extend(containers);
    for program in programs {
        match all.programs.iter_mut().find(|it| it.program == program.program && it.hook == program.hook) {
            Some(known) => known.files = known.files.zip(program.files).map(|(a, b)| a + b),
            None => all.programs.push(program),
        }
    }
    all.more_files += more_files;
    for file in files {
        match all.files.len() < FILES {
            _ if all.files.contains(&file) => {}
            true => all.files.push(file),
            false => all.more_files += 1,
        }
    }
    // Times of one form: their order is that of the texts.
    if all.from.is_empty() || from < all.from {
        all.from = from;
    }
    if to > all.to {
        all.to = to;
    }
}
