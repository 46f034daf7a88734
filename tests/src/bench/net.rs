//! The network: connections and DNS queries on the loopback interface that become rows, with the default ring; and what
//! tracing them costs the programs that make them.

use anyhow::{Result, ensure};

use super::load::{Load, Made, Said, under};
use super::{Figure, Table, middle_and_half};

/// The run that a rate is taken from.
const SECONDS: f64 = 20.0;
/// Each of the runs that are compared.
const SHORT: f64 = 5.0;
/// How many pairs of runs are compared.
const PAIRS: usize = 7;
/// The name server's port of the load: none that is in use.
const PORT: u16 = 5533;

/// A gadget and its load.
struct Traced {
    gadget: &'static str,
    load: &'static str,
    /// Rows that one event of the load makes: of a connection that it is made, accepted, and closed at both ends; of a
    /// query and its answer one.
    rows: u64,
    port: Option<u16>,
    /// Events a second that must come through.
    mark: f64,
}

const TCP: Traced = Traced { gadget: "trace_tcp", load: "connections", rows: 4, port: None, mark: 20e3 };
const DNS: Traced = Traced { gadget: "trace_dns", load: "queries", rows: 1, port: Some(PORT), mark: 30e3 };

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    for traced in [TCP, DNS] {
        let alone = traced.alone(SHORT, 0)?;
        let (made, said) = traced.traced(SECONDS, 0)?;
        let Traced { gadget, load, rows, mark, .. } = traced;
        // What is neither told nor counted as lost would be a fault, of which there must be none either.
        let unknown = (made.count * rows).abs_diff(said.rows + said.lost);
        let lost = said.lost;
        table.add(Figure {
            what: format!(
                "{load} a second under {gadget}, as many as can be made, {} rows in {SECONDS} s; {lost} lost, {unknown} \
                 unaccounted for",
                said.rows
            ),
            measured: made.rate(),
            unit: "/s",
            mark: format!("{:.0} k, or all that the load makes, none lost", mark / 1e3),
            reached: Some(lost == 0 && unknown == 0),
            peer: Some(alone.rate()),
            peer_name: "the load alone".into(),
        });
    }
    compare(table, 5000, "paced to 5 k a second", true)?;
    compare(table, 0, "as many as can be made", false)
}

/// What trace_tcp costs a load of connections: runs with and without it in turns, so that a slow moment of the machine
/// hits both.
fn compare(table: &mut Table, rate: u64, what: &str, marked: bool) -> Result<()> {
    let (mut slower, mut dearer, mut cost) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()]);
    for pair in 0..PAIRS {
        // Which comes first changes, too.
        let early = if pair % 2 == 0 { Some(TCP.alone(SHORT, rate)?) } else { None };
        let under = TCP.traced(SHORT, rate)?.0;
        let alone = early.map_or_else(|| TCP.alone(SHORT, rate), Ok)?;
        let micros = |made: &Made| made.running / made.count as f64 * 1e6;
        slower.push((1.0 - under.rate() / alone.rate()) * 100.0);
        dearer.push((micros(&under) / micros(&alone) - 1.0) * 100.0);
        cost[0].push(micros(&alone));
        cost[1].push(micros(&under));
    }
    let (middle, half) = middle_and_half(&mut slower);
    table.add(Figure {
        what: format!(
            "connections, {what}: under trace_tcp fewer than alone by (median of {PAIRS} pairs, {half})"
        ),
        measured: middle,
        unit: "%",
        mark: if marked { "at most 5".into() } else { String::new() },
        reached: marked.then_some(middle <= 5.0),
        ..Figure::default()
    });
    let [alone, under] = cost.map(|mut cost| middle_and_half(&mut cost).0);
    let (middle, half) = middle_and_half(&mut dearer);
    table.add(Figure {
        what: format!(
            "connections, {what}: CPU time that one takes under trace_tcp, both ends; {middle:.1} % more than alone \
             (median of {PAIRS} pairs, {half})"
        ),
        measured: under,
        unit: "µs",
        peer: Some(alone),
        peer_name: "the load alone".into(),
        ..Figure::default()
    });
    Ok(())
}

impl Traced {
    fn start(&self, seconds: f64, rate: u64) -> Result<Load> {
        let port = self.port.map(|port| port.to_string());
        let port: Vec<_> = port.iter().flat_map(|port| ["--port", port]).collect();
        Load::start(self.load, seconds, rate, &port)
    }

    /// What the load makes when nobody looks.
    fn alone(&self, seconds: f64, rate: u64) -> Result<Made> {
        self.start(seconds, rate)?.run()
    }

    /// What it makes under the gadget, and what that says. No row is told twice.
    fn traced(&self, seconds: f64, rate: u64) -> Result<(Made, Said)> {
        let port = self.port.map(|port| port.to_string());
        let port: Vec<_> = port.iter().flat_map(|port| ["--port", port]).collect();
        let (made, said) = under(self.gadget, self.start(seconds, rate)?, seconds, &port)?;
        let wanted = made.count * self.rows;
        ensure!(said.rows + said.lost <= wanted, "{} rows of {wanted}, {} lost", said.rows, said.lost);
        Ok((made, said))
    }
}
