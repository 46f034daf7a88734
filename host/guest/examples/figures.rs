//! Measures this crate: `cargo run --release -p gadgetry-guest --example figures -- COMPONENT.wasm`. The component
//! is a gadget's post-processor; without one, only the row checker is measured.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gadgetry_guest::{Config, Limits, RowChecker, Runtime, Shape};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    println!("resident at start: {} MiB", resident()?);
    if let Some(path) = std::env::args().nth(1) {
        component(&std::fs::read(path)?)?;
    }
    rows()
}

fn component(wasm: &[u8]) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let config = Config { cache_dir: Some(dir.path().join("compiled")), ..Config::default() };
    let start = Instant::now();
    let runtime = Runtime::new(config.clone())?;
    println!("runtime set up: {:?}, resident {} MiB", start.elapsed(), resident()?);

    let start = Instant::now();
    let component = runtime.component(wasm)?;
    let guest = component.open("figures", Arc::new(RowChecker::any_object()), Limits::default())?;
    println!(
        "{} KB compiled and opened: {:?}, resident {} MiB",
        wasm.len() / 1000,
        start.elapsed(),
        resident()?
    );
    println!("a {:?}, imports {:?}", component.shape(), component.imports());
    drop((guest, component, runtime));

    let runtime = Runtime::new(config)?;
    let load = best(20, || runtime.component(wasm).map(drop))?;
    let component = runtime.component(wasm)?;
    println!("from the cache ({:?}): {load:?}, resident {} MiB", component.origin(), resident()?);

    let checker = Arc::new(RowChecker::any_object());
    let open = best(200, || component.open("figures", checker.clone(), Limits::default()).map(drop))?;
    println!("instance: {open:?}");

    let mut guest = component.open("figures", checker, Limits::default())?;
    let calls = 10_000;
    let start = Instant::now();
    for _ in 0..calls {
        // Errors are calls too: what the gadget makes of an empty call does not matter here.
        match component.shape() {
            Shape::Stream => black_box(guest.tick().is_ok()),
            Shape::Snapshot => black_box(guest.collect(b"").is_ok()),
            Shape::Tool => black_box(guest.call("", b"{}").is_ok()),
        };
    }
    println!("empty call: {:?}", start.elapsed() / calls);
    Ok(())
}

/// The shortest of `times` goes.
fn best<E>(times: usize, mut go: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let mut shortest = Duration::MAX;
    for _ in 0..times {
        let start = Instant::now();
        go()?;
        shortest = shortest.min(start.elapsed());
    }
    Ok(shortest)
}

/// MiB of this process that are in memory.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}

fn rows() -> Result<(), Box<dyn Error>> {
    let string = json!({"type": "string"});
    let number = json!({"type": "integer", "format": "uint32", "minimum": 0, "maximum": 4294967295_u32});
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Row", "type": "object", "additionalProperties": false,
        "required": ["timestamp", "comm", "pid", "tid", "uid", "gid", "ppid", "parent_comm", "path", "flags"],
        "properties": {
            "timestamp": {"type": "string", "format": "date-time"},
            "comm": string, "pid": number, "tid": number, "uid": number, "gid": number, "ppid": number,
            "parent_comm": string,
            "container": {"anyOf": [{"$ref": "#/$defs/Container"}, {"type": "null"}]},
            "path": string, "full_path": {"type": ["string", "null"]},
            "flags": {"type": "array", "items": {"enum": ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_CREAT", "O_CLOEXEC"]}},
            "mode": string, "fd": {"type": ["integer", "null"], "format": "int32"},
            "error": {"type": ["string", "null"]}
        },
        "$defs": {"Container": {"type": "object", "properties": {"id": string, "runtime": string}, "required": ["id"]}}
    });
    let row = concat!(
        r#"{"timestamp":"2026-11-21T02:35:50.123456789Z","comm":"generator","pid":123456,"tid":123457,"uid":1000,"#,
        r#""gid":1000,"ppid":4321,"parent_comm":"bash","container":{"id":"0123456789ab","runtime":"docker"},"#,
        r#""path":"/usr/lib/x86_64-linux-gnu/libc.so.6","flags":["O_RDONLY","O_CLOEXEC"],"mode":"0644","fd":17}"#,
        "\n"
    );
    let count = 3000;
    let lines = row.repeat(count);
    let checker = RowChecker::new(&schema)?;
    let time = best(200, || {
        let good = checker.rows(black_box(lines.as_bytes()), 0).filter(Result::is_ok).count();
        if good == count { Ok(()) } else { Err("a row was refused") }
    })?;
    let rate = count as f64 / time.as_secs_f64() / 1e6;
    println!("rows of {} bytes checked (fast: {}): {rate:.2} M/s", row.len(), checker.is_fast());
    Ok(())
}
