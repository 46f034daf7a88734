//! An answer as text: what a model reads when its client shows it no structured content. The rows in the cheapest
//! encoding, then what must be known before believing them.

use std::fmt::Write;

use crate::answer::{Ended, Identity, LookedAt, Loss, Summary};

/// Notes are clipped to this many bytes in all.
const NOTES: usize = 2048;
/// Nodes that are told of one by one.
const NODES: usize = 20;

/// The lines behind the rows.
pub(crate) fn tail(summary: &Summary, loss: &Loss, gadget: &Identity) -> String {
    let mut text = String::new();
    let done = write_tail(&mut text, summary, loss, gadget);
    debug_assert!(done.is_ok(), "writing to a string");
    text
}

fn write_tail(text: &mut String, summary: &Summary, loss: &Loss, gadget: &Identity) -> std::fmt::Result {
    let Summary { seen, matched, filtered, returned, truncated, ungrouped, duration_ms, .. } = summary;
    write!(text, "{seen} events seen, {matched} rows")?;
    if *filtered > 0 {
        write!(text, " ({filtered} more did not pass the filter)")?;
    }
    write!(text, ", {returned} returned")?;
    if *truncated > 0 {
        write!(text, ", {truncated} beyond max_rows")?;
    }
    if *ungrouped > 0 {
        write!(text, ", {ungrouped} rows in no group (too many groups)")?;
    }
    let ended = match summary.ended {
        Ended::Complete => "",
        Ended::MaxRows => ", ended by max_rows",
        Ended::Cancelled => ", cancelled",
    };
    writeln!(text, "; {:.1} s{ended}", *duration_ms as f64 / 1000.0)?;
    match loss.total {
        0 => writeln!(text, "lost: nothing")?,
        total => {
            let Loss { ring, unread, limits, missed, link, .. } = loss;
            write!(
                text,
                "LOST: {total} events (ring {ring}, unread {unread}, limits {limits}, missed {missed}"
            )?;
            if *link > 0 {
                write!(text, ", link {link}")?;
            }
            writeln!(text, "): rows are missing")?;
        }
    }
    nodes(text, summary)?;
    if let Some(guarded) = &summary.guard {
        text.push_str(&guarded.text());
    }
    for (field, values) in summary.top.fields() {
        let values: Vec<String> = values.iter().map(|(value, count)| format!("{value} {count}")).collect();
        writeln!(text, "top {field}: {}", values.join(", "))?;
    }
    if *returned == 0 {
        looked_at(text, &summary.looked_at)?;
    }
    let mut left = NOTES;
    for note in &summary.notes {
        let note: String = note.chars().take(left).collect();
        left = left.saturating_sub(note.len());
        if note.is_empty() {
            break;
        }
        writeln!(text, "note: {}", note.replace('\n', " "))?;
    }
    let digest: String = gadget.digest.chars().take(19).collect();
    writeln!(text, "gadget: {} {digest}, signed by {}", gadget.reference, gadget.signed_by)
}

/// Which nodes answered, when there are several, and which did not.
fn nodes(text: &mut String, summary: &Summary) -> std::fmt::Result {
    let failed: Vec<_> =
        summary.by_node.iter().filter_map(|(name, it)| Some((name, it.error.as_ref()?))).collect();
    if summary.by_node.len() > 1 || !failed.is_empty() {
        let whole = summary.by_node.len() - failed.len();
        writeln!(text, "nodes: {whole} of {} answered in full", summary.by_node.len())?;
    }
    for (name, error) in failed.iter().take(NODES) {
        writeln!(text, "NODE {name}: {}", error.replace('\n', " "))?;
    }
    if failed.len() > NODES {
        writeln!(text, "and {} more nodes; summary.by_node has all", failed.len() - NODES)?;
    }
    Ok(())
}

/// An empty answer is only worth something with this.
fn looked_at(text: &mut String, at: &LookedAt) -> std::fmt::Result {
    let hooks: Vec<&str> = at.programs.iter().map(|it| it.hook.as_str()).collect();
    let scope = match at.containers.as_slice() {
        [] if at.host => "the host and all containers".to_owned(),
        [] => "no container".to_owned(),
        names => format!("containers {}", names.join(", ")),
    };
    writeln!(text, "looked at: {scope}, {} to {}, by {}", at.from, at.to, hooks.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_says_what_is_missing() {
        let gadget = Identity {
            name: "t".into(),
            version: "1".into(),
            reference: "trace_open".into(),
            digest: format!("sha256:{}", "0".repeat(64)),
            signed_by: "nobody".into(),
        };
        let mut summary =
            Summary { seen: 5, matched: 2, filtered: 3, duration_ms: 1500, ..Summary::default() };
        summary.looked_at.host = true;
        summary.notes = vec!["x".repeat(5000), "y".into()];
        let text = tail(&summary, &Loss::new(1, 0, 0).with_missed(2), &gadget);
        for part in [
            "5 events seen, 2 rows (3 more",
            "LOST: 3 events (ring 1, unread 0, limits 0, missed 2)",
            "looked at: the host",
            "sha256:000000000000,",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(text.len() < NOTES + 600, "{}", text.len());
        assert!(!text.contains("note: y"));
    }
}
