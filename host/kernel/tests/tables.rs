//! Tables that the kernel half adds to, and programs that a clock calls.

mod common;

use std::collections::BTreeMap;
use std::io;

use common::{KERNEL, compile, fail_to_open, hook, of_this_thread, tid, u32_at};
use gadgetry_kernel::{AttachError, Attached, Table};
use serde_json::json;

/// Bytes of the common header.
const HEADER: usize = 72;

fn attach(program: &str, frequency: Option<u64>) -> Result<Attached, AttachError> {
    let prepared = KERNEL.prepare(&compile("table", &["-DENTRIES=4096"]), &[hook("it", &[program])]).unwrap();
    let mut settings = of_this_thread();
    if let Some(frequency) = frequency {
        settings.params.insert("frequency".into(), json!(frequency));
    }
    KERNEL.attach(&prepared, &settings)
}

/// How many values there are, and the sum of what they count.
fn read(table: &mut Table) -> (usize, u64) {
    let mut sum = 0;
    let count = table.read(|value| {
        assert_eq!((value.len(), u32_at(value, 24)), (HEADER + 8, tid()));
        sum += u64::from_le_bytes(value[HEADER..].try_into().unwrap());
        Ok::<_, io::Error>(())
    });
    (count.unwrap(), sum)
}

#[test]
fn a_table_is_read_whole_again_and_again_also_when_nothing_is_attached_any_more() {
    let mut attached = attach("openat", None).unwrap();
    let mut tables = attached.take_tables();
    assert!(attached.take_tables().is_empty());
    let table = &mut tables[0];
    assert_eq!(table.name(), "calls");
    assert_eq!(read(table), (0, 0));
    fail_to_open(1000);
    assert_eq!(read(table), (1000, 1000));
    fail_to_open(4000);
    attached.detach();
    fail_to_open(10);
    assert_eq!(read(table), (3000, 5000));
    let failed = table.read(|_| Err(io::Error::other("no more"))).unwrap_err();
    assert_eq!(failed.to_string(), "no more");
}

/// Nanoseconds that this thread was on a CPU.
fn on_cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_clock_strikes_as_often_as_it_is_asked_to() {
    let mut counts = BTreeMap::new();
    for frequency in [None, Some(400)] {
        let mut attached = attach("clock", frequency).unwrap();
        // Only while this thread is on a CPU, which others want as well.
        let start = on_cpu();
        while on_cpu() - start < 500_000_000 {
            (0..10_000).for_each(|_| std::hint::spin_loop());
        }
        counts.insert(frequency, read(&mut attached.take_tables()[0]).1);
    }
    let (slow, fast) = (counts[&None], counts[&Some(400)]);
    assert!((10..=40).contains(&slow) && (100..=300).contains(&fast), "{counts:?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let error = attach("clock", Some(100_000)).err().unwrap().to_string();
    assert!(error.contains("`frequency`") && error.contains("1 to 1000"), "{error}");
    let cases = [
        (["-DENTRIES=64", "-DPADDING="], "misspelt", "perf_event/<software event>"),
        (["-DENTRIES=2000000", "-DPADDING="], "openat", "no more than 67108864 bytes"),
    ];
    for (flags, program, expected) in cases {
        let error =
            KERNEL.prepare(&compile("table", &flags), &[hook("it", &[program])]).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
