//! Several nodes: how fast their rows become one stream in the order of time, how much goes over one agent's link, and how
//! soon the first row of a call is there, of one node and of fifty. The nodes are simulated where only their rows matter:
//! what takes these to the caller is the product's own, certificates and all.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gadgetry_control::address::Address;
use gadgetry_control::dial::Dial;
use gadgetry_control::listen::Listening;
use gadgetry_control::nodes::{Known, Nodes};
use gadgetry_control::service::{Limits, Offered, Service};
use gadgetry_control::source::{Found, Source};
use gadgetry_control::tls::{Identity, Role};
use gadgetry_run::agent::{Agent, Agents, Reach, Running};
use gadgetry_run::answer::{Loss, Summary};
use gadgetry_run::fleet::{Fleet, Report, Sink};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::node::Node;
use gadgetry_run::request::Request;
use gadgetry_run::runs::{self, Runs};
use tokio_util::sync::CancellationToken;

use super::{Figure, Table, middle_and_p99};
use crate::nodes::Authority;

/// Nodes of the fleet.
const NODES: usize = 50;
/// Rows that a node sends at once.
const BATCH: usize = 500;

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let (supply, node) = super::call::supply(folder.path())?;
        let node = Arc::new(node);
        let image = supply.fetch("trace_exec").await?;
        let gadget = tokio::task::block_in_place(|| node.register(image))?;
        merged(table, &node, &gadget).await?;
        let world = World::new(folder.path(), node, gadget)?;
        world.link(table).await?;
        world.first_rows(table).await
    })
}

/// A node that sends rows as fast as they are taken.
struct Simulated {
    name: String,
    batches: usize,
}

impl Agent for Simulated {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&self, _: Arc<Gadget>, _: Request, mut sink: Box<dyn Sink>, _: CancellationToken) -> Running<'_> {
        let batches = self.batches;
        Box::pin(async move {
            let sent = tokio::task::spawn_blocking(move || {
                let mut sent = 0;
                for batch in 0..batches {
                    // Times go on from batch to batch as they do from row to row.
                    let lines = rows(batch);
                    while !sink.has_room() {
                        std::thread::sleep(Duration::from_micros(200));
                    }
                    sent += BATCH as u64;
                    if sink.rows(&lines, BATCH as u64) == ControlFlow::Break(()) {
                        break;
                    }
                }
                sent
            });
            let sent = sent.await.unwrap_or_default();
            let summary = Summary { seen: sent, matched: sent, returned: sent, ..Summary::default() };
            Ok(Report { summary, loss: Loss::default(), attach: Duration::ZERO })
        })
    }
}

/// Rows as trace_exec makes them.
fn rows(batch: usize) -> Vec<u8> {
    let mut lines = Vec::with_capacity(BATCH * 256);
    for at in 0..BATCH {
        let nanos = batch * BATCH + at;
        let (second, nanos) = (nanos * 1000 / 1_000_000_000, nanos * 1000 % 1_000_000_000);
        let line = format!(
            "{{\"timestamp\":\"2026-01-02T03:{:02}:{:02}.{nanos:09}Z\",\"comm\":\"true\",\"pid\":{},\"tid\":{},\"uid\":0,\"gid\":0,\
             \"ppid\":1,\"parent_comm\":\"sh\",\"file\":\"/bin/true\",\"args\":[\"/bin/true\",\"an argument\"],\"error\":\"\"}}\n",
            second / 60 % 60,
            second % 60,
            1000 + at,
            1000 + at,
        );
        lines.extend_from_slice(line.as_bytes());
    }
    lines
}

struct Simulation(Vec<Arc<dyn Agent>>, bool);

impl Simulation {
    fn new(nodes: usize, batches: usize, named: bool) -> Self {
        let agent = |at| Arc::new(Simulated { name: format!("n{at}"), batches }) as Arc<dyn Agent>;
        Self((0..nodes).map(agent).collect(), named)
    }
}

impl Agents for Simulation {
    fn reach(&self) -> Reach {
        Reach { agents: self.0.clone(), absent: Vec::new(), named: self.1 }
    }

    fn containers(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Counts rows, and notes when the first came.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicU64>, Arc<std::sync::OnceLock<Instant>>);

impl Sink for Counted {
    fn rows(&mut self, _: &[u8], count: u64) -> ControlFlow<()> {
        self.0.fetch_add(count, Ordering::Relaxed);
        self.1.get_or_init(Instant::now);
        ControlFlow::Continue(())
    }
}

fn request() -> Request {
    Request { duration: Some(Duration::from_secs(60)), tool: "trace_exec".into(), ..Request::default() }
}

/// Seconds of processor time that this process has used.
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().context("a stat")?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<f64>().ok()).context("ticks");
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

