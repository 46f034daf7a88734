//! What one open costs in the kernel, by the kernel's own account (`kernel.bpf_stats_enabled`).

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::peer::Tracer;
use super::{Figure, Table};

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let before =
        std::fs::read_to_string(SWITCH).context("the kernel keeps no statistics of eBPF programs")?;
    std::fs::write(SWITCH, "1")?;
    let measured = (|| {
        let mut samples: [Vec<f64>; 2] = Default::default();
        // In turns, so that a slow moment of the machine hits both.
        for _ in 0..3 {
            for (tracer, samples) in [Tracer::Gadgetry, Tracer::Opensnoop].into_iter().zip(&mut samples) {
                samples.push(per_open(tracer)?);
            }
        }
        Ok::<_, anyhow::Error>(samples.map(|samples| samples.into_iter().fold(f64::MAX, f64::min)))
    })();
    std::fs::write(SWITCH, before.trim())?;
    let [ours, theirs] = measured?;
    table.add(Figure {
        what: "kernel time per open event (best of 3)".into(),
        measured: ours,
        unit: "ns",
        mark: "at most 1.2 x opensnoop".into(),
        reached: Some(ours <= 1.2 * theirs),
        peer: Some(theirs),
        peer_name: "opensnoop".into(),
    });
    Ok(())
}

fn per_open(tracer: Tracer) -> Result<f64> {
    let there: BTreeSet<u64> = programs()?.into_iter().map(|(id, _)| id).collect();
    let mut time = 0;
    // A rate that both can take, so that no event is cheap for being lost.
    let traced = tracer.trace(3.0, 50_000, || {
        time = programs()?.into_iter().filter(|(id, _)| !there.contains(id)).map(|(_, time)| time).sum();
        Ok(())
    })?;
    Ok(time as f64 / traced.made as f64)
}

/// Id and run time in nanoseconds of every loaded program.
fn programs() -> Result<Vec<(u64, u64)>> {
    let output = Command::new("bpftool").args(["--json", "prog", "show"]).output().context("bpftool")?;
    let all: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    Ok(all.iter().map(|it| (number(&it["id"]), number(&it["run_time_ns"]))).collect())
}
