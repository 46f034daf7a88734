//! Programs that the kernel passes by are counted, without an open that programs would see.

mod common;

use std::time::{Duration, Instant};

use common::{KERNEL, compile, drain, fail_to_open, hook, of_this_thread};

#[test]
fn a_program_that_would_interrupt_another_is_counted() {
    // The slow program last, as attaching the other opens a file.
    let hooks = [hook("tick", &["tick"]), hook("slow", &["slow"])];
    let prepared = KERNEL.prepare(&compile("passed_by", &[]), &hooks).unwrap();
    let mut attached = KERNEL.attach(&prepared, &of_this_thread()).unwrap();
    let mut reader = attached.take_reader().unwrap();
    // Long enough for the clock to strike in the middle of the slow program many times.
    let (start, mut opens) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(2) {
        fail_to_open(10);
        opens += 10;
    }
    assert_eq!(attached.missed().unwrap(), 0, "only final numbers are told");
    attached.detach();
    let missed = attached.missed().unwrap();
    assert!(missed > 5, "{missed} in {opens} opens");
    // Reading the count opened nothing; what the slow program saw is what was opened here.
    assert_eq!(attached.lost().unwrap(), 0);
    assert_eq!(drain(&mut reader).len(), opens);
}
