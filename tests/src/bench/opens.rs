//! How many opens a second become rows without a loss, beside what the peers manage on the same load.

use anyhow::Result;

use super::peer::{Traced, Tracer};
use super::{Figure, Table};

/// The long run that a figure is taken from.
const SECONDS: f64 = 30.0;
/// Runs that look for the highest rate.
const PROBE: f64 = 5.0;

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let ours = best(Tracer::Gadgetry)?;
    let mut peers = Vec::new();
    for tracer in [Tracer::Opensnoop, Tracer::Bpftrace] {
        peers.push((tracer, best(tracer)?));
    }
    let rate = |traced: &Traced| traced.made as f64 / traced.seconds;
    for (at, (tracer, peer)) in peers.iter().enumerate() {
        let more = rate(&ours) > rate(peer);
        table.add(Figure {
            what: format!("opens a second turned into JSON rows through WASM, none lost, {SECONDS} s"),
            measured: rate(&ours),
            unit: "/s",
            mark: if at == 0 {
                "over 300 k, and more than opensnoop without loss".into()
            } else {
                String::new()
            },
            reached: (at == 0).then_some(more && rate(&ours) > 300e3 && ours.lost == 0),
            peer: Some(rate(peer)),
            peer_name: tracer.name().into(),
        });
    }
    // Beyond what it can take, the loss must be counted to the last event: `trace` fails if it is not.
    let flood = Tracer::Gadgetry.trace(PROBE, 0, || Ok(()))?;
    table.add(Figure {
        what: format!("unthrottled load of {:.0} k/s: lost, all of it counted", rate(&flood) / 1e3),
        measured: flood.lost as f64,
        unit: "events",
        ..Figure::default()
    });
    Ok(())
}

/// The highest rate without a loss: as fast as the load goes, or else the best of a bisection, held for long.
fn best(tracer: Tracer) -> Result<Traced> {
    let full = tracer.trace(SECONDS, 0, || Ok(()))?;
    if full.lost == 0 {
        return Ok(full);
    }
    let (mut low, mut high) = (0.0, full.made as f64 / full.seconds);
    let mut rate = high * 0.8;
    let mut best = Traced { seconds: 1.0, ..Traced::default() };
    for _ in 0..5 {
        let traced = tracer.trace(PROBE, rate as u64, || Ok(()))?;
        if traced.lost == 0 {
            low = rate;
            best = traced;
        } else {
            high = rate;
        }
        rate = (low + high) / 2.0;
    }
    // A rate that held for a moment may not hold for long.
    while low > 1000.0 {
        let traced = tracer.trace(SECONDS, low as u64, || Ok(()))?;
        if traced.lost == 0 {
            return Ok(traced);
        }
        low *= 0.9;
    }
    Ok(best)
}