async fn merged(table: &mut Table, node: &Arc<Node>, gadget: &Arc<Gadget>) -> Result<()> {
    let batches = 60;
    let fleet = Fleet::of(node.clone(), Arc::new(Simulation::new(NODES, batches, true)));
    let sink = Counted::default();
    let (start, before) = (Instant::now(), cpu_seconds()?);
    let report =
        fleet.run(gadget.clone(), request(), Box::new(sink.clone()), CancellationToken::new()).await?;
    let (took, cpu) = (start.elapsed(), cpu_seconds()? - before);
    let rows = sink.0.load(Ordering::Relaxed);
    anyhow::ensure!(rows == (NODES * batches * BATCH) as u64 && report.loss.total == 0, "rows were lost");
    let measured = rows as f64 / cpu;
    table.add(Figure {
        what: format!(
            "rows of {NODES} nodes merged in time order, per core, the making of them included ({:.0} k/s in all)",
            rows as f64 / took.as_secs_f64() / 1e3
        ),
        measured,
        unit: "/s",
        mark: "at least 200 k/s".into(),
        reached: Some(measured >= 200_000.0),
        ..Figure::default()
    });
    Ok(())
}

/// Certificates, and the gadget that all agents have.
struct World {
    node: Arc<Node>,
    gadget: Arc<Gadget>,
    agent: Arc<Identity>,
    server: Arc<Identity>,
}

#[derive(Clone)]
struct Has(Arc<Gadget>);

impl Source for Has {
    async fn find(&self, _: &str, _: &str) -> Result<Found, String> {
        Ok(Found { gadget: self.0.clone(), note: None })
    }

    fn gadgets(&self) -> Vec<Arc<Gadget>> {
        vec![self.0.clone()]
    }
}

impl World {
    fn new(folder: &std::path::Path, node: Arc<Node>, gadget: Arc<Gadget>) -> Result<Self> {
        let authority = Authority::new();
        let identity = |role: Role| -> Result<Arc<Identity>> {
            let files = authority.write(&folder.join(role.name()), role.name(), false);
            Ok(Arc::new(Identity::new(files.into())?))
        };
        Ok(Self { node, gadget, agent: identity(Role::Agent)?, server: identity(Role::Server)? })
    }

    /// An agent on loopback that sends `batches` for each run; its address.
    async fn agent(&self, at: usize, batches: usize, stop: &CancellationToken) -> Result<Known<Address>> {
        let name = format!("n{at}");
        let fleet = Arc::new(Fleet::of(self.node.clone(), Arc::new(Simulation::new(1, batches, false))));
        let background = Runs::new(fleet.clone(), runs::Limits::default());
        let source = Arc::new(Has(self.gadget.clone()));
        let service = Service::new(&name, fleet, source, background, Limits::default(), stop.child_token());
        let listening = Listening::nowhere().tls("127.0.0.1:0", self.agent.clone(), Role::Server).await?;
        let address = Address::Tls(format!("127.0.0.1:{}", listening.port().context("a port")?));
        tokio::spawn(listening.serve(Offered(service), stop.clone()));
        Ok(Known { name, address: Ok(address) })
    }

    async fn fleet(&self, nodes: usize, batches: usize, stop: &CancellationToken) -> Result<Fleet> {
        let mut known = Vec::new();
        for at in 0..nodes {
            known.push(self.agent(at, batches, stop).await?);
        }
        let all = Nodes::new(Dial::new(Some(self.server.clone()), Role::Agent), nodes > 1);
        all.set(known);
        all.settled(Duration::from_secs(20)).await;
        Ok(Fleet::of(self.node.clone(), all))
    }

    async fn link(&self, table: &mut Table) -> Result<()> {
        let batches = 4000;
        let stop = CancellationToken::new();
        let fleet = self.fleet(1, batches, &stop).await?;
        let sink = Counted::default();
        let start = Instant::now();
        let report = fleet
            .run(self.gadget.clone(), request(), Box::new(sink.clone()), CancellationToken::new())
            .await?;
        let rows = sink.0.load(Ordering::Relaxed);
        stop.cancel();
        let measured = rows as f64 / start.elapsed().as_secs_f64();
        let whole = rows == (batches * BATCH) as u64 && report.loss.total == 0;
        table.add(Figure {
            what: format!("rows over one agent's link, mutual TLS on loopback, {} lost", report.loss.total),
            measured,
            unit: "/s",
            mark: "at least 300 k/s, none lost".into(),
            reached: Some(measured >= 300_000.0 && whole),
            ..Figure::default()
        });
        Ok(())
    }

    async fn first_rows(&self, table: &mut Table) -> Result<()> {
        let mut middles = Vec::new();
        for nodes in [1, NODES] {
            let stop = CancellationToken::new();
            let fleet = self.fleet(nodes, 1, &stop).await?;
            let mut samples = Vec::new();
            for _ in 0..20 {
                let sink = Counted::default();
                let start = Instant::now();
                fleet
                    .run(self.gadget.clone(), request(), Box::new(sink.clone()), CancellationToken::new())
                    .await?;
                let first = sink.1.get().context("no row came")?;
                samples.push((*first - start).as_secs_f64() * 1e3);
            }
            stop.cancel();
            let (middle, p99) = middle_and_p99(&mut samples);
            middles.push(middle);
            let most = if nodes == 1 { 20.0 } else { 150.0 };
            table.add(Figure {
                what: format!("first row of a call on {nodes} simulated nodes, p50 (p99 {p99:.1} ms)"),
                measured: middle,
                unit: "ms",
                mark: format!("at most {most:.0} ms"),
                reached: Some(middle <= most),
                ..Figure::default()
            });
        }
        Ok(())
    }
}
