//! Streams of events: parameters, filters, scope, loss, and that nothing stays.

mod common;

use std::time::{Duration, Instant};

use common::{
    KERNEL, compile, drain, fail_to_open, gone_within, hook, ids, loaded, of_this_thread, own_mntns,
    settings, tid, u32_at,
};
use gadgetry_kernel::{AttachError, Prepared, Woken};
use serde_json::json;

/// Bytes of the common header.
const HEADER: usize = 72;

fn open() -> Prepared {
    let mut close = hook("close", &["close"]);
    close.when = Some("closes".into());
    KERNEL.prepare(&compile("open", &[]), &[hook("open", &["openat"]), close]).unwrap()
}

fn failed() -> gadgetry_kernel::Settings {
    let mut settings = of_this_thread();
    settings.params.insert("failed".into(), json!(true));
    settings
}

#[test]
fn events_carry_what_the_run_set() {
    let open = open();
    let mut settings = failed();
    settings.params.insert("mark".into(), json!(4_000_000_000_u32));
    settings.params.insert("tag".into(), json!("tagged"));
    settings.params.insert("unknown_to_the_kernel_half".into(), json!({ "any": "thing" }));
    let mut attached = KERNEL.attach(&open, &settings).unwrap();
    let mut reader = attached.take_reader().unwrap();
    assert!(attached.take_reader().is_none());
    fail_to_open(3);
    assert_eq!(reader.wait(Duration::from_secs(5)).unwrap(), Woken::Events);
    let events = drain(&mut reader);
    assert_eq!(events.len(), 3);
    for event in &events {
        assert_eq!(u32_at(event, 16), own_mntns(), "the mount namespace, by resolved offsets");
        assert_eq!((u32_at(event, 20), u32_at(event, 24)), (std::process::id(), tid()));
        assert_eq!(i64::from_le_bytes(event[HEADER..HEADER + 8].try_into().unwrap()), -2);
        assert_eq!(u32_at(event, HEADER + 8), 4_000_000_000);
        assert_eq!(&event[HEADER + 12..HEADER + 20], b"tagged\0\0");
    }
    assert_eq!(attached.lost().unwrap(), 0);
    // Without the parameter the failures are not seen; and a hook that waits for its parameter is not loaded.
    drop(attached);
    let mut attached = KERNEL.attach(&open, &of_this_thread()).unwrap();
    assert_eq!(attached.programs().len(), 1);
    let mut reader = attached.take_reader().unwrap();
    fail_to_open(3);
    assert_eq!(reader.wait(Duration::from_millis(20)).unwrap(), Woken::Timeout);
}

#[test]
fn a_hook_waits_for_its_parameter() {
    let open = open();
    let mut settings = of_this_thread();
    settings.params.insert("closes".into(), json!(true));
    let attached = KERNEL.attach(&open, &settings).unwrap();
    let hooks: Vec<_> = attached.programs().iter().map(|it| (it.hook.as_str(), it.target.as_str())).collect();
    assert_eq!(hooks, [("open", "syscalls/sys_exit_openat"), ("close", "sys_exit")]);

    let mut waiting = hook("open", &["openat"]);
    waiting.when = Some("opens".into());
    let prepared = KERNEL.prepare(&compile("open", &[]), &[waiting]).unwrap();
    let error = KERNEL.attach(&prepared, &settings).err().unwrap();
    assert!(error.to_string().contains("`open` with `opens`"), "{error}");

    let mut waiting = hook("open", &["openat"]);
    (waiting.when, waiting.is) = (Some("mode".into()), Some("all".into()));
    let prepared = KERNEL.prepare(&compile("open", &[]), &[waiting]).unwrap();
    settings.params.insert("mode".into(), json!("some"));
    let error = KERNEL.attach(&prepared, &settings).err().unwrap();
    assert!(error.to_string().contains("`open` with `mode` = `all`"), "{error}");
    settings.params.insert("mode".into(), json!("all"));
    assert_eq!(KERNEL.attach(&prepared, &settings).unwrap().programs().len(), 1);
}

#[test]
fn filters_hold() {
    let open = open();
    let count = |change: &dyn Fn(&mut gadgetry_kernel::Settings)| {
        let mut settings = failed();
        change(&mut settings);
        let mut attached = KERNEL.attach(&open, &settings).unwrap();
        fail_to_open(5);
        attached.detach();
        drain(&mut attached.take_reader().unwrap()).len()
    };
    let comm = std::fs::read_to_string("/proc/thread-self/comm").unwrap().trim().to_owned();
    assert_eq!(count(&|_| ()), 5);
    assert_eq!(count(&|it| it.exclude_self = true), 0);
    assert_eq!(count(&|it| it.filter.pid = Some(std::process::id())), 5);
    assert_eq!(count(&|it| it.filter.pid = Some(std::process::id() + 1)), 0);
    assert_eq!(count(&|it| it.filter.tid = Some(tid() + 1)), 0);
    assert_eq!(count(&|it| it.filter.uid = Some(0)), 5);
    assert_eq!(count(&|it| it.filter.uid = Some(4242)), 0);
    assert_eq!(count(&|it| it.filter.gid = Some(0)), 5);
    assert_eq!(count(&|it| it.filter.gid = Some(4242)), 0);
    assert_eq!(count(&|it| it.filter.comm = Some(comm.clone())), 5);
    assert_eq!(count(&|it| it.filter.comm = Some("someone".into())), 0);
}

