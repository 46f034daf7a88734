//! Lives of containers, told in sightings and events; times are in seconds.

use std::sync::{Arc, Mutex};

use super::*;
use crate::Runtime;

fn sighting(id: &str, pid: u32, mntns: u32, cgroup: u64) -> Sighting {
    Sighting {
        key: id.to_owned(),
        details: Details { name: Some(format!("name-{id}")), ..Details::new(id, Runtime::Crun) },
        process: Some(Process { pid, start_time: u64::from(pid), exit: None }),
        gone: false,
        mntns: (mntns != 0).then_some(mntns),
        cgroup: (cgroup != 0).then_some(cgroup),
        cgroup_dir: None,
    }
}

/// What the table says of an event: the container's id, `nothing`, `unknown`, with `?` when due to be checked.
fn at(table: &mut Table, mntns: u32, cgroup: u64, pid: u32, second: u64) -> String {
    answer(table, Origin { mntns, cgroup, pid, ppid: 0, timestamp: second * SECOND })
}

fn answer(table: &mut Table, origin: Origin) -> String {
    match table.find(&origin) {
        Found::Container { container, .. } => container.id.clone(),
        Found::Stale { container, .. } => format!("{}?", container.id),
        Found::Nothing { .. } => "nothing".to_owned(),
        Found::Unknown => "unknown".to_owned(),
    }
}

#[test]
fn found_by_each_key() {
    let mut table = Table::default();
    table.sight(sighting("a", 10, 100, 1000), SECOND);
    assert_eq!(at(&mut table, 100, 1, 5, 2), "a", "by mount namespace");
    assert_eq!(at(&mut table, 101, 1000, 5, 2), "a", "by cgroup");
    assert_eq!(at(&mut table, 102, 1, 10, 2), "a", "by first process");
    assert_eq!(at(&mut table, 103, 1, 5, 2), "unknown");
    let child = Origin { mntns: 104, cgroup: 1, pid: 6, ppid: 10, timestamp: 2 * SECOND };
    assert_eq!(answer(&mut table, child), "a", "by its parent");
    assert_eq!(at(&mut table, 101, 1, 5, 2), "a", "learned from the cgroup");
    assert_eq!(at(&mut table, 101, 1, 5, 60), "a?", "and believed for a while only");
}

#[test]
fn a_number_reused_after_the_end() {
    let mut table = Table::default();
    let a = table.sight(sighting("a", 10, 100, 1000), SECOND);
    table.retire(a, 5 * SECOND);
    assert_eq!(at(&mut table, 100, 1000, 10, 4), "a", "an event read late");
    assert_eq!(at(&mut table, 100, 1, 11, 6), "unknown", "another's namespace by then");
    assert_eq!(at(&mut table, 103, 1000, 10, 6), "unknown", "neither cgroup nor process outlive it");
    table.sight(sighting("b", 20, 100, 2000), 7 * SECOND);
    assert_eq!(at(&mut table, 100, 1, 1, 4), "a");
    assert_eq!(at(&mut table, 100, 1, 1, 8), "b");
    table.sweep(100 * SECOND);
    assert_eq!(at(&mut table, 100, 1, 1, 101), "b");
    assert_eq!(table.list().len(), 1);
}

#[test]
fn a_number_reused_before_the_end_was_noticed() {
    let mut table = Table::default();
    table.sight(sighting("a", 10, 100, 0), SECOND);
    table.sight(sighting("b", 20, 100, 0), 3 * SECOND);
    assert_eq!(at(&mut table, 100, 1, 1, 2), "a");
    assert_eq!(at(&mut table, 100, 1, 1, 4), "b");
    assert!(table.live("a").is_none());
}

#[test]
fn a_restarted_container() {
    let mut table = Table::default();
    let first = table.sight(sighting("a", 10, 100, 0), SECOND);
    assert_eq!(table.sight(sighting("a", 10, 100, 0), 2 * SECOND), first, "the same life");
    let second = table.sight(sighting("a", 20, 200, 0), 9 * SECOND);
    assert_ne!(first, second);
    assert_eq!(at(&mut table, 100, 1, 1, 8), "a");
    assert_eq!(at(&mut table, 100, 1, 1, 10), "unknown");
    assert_eq!(at(&mut table, 200, 1, 1, 10), "a");
    assert_eq!(table.list().len(), 1);
}

#[test]
fn gone_before_it_was_read() {
    let mut table = Table::default();
    table.sight(Sighting { gone: true, ..sighting("a", 10, 0, 1000) }, 5 * SECOND);
    assert!(table.list().is_empty());
    assert_eq!(at(&mut table, 100, 1, 10, 4), "a", "its first process's events");
    assert_eq!(at(&mut table, 100, 1, 11, 4), "a", "and then its relatives'");
    assert_eq!(at(&mut table, 101, 1000, 12, 4), "a", "by cgroup");
    assert_eq!(at(&mut table, 100, 1, 10, 6), "unknown", "the pid is another's");
}

