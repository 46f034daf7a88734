//! Rows of a gadget that merges: each node gives what it counted when it ends, and the gadget's own `merge` makes one set
//! of it. While the nodes run, so are their views of now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gadgetry_guest::RowChecker;
use tokio_util::sync::CancellationToken;

use super::name::{self, Name};
use super::queue::{MOST, Queues};
use super::sum::Gathered;
use crate::execute;
use crate::fleet::{Progress, RunError, failed};
use crate::node::Ready;
use crate::rows::Rows;
use crate::stop::Stop;

/// How often the views are made one, and progress is told.
const TICK: Duration = Duration::from_secs(1);

/// Adds `lines` to `out`, with the node's name in each; a gadget that keeps rows apart keeps it.
fn named(name: &Name, lines: &[u8], out: &mut Vec<u8>) {
    let rows = lines.split(|it| *it == b'\n').filter(|it| !it.is_empty());
    rows.for_each(|row| name.write(row, out));
}

/// Merges what all nodes give.
pub(super) fn run(
    ready: &Ready,
    names: &[Name],
    queues: &Queues,
    mut rows: Rows,
    duration: Option<Duration>,
    stop: &CancellationToken,
) -> Result<Gathered, RunError> {
    let broken = |error: gadgetry_guest::GuestError| failed(&ready.gadget, format!("merging: {error}"));
    let checker = RowChecker::new(&name::schema(&ready.gadget.descriptor.tools[0].row))
        .map_err(|error| failed(&ready.gadget, format!("merging: {error}")))?;
    let mut guest = execute::open_with(ready, Arc::new(checker), &Stop::default())?;
    let start = Instant::now();
    let mut tick = start + TICK;
    let (mut parts, mut lives): (Vec<Vec<u8>>, Vec<Vec<u8>>) = Default::default();
    let (mut bytes, mut cut) = (0, 0);
    loop {
        let mut took = Vec::new();
        let closed = queues.wait(tick, |node, batch| {
            parts.resize_with(parts.len().max(node + 1), Vec::new);
            took.push((node, batch.lines.len()));
            if bytes + batch.lines.len() > MOST {
                cut += batch.count;
                return;
            }
            bytes += batch.lines.len();
            named(&names[node], &batch.lines, &mut parts[node]);
        });
        took.into_iter().for_each(|(node, bytes)| queues.done(node, bytes));
        queues.log().iter().for_each(|line| rows.log(line));
        if closed.iter().all(|it| *it) {
            break;
        }
        let now = Instant::now();
        if now < tick {
            continue;
        }
        tick = now + TICK;
        lives.resize_with(closed.len(), Vec::new);
        let mut fresh = vec![None; closed.len()];
        if queues.lives(&mut fresh) {
            for ((live, fresh), name) in lives.iter_mut().zip(fresh).zip(names) {
                if let Some(fresh) = fresh {
                    live.clear();
                    named(name, &fresh, live);
                }
            }
            let views: Vec<&[u8]> = lives.iter().filter(|it| !it.is_empty()).map(Vec::as_slice).collect();
            if rows.live(guest.merge(&views).map_err(broken)?).is_break() {
                stop.cancel();
            }
        }
        rows.progress(Progress { elapsed: now - start, of: duration, ..queues.progress() });
    }
    let parts: Vec<&[u8]> = parts.iter().filter(|it| !it.is_empty()).map(Vec::as_slice).collect();
    let mut full = false;
    if !parts.is_empty() {
        full = rows.take(guest.merge(&parts).map_err(broken)?).is_break();
    }
    rows.finish();
    Ok(Gathered { rows, late: 0, full, kept_back: cut })
}
