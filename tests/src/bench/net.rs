//! The network: connections and DNS queries on the loopback interface that become rows, with the default ring; and what
//! tracing them costs the programs that make them.

use anyhow::{Result, ensure};

use super::load::{Load, under};
use super::{Figure, Table, middle_and_p99};

/// The run that a rate is taken from.
const SECONDS: f64 = 20.0;
/// Each of the runs that are compared.
const SHORT: f64 = 6.0;
/// How many runs of each kind are compared, in turns.
const RUNS: usize = 5;
/// The name server's port of the load: none that is in use.
const PORT: u16 = 5533;

/// A gadget and its load.
struct Traced {
    gadget: &'static str,
    load: &'static str,
    /// Rows that one event of the load makes.
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
        let (rate, lost) = traced.traced(SECONDS, 0)?;
        let Traced { gadget, load, mark, .. } = traced;
        table.add(Figure {
            what: format!(
                "{load} a second under {gadget}, as many as can be made; {lost} events lost in {SECONDS} s"
            ),
            measured: rate,
            unit: "/s",
            mark: format!("{:.0} k, or all that the load makes, none lost", mark / 1e3),
            reached: Some(lost == 0),
            peer: Some(alone),
            peer_name: "the load alone".into(),
        });
    }
    for (rate, what, mark) in [(5000, "paced to 5 k", Some(0.95)), (0, "as many as can be made", None)] {
        let [alone, under] = compared(rate)?;
        table.add(Figure {
            what: format!("connections a second under trace_tcp, {what} (medians of {RUNS})"),
            measured: under,
            unit: "/s",
            mark: mark.map_or_else(String::new, |_| "at most 5 % fewer than alone".into()),
            reached: mark.map(|mark| under >= mark * alone),
            peer: Some(alone),
            peer_name: "the load alone".into(),
        });
    }
    Ok(())
}

/// Connections a second without and with trace_tcp: medians of runs that take turns.
fn compared(rate: u64) -> Result<[f64; 2]> {
    let mut samples: [Vec<f64>; 2] = Default::default();
    for _ in 0..RUNS {
        samples[0].push(TCP.alone(SHORT, rate)?);
        samples[1].push(TCP.traced(SHORT, rate)?.0);
    }
    Ok(samples.map(|mut samples| middle_and_p99(&mut samples).0))
}

impl Traced {
    fn start(&self, seconds: f64, rate: u64) -> Result<Load> {
        let port = self.port.map(|port| port.to_string());
        let port: Vec<_> = port.iter().flat_map(|port| ["--port", port]).collect();
        Load::start(self.load, seconds, rate, &port)
    }

    /// Events a second that the load makes when nobody looks.
    fn alone(&self, seconds: f64, rate: u64) -> Result<f64> {
        let (made, took) = self.start(seconds, rate)?.finish()?;
        Ok(made as f64 / took)
    }

    /// Events a second that it makes under the gadget, and how many events were lost. Every row is accounted for.
    fn traced(&self, seconds: f64, rate: u64) -> Result<(f64, u64)> {
        let port = self.port.map(|port| port.to_string());
        let port: Vec<_> = port.iter().flat_map(|port| ["--port", port]).collect();
        let (made, took, said) = under(self.gadget, self.start(seconds, rate)?, seconds, &port)?;
        let wanted = made * self.rows;
        ensure!(
            if said.lost == 0 { said.rows == wanted } else { said.rows < wanted },
            "{} of {wanted} rows, {} lost",
            said.rows,
            said.lost
        );
        Ok((made as f64 / took, said.lost))
    }
}