#[test]
fn gone_before_it_was_read_with_a_number_just_reused() {
    for noticed in [true, false] {
        let mut table = Table::default();
        let a = table.sight(sighting("a", 10, 100, 0), SECOND);
        table.sight(Sighting { gone: true, ..sighting("b", 20, 0, 0) }, 6 * SECOND);
        if noticed {
            table.retire(a, 6 * SECOND);
        }
        assert_eq!(at(&mut table, 100, 1, 20, 5), "b", "by its process");
        assert_eq!(at(&mut table, 100, 1, 21, 5), "b", "and from then on");
        assert_eq!(at(&mut table, 100, 1, 11, 4), "a", "before, it was the other's");
        assert!(table.list().is_empty(), "who must have ended");
    }
}

#[test]
fn what_is_nothing_becomes_something() {
    let mut table = Table::default();
    let origin = Origin { mntns: 100, cgroup: 1, pid: 1, ppid: 0, timestamp: SECOND };
    table.nothing(&origin, 3 * SECOND);
    assert_eq!(at(&mut table, 100, 1, 1, 2), "nothing");
    assert_eq!(at(&mut table, 100, 7, 1, 2), "unknown", "another cgroup may tell more");
    assert_eq!(at(&mut table, 100, 1, 1, 4), "unknown", "after a while");
    table.sight(sighting("a", 10, 100, 0), 2 * SECOND);
    assert_eq!(at(&mut table, 100, 1, 1, 2), "a");
}

#[test]
fn a_learned_namespace_yields_to_its_owner() {
    let mut table = Table::default();
    let a = table.sight(sighting("a", 10, 100, 0), SECOND);
    table.learn(a, 101, SECOND);
    table.sight(sighting("b", 20, 101, 0), 2 * SECOND);
    assert_eq!(at(&mut table, 101, 1, 1, 3), "b");
    table.learn(a, 101, 3 * SECOND);
    assert_eq!(at(&mut table, 101, 1, 1, 4), "b", "and is not taken back");
    assert_eq!(at(&mut table, 100, 1, 1, 4), "a");
}

#[test]
fn more_learned_is_a_new_description() {
    let mut table = Table::default();
    let nameless =
        Sighting { details: Details::new("a", Runtime::Crun), process: None, ..sighting("a", 0, 0, 1000) };
    table.sight(nameless, SECOND);
    let before = table.list()[0].clone();
    table.sight(sighting("a", 10, 100, 1000), 2 * SECOND);
    let after = table.list()[0].clone();
    assert_ne!(before.serial, after.serial);
    assert_eq!((after.name.as_deref(), after.pid), (Some("name-a"), Some(10)));
    table.take_changed();
    table.sight(sighting("a", 10, 100, 1000), 3 * SECOND);
    assert!(!table.take_changed(), "nothing new, no answer is void");
}

#[test]
fn followers_hear_of_their_own() {
    let mut table = Table::default();
    table.sight(sighting("a", 10, 100, 0), SECOND);
    table.sight(sighting("b", 11, 110, 0), SECOND);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = heard.clone();
    let selector = Selector { container: Some("name-a".into()), ..Selector::default() };
    let number = table.follow(
        selector,
        Box::new(move |change| {
            log.lock().unwrap().push(match change {
                Change::Added { mntns, .. } => i64::from(mntns),
                Change::Removed { mntns } => -i64::from(mntns),
            });
        }),
    );
    let wanted = |numbers: &[i64]| assert_eq!(std::mem::take(&mut *heard.lock().unwrap()), numbers);
    wanted(&[100]);
    let a = table.live("a").unwrap();
    table.learn(a, 101, SECOND);
    wanted(&[101]);
    // Its number becomes another's, of no interest.
    table.sight(sighting("c", 12, 100, 0), 2 * SECOND);
    wanted(&[-100, -101]);
    // It comes again.
    table.sight(sighting("a", 13, 130, 0), 3 * SECOND);
    wanted(&[130]);
    table.unfollow(number);
    table.sight(sighting("a", 14, 140, 0), 4 * SECOND);
    wanted(&[]);
}

#[test]
fn memory_is_bounded_and_evictions_counted() {
    let mut table = Table::default();
    let kept = 5;
    for pid in 0..u32::try_from(ENTRIES).unwrap() + kept {
        let second = u64::from(pid) + 1;
        table.sight(sighting(&format!("c{pid}"), pid + 1, pid + 1, second), second * SECOND);
    }
    assert_eq!(table.evicted, u64::from(kept));
    assert_eq!(table.entries.len(), ENTRIES);
    assert!(table.live("c4").is_none() && table.live("c5").is_some(), "the oldest went");
    let a = table.live("c5").unwrap();
    for mntns in 0..200 {
        table.learn(a, 1_000_000 + mntns, SECOND);
    }
    assert_eq!(table.entries[&a].mntns.len(), NAMESPACES);
    for slot in table.entries.keys().copied().collect::<Vec<_>>() {
        table.retire(slot, SECOND);
    }
    table.sweep(10_000 * SECOND);
    let Table { entries, latest, mntns, cgroups, pids, .. } = &table;
    assert_eq!((entries.len(), latest.len(), mntns.len(), cgroups.len(), pids.len()), (0, 0, 0, 0, 0));
}
