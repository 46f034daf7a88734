//! Attaches programs of an object and counts events while this process makes them: how long each step takes, how
//! much memory stays, how many opens per second come through and what is lost.
//!
//! `pump OBJECT SECONDS THREADS PARAMS PROGRAM...`, with PARAMS a JSON object; with 0 threads the events must come
//! from elsewhere.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gadget_registry::descriptor::Hook;
use gadgetry_kernel::{Filter, Kernel, Settings, Woken};

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [object, seconds, threads, params, programs @ ..] = &args[..] else {
        return Err("pump OBJECT SECONDS THREADS PARAMS PROGRAM...".into());
    };
    let (seconds, threads) = (Duration::from_secs(seconds.parse()?), threads.parse::<usize>()?);
    let hooks = programs.iter().map(|it| Hook {
        name: it.clone(),
        prefer: vec![it.clone()],
        when: None,
        is: None,
        optional: false,
    });
    let hooks: Vec<_> = hooks.collect();

    let kernel = timed("kernel", Kernel::new)?;
    let bytes = std::fs::read(object)?;
    let prepared = timed("prepare", || kernel.prepare(&bytes, &hooks))?;
    let settings = Settings {
        ring_bytes: 8 << 20,
        params: serde_json::from_str(params)?,
        filter: Filter::default(),
        scope: None,
        exclude_self: false,
    };
    for _ in 0..5 {
        drop(timed("attach", || kernel.attach(&prepared, &settings))?);
    }
    let mut attached = timed("attach", || kernel.attach(&prepared, &settings))?;
    attached.programs().iter().for_each(|it| println!("{it:?}"));
    let start = Instant::now();
    let records = attached.read_iterators(|_| ControlFlow::Continue(()))?;
    println!("{records} records of iterators in {:?}", start.elapsed());
    let Some(mut reader) = attached.take_reader() else { return Ok(()) };

    let (over, made) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut read, mut bytes, mut wakes) = (0, 0, 0);
    std::thread::scope(|scope| -> Result<(), Error> {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut count = 0;
                while !over.load(Ordering::Relaxed) {
                    let _ = std::fs::File::open("/there/is/no/such/file");
                    count += 1;
                }
                made.fetch_add(count, Ordering::Relaxed);
            });
        }
        while start.elapsed() < seconds {
            if reader.wait(Duration::from_millis(100))? == Woken::Events {
                wakes += 1;
                read += reader.drain(|event| {
                    bytes += event.len();
                    ControlFlow::Continue(())
                });
            }
        }
        over.store(true, Ordering::Relaxed);
        Ok(())
    })?;
    let elapsed = start.elapsed();
    timed("detach", || -> Result<(), Error> {
        attached.detach();
        Ok(())
    })?;
    read += reader.drain(|_| ControlFlow::Continue(()));
    let (made, lost) = (made.into_inner(), attached.lost()?);
    println!(
        "made {made}, read {read} ({:.0}/s, {} bytes each), lost {lost}, woken {wakes} times",
        read as f64 / elapsed.as_secs_f64(),
        bytes.checked_div(read).unwrap_or(0),
    );
    Ok(())
}

fn timed<T, E>(what: &str, run: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    let result = run();
    let took = start.elapsed();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default().trim();
    println!("{what:8} {took:>12.3?}  resident {resident}");
    result
}
