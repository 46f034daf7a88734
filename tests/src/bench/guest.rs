//! The post-processor: what WASM costs against the same code compiled natively, and what the first run costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gadget_registry::bundle::Bundle;
use gadget_registry::image::{Image, host_architecture};
use gadget_sdk::testing::Batch;
use gadget_sdk::{Header, run::Run};
use gadgetry_guest::{Config, Limits, RowChecker, Runtime};
use trace_open::TraceOpen;
use trace_open::event::Open;

use super::{Figure, Table, middle_and_p99};

/// Events in a batch: what a quarter of a megabyte holds.
const EVENTS: u32 = 1200;
const CONTEXT: &[u8] =
    br#"{"params":{"failed":false,"absolute":false},"node":"bench","boot_to_unix_ns":1700000000000000000}"#;

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let bundle =
        std::fs::read(crate::target().join("gadgets/builtins.tar")).context("run `make build` first")?;
    let bundle = Bundle::parse(&bundle)?;
    let link = bundle.images().get("trace_open").context("trace_open is not among the built-in gadgets")?;
    let image = Image::open(&bundle, &link.digest, host_architecture())?;
    let batch = batch();

    let cache = tempfile::tempdir()?;
    let cache_dir = Some(cache.path().join("components"));
    let start = Instant::now();
    let runtime = Runtime::new(Config { cache_dir: cache_dir.clone(), ..Config::default() })?;
    let component = runtime.component(&image.component)?;
    let checker = Arc::new(RowChecker::new(&image.descriptor.tools[0].row)?);
    let mut guest = component.open("trace_open", checker.clone(), Limits::default())?;
    guest.start(CONTEXT)?;
    guest.process(&batch)?;
    let first = start.elapsed().as_secs_f64() * 1e3;
    table.add(Figure {
        what: format!("first ever run of a {} KB component, compile included", image.component.len() / 1000),
        measured: first,
        unit: "ms",
        mark: "under 300".into(),
        reached: Some(first < 300.0),
        ..Figure::default()
    });

    let runtime = Runtime::new(Config { cache_dir, ..Config::default() })?;
    let start = Instant::now();
    let component = runtime.component(&image.component)?;
    let load = start.elapsed().as_secs_f64() * 1e3;
    table.add(Figure {
        what: "load of its compiled form".into(),
        measured: load,
        unit: "ms",
        ..Figure::default()
    });
    let mut opened: Vec<f64> = (0..50)
        .map(|_| {
            let start = Instant::now();
            component
                .open("trace_open", checker.clone(), Limits::default())
                .map(|_| start.elapsed().as_secs_f64() * 1e3)
        })
        .collect::<Result<_, _>>()?;
    let instance = middle_and_p99(&mut opened).0;
    table.add(Figure { what: "instance".into(), measured: instance, unit: "ms", ..Figure::default() });

    let mut guest = component.open("trace_open", checker.clone(), Limits::default())?;
    guest.start(CONTEXT)?;
    let checked = rate(|| Ok(guest.process(&batch)?.count))?;
    // The same guest without a schema to check against.
    let mut unchecked =
        component.open("trace_open", Arc::new(RowChecker::any_object()), Limits::default())?;
    unchecked.start(CONTEXT)?;
    let rows = guest_rows(&mut unchecked, &batch)?;
    let wasm = rate(|| Ok(unchecked.process(&batch)?.count))?;
    let check = rate(|| count(checker.rows(&rows, 0)))?;
    let any = RowChecker::any_object();
    let split = rate(|| count(any.rows(&rows, 0)))?;
    // The host looks at each row whatever the schema; that time is not the component's.
    let component = 1e9 / wasm - 1e9 / split;
    let mut native = Run::<TraceOpen>::start(CONTEXT).map_err(|failure| anyhow::anyhow!(failure.message))?;
    let native = rate(|| {
        let rows = native.process(&batch).map_err(|failure| anyhow::anyhow!(failure.message))?;
        std::hint::black_box(&rows);
        Ok(u64::from(EVENTS))
    })?;
    table.add(Figure {
        what: "time of trace_open's post-processing per row, in WASM".into(),
        measured: component,
        unit: "ns",
        mark: "at most 2 x native".into(),
        reached: Some(component <= 2.0 * 1e9 / native),
        peer: Some(1e9 / native),
        peer_name: "native".into(),
    });
    table.add(Figure {
        what: "rows through WASM, one core".into(),
        measured: wasm,
        unit: "/s",
        ..Figure::default()
    });
    table.add(Figure {
        what: "rows through WASM and checked against their schema, one core".into(),
        measured: checked,
        unit: "/s",
        ..Figure::default()
    });
    table.add(Figure {
        what: "row check alone, one core".into(),
        measured: check,
        unit: "/s",
        ..Figure::default()
    });
    Ok(())
}

/// Counts rows, and fails at one that is not valid.
fn count<E>(rows: impl Iterator<Item = Result<impl Sized, E>>) -> Result<u64>
where
    anyhow::Error: From<E>,
{
    let mut count = 0;
    for row in rows {
        row?;
        count += 1;
    }
    Ok(count)
}

fn guest_rows(guest: &mut gadgetry_guest::Guest, batch: &[u8]) -> Result<Vec<u8>> {
    Ok(guest.process(batch)?.lines.to_vec())
}

/// Best rate of several rounds: what the code can do when nothing else disturbs it.
fn rate(mut round: impl FnMut() -> Result<u64>) -> Result<f64> {
    let mut best: f64 = 0.0;
    for _ in 0..5 {
        let start = Instant::now();
        let mut count = 0;
        while start.elapsed() < Duration::from_millis(300) {
            count += round()?;
        }
        best = best.max(count as f64 / start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Opens as the kernel half writes them, with paths of a hundred bytes.
fn batch() -> Vec<u8> {
    let mut batch = Batch::new();
    for number in 0..EVENTS {
        let path = format!(
            "/usr/lib/python3/dist-packages/some/where/in/a/tree/of/files/that/is/deep/enough/module_{number:08}.py"
        );
        let mut header = Header {
            timestamp: 1_000_000_000_000 + u64::from(number) * 1000,
            pid: 4242,
            tid: 4243,
            uid: 1000,
            ..Header::default()
        };
        header.comm[..7].copy_from_slice(b"python3");
        header.parent_comm[..4].copy_from_slice(b"bash");
        let open = Open {
            flags: 0o2_000_000,
            resolve: 0,
            mode: 0,
            dfd: -100,
            ret: 3,
            path_len: u32::try_from(path.len()).unwrap_or(0),
            absolute_len: 0,
            call: trace_open::event::CALL_OPENAT,
            notes: 0,
            reserved: [0; 2],
        };
        batch = batch.event(&header, &open, path.as_bytes());
    }
    batch.bytes().to_vec()
}