#[test]
fn the_scope_changes_while_the_run_goes_on() {
    let mut settings = failed();
    settings.scope = Some(vec![1]);
    let mut attached = KERNEL.attach(&open(), &settings).unwrap();
    let mut reader = attached.take_reader().unwrap();
    let scope = attached.scope().unwrap();
    let mut seen = || {
        fail_to_open(2);
        drain(&mut reader).len()
    };
    assert_eq!(seen(), 0);
    scope.add(own_mntns()).unwrap();
    assert_eq!(seen(), 2);
    scope.remove(own_mntns()).unwrap();
    scope.remove(own_mntns()).unwrap();
    assert_eq!(seen(), 0);
    settings.scope = Some((0..65).collect());
    let error = KERNEL.attach(&open(), &settings).err().unwrap();
    assert_eq!(error.to_string(), "the kernel did not make map `gadget_scope`: it is full");
}

#[test]
fn loss_is_counted_exactly() {
    let mut settings = failed();
    settings.ring_bytes = 64 << 10;
    let mut attached = KERNEL.attach(&open(), &settings).unwrap();
    let mut reader = attached.take_reader().unwrap();
    let (made, mut read) = (20_000, 0);
    for _ in 0..made / 5000 {
        fail_to_open(5000);
        read += drain(&mut reader).len();
    }
    attached.detach();
    read += drain(&mut reader).len();
    let lost = attached.lost().unwrap();
    assert!(lost > 0 && read > 0, "{lost} lost, {read} read");
    assert_eq!(read as u64 + lost, made as u64);
}

#[test]
fn a_drain_that_is_broken_off_goes_on_where_it_was() {
    let mut attached = KERNEL.attach(&open(), &failed()).unwrap();
    let mut reader = attached.take_reader().unwrap();
    fail_to_open(10);
    assert_eq!(reader.drain(|_| std::ops::ControlFlow::Break(())), 1);
    // There is more, so this neither pauses nor waits.
    let start = Instant::now();
    assert_eq!(reader.wait(Duration::from_secs(5)).unwrap(), Woken::Events);
    assert!(start.elapsed() < Duration::from_millis(500));
    assert_eq!(drain(&mut reader).len(), 9);
}

#[test]
fn waiting_ends_when_it_is_stopped() {
    let mut settings = of_this_thread();
    settings.filter.pid = Some(u32::MAX);
    let mut attached = KERNEL.attach(&open(), &settings).unwrap();
    let mut reader = attached.take_reader().unwrap();
    assert_eq!(reader.wait(Duration::from_millis(10)).unwrap(), Woken::Timeout);
    let waker = reader.waker();
    let start = Instant::now();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        waker.stop();
    });
    assert_eq!(reader.wait(Duration::from_secs(30)).unwrap(), Woken::Stopped);
    assert_eq!(reader.wait(Duration::from_secs(30)).unwrap(), Woken::Stopped);
    assert!(start.elapsed() < Duration::from_secs(5));
    thread.join().unwrap();
}

#[test]
fn nothing_stays_in_the_kernel() {
    let mut attached = KERNEL.attach(&open(), &settings()).unwrap();
    let programs = ids(&attached);
    assert_eq!(loaded(&programs), programs);
    drop(attached.take_reader());
    drop(attached);
    assert!(gone_within(&programs, Duration::from_millis(100)), "{:?}", loaded(&programs));
}

#[test]
fn what_was_in_the_ring_is_read_after_detaching() {
    let mut attached = KERNEL.attach(&open(), &failed()).unwrap();
    let programs = ids(&attached);
    fail_to_open(4);
    attached.detach();
    fail_to_open(4);
    assert!(gone_within(&programs, Duration::from_millis(100)), "{:?}", loaded(&programs));
    assert_eq!(drain(&mut attached.take_reader().unwrap()).len(), 4);
}

#[test]
fn settings_that_can_not_be_met_say_which() {
    let open = open();
    let error = |change: &dyn Fn(&mut gadgetry_kernel::Settings)| {
        let mut settings = settings();
        change(&mut settings);
        let error: AttachError = KERNEL.attach(&open, &settings).err().unwrap();
        error.to_string()
    };
    let too_long = error(&|it| drop(it.params.insert("tag".into(), json!("12345678"))));
    assert_eq!(too_long, "parameter `tag`: \"12345678\" has 8 bytes; the gadget has room for 7");
    let too_wide = error(&|it| drop(it.params.insert("mark".into(), json!(-3_000_000_000_i64))));
    assert!(too_wide.contains("parameter `mark`: -3000000000 does not fit the 32 bits"), "{too_wide}");
    assert!(error(&|it| it.ring_bytes = 1000).contains("allowed are 65536 to 268435456"));
    assert!(
        error(&|it| it.filter.comm = Some("a name that is too long".into())).contains("longer than 15 bytes")
    );
}
