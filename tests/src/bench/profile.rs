//! What profiling costs the load itself: the work that busy threads get done with and without profile_cpu, in turns, so
//! that a slow moment of the machine hits both.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{Figure, Table, middle_and_half};
use crate::host::Host;
use crate::rows::wait_until_attached;

/// How long each half of a turn is measured.
const WINDOW: Duration = Duration::from_millis(1500);
const TURNS: usize = 11;
/// Of CPU time, in a second: as Linux tells it to all programs.
const TICKS: f64 = 100.0;

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let host = Host::new();
    // Compiled once, so that no turn pays for it.
    host.ok(&["run", "profile_cpu", "--duration", "0.1", "-q", "-o", "jsonl"]);
    let Compared { slower, half, once } = compare(&host)?;
    table.add(Figure {
        what: format!(
            "profile_cpu at 49 Hz: a CPU-bound load gets slower by (median of {TURNS} pairs, {half})"
        ),
        measured: slower,
        unit: "%",
        mark: "at most 3".into(),
        reached: Some(slower <= 3.0),
        ..Figure::default()
    });
    let size = std::fs::metadata(std::env::current_exe()?)?.len() >> 20;
    table.add(Figure {
        what: format!(
            "profile_cpu: CPU time that a run takes once, to read the names of the kernel and of this program of {size} MiB"
        ),
        measured: once * 1e3,
        unit: "ms",
        ..Figure::default()
    });
    Ok(())
}

/// What a load is like while profile_cpu runs, beside what it is like alone.
struct Compared {
    /// By how many per cent it is slower, in the middle of the pairs.
    slower: f64,
    /// With how much noise.
    half: String,
    /// Seconds of CPU time that a run took once, in the middle of the runs.
    once: f64,
}

/// Compares what is got done in a window.
fn compare(host: &Host) -> Result<Compared> {
    let (mut slower, mut once) = (Vec::new(), Vec::new());
    work()?;
    for turn in 0..TURNS {
        // Which comes first changes, so that neither has the warmer machine.
        let early = if turn % 2 == 0 { None } else { Some(work()?) };
        let (with, start) = profiled(host)?;
        let without = early.map_or_else(work, Ok)?;
        slower.push((1.0 - with / without) * 100.0);
        once.push(start);
    }
    let (slower, half) = middle_and_half(&mut slower);
    Ok(Compared { slower, half, once: middle_and_half(&mut once).0 })
}

/// What the load got done while it was profiled, and the CPU time that the run took once.
fn profiled(host: &Host) -> Result<(f64, f64)> {
    let run = ["run", "profile_cpu", "--frequency", "49", "-q", "-o", "jsonl"];
    let run = Run(host.command(&run).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    wait_until_attached(run.0.id());
    // The names of what runs are read when it is first seen: that is not what a profile costs all the time.
    let begin = run.cpu()?;
    work()?;
    let middle = run.cpu()?;
    let done = work()?;
    let end = run.cpu()?;
    run.end()?;
    Ok((done, (middle - begin) - (end - middle)))
}

/// A run that is interrupted as by a person.
struct Run(Child);

impl Run {
    /// Seconds of CPU time that it took so far.
    fn cpu(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("no name in it")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<Result<f64, _>>()? / TICKS)
    }

    fn end(mut self) -> Result<()> {
        Command::new("kill").args(["-INT", &self.0.id().to_string()]).status()?;
        let status = self.0.wait()?;
        // 130: on a busy machine its last rows took longer than an interrupted run is waited for.
        ensure!(matches!(status.code(), Some(0 | 130)), "the profile ended with {status}");
        Ok(())
    }
}

/// Steps that a thread on every CPU makes in a window, within a few calls as any program is.
fn work() -> Result<f64> {
    let cpus = std::thread::available_parallelism()?.get();
    let end = Instant::now() + WINDOW;
    let threads: Vec<_> = (0..cpus).map(|seed| std::thread::spawn(move || outer(seed as u64, end))).collect();
    let mut steps = 0;
    for thread in threads {
        steps += thread.join().ok().context("a thread of the load failed")?;
    }
    Ok(steps as f64)
}

#[inline(never)]
fn outer(seed: u64, end: Instant) -> u64 {
    let (mut state, mut steps) = (seed | 1, 0);
    while Instant::now() < end {
        state = inner(state, 10_000);
        steps += 1;
    }
    std::hint::black_box(state);
    steps
}

#[inline(never)]
fn inner(mut state: u64, times: u32) -> u64 {
    for _ in 0..times {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    std::hint::black_box(state)
}
