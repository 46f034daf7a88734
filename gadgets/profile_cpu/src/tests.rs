use gadget::{
    serde_json::{Value, json},
    testing::{Batch, header, merged, run_ticking},
};

use super::*;

fn sample(batch: Batch, kernel: &[u64], user: &[u64]) -> Batch {
    event(batch, (0, 0, 0), kernel, user)
}

/// A wait of thread `tid` that began when the clock of [`header`] began; `waited` 0: told of by a look at `now`.
fn wait(batch: Batch, tid: u32, now: u64, waited: u64, user: &[u64]) -> Batch {
    event(batch, (tid, now, waited), &[], user)
}

fn event(batch: Batch, (tid, now, waited): (u32, u64, u64), kernel: &[u64], user: &[u64]) -> Batch {
    let bytes = |stack: &[u64]| stack.iter().flat_map(|address| address.to_le_bytes()).collect::<Vec<_>>();
    let (kernel, user) = (bytes(kernel), bytes(user));
    let mut header = header();
    let began = if tid == 0 { 0 } else { header.timestamp };
    if tid != 0 {
        header.tid = tid;
        header.timestamp += now;
    }
    let sample = Sample { kernel_len: kernel.len() as u32, user_len: user.len() as u32, began, waited };
    batch.event(&header, &sample, &[kernel, user].concat())
}

/// Of rows off the CPU: the stack, waits, time in milliseconds, and how many are not over.
fn waits(text: &str) -> Vec<(String, u64, u64, Option<u64>)> {
    let row = |line| {
        let row: Value = gadget::serde_json::from_str(line).expect("a row");
        assert!(row.get("samples").is_none(), "{line}");
        let number = |name: &str| row[name].as_u64().expect("a number");
        let stack = row["stack"].as_str().expect("a stack").to_owned();
        (stack, number("waits"), number("wait_ns") / MS, row["still_waiting"].as_u64())
    };
    text.lines().map(row).collect()
}

const MS: u64 = 1_000_000;

#[test]
fn waits_are_added_up_and_those_that_are_not_over_count_once() {
    let (one, two) = (&[0x1111][..], &[0x2222][..]);
    // The first thread waits through two looks and is done before the third; the second waits to the end.
    let first = wait(wait(Batch::new(), 7, 100 * MS, 0, one), 8, 100 * MS, 0, two);
    let second = wait(wait(Batch::new(), 7, 200 * MS, 0, one), 8, 200 * MS, 0, two);
    let third = wait(wait(Batch::new(), 7, 250 * MS, 250 * MS, one), 8, 300 * MS, 0, two);
    // Too short to be told of, while it lasts.
    let third = wait(third, 9, MS / 2, 0, two);
    let params = json!({"mode": "off_cpu"});
    let texts = run_ticking::<ProfileCpu>(&params, &[first, second, third]).expect("well-formed batches");
    let (one, two) = ("1111".to_owned(), "2222".to_owned());
    assert_eq!(waits(&texts[3]), [(two, 1, 300, Some(1)), (one.clone(), 1, 250, None)]);
    // What a look shows is what was added since the last one.
    assert!(waits(&texts[1]).contains(&(one, 0, 100, None)), "{}", texts[1]);
}

fn rows(text: &str) -> Vec<(String, u64, f64)> {
    let row = |line| {
        let row: Value = gadget::serde_json::from_str(line).expect("a row");
        let stack = row["stack"].as_str().expect("a stack").to_owned();
        (stack, row["samples"].as_u64().expect("a count"), row["percent"].as_f64().expect("a share"))
    };
    text.lines().map(row).collect()
}

#[test]
fn samples_are_added_up_by_stack() {
    // Natively an address' name is its digits, and below 4096 it has none.
    let first = sample(Batch::new(), &[0xbbbb, 0xaaaa], &[0x2222, 0x1111]);
    let first = sample(first, &[], &[0x3333, 8, 0x1111]);
    let second = sample(
        sample(Batch::new(), &[0xbbbb, 0xaaaa], &[0x2222, 0x1111]),
        &[0xbbbb, 0xaaaa],
        &[0x2222, 0x1111],
    );
    let texts = run_ticking::<ProfileCpu>(&json!({}), &[first, second]).expect("well-formed batches");
    let (both, user) = ("1110;2222;aaa9_[k];bbbb_[k]".to_owned(), "1110;[unknown];3333".to_owned());
    let mut live = rows(&texts[0]);
    live.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(live, [(both.clone(), 1, 50.0), (user.clone(), 1, 50.0)]);
    assert_eq!(rows(&texts[1]), [(both.clone(), 2, 100.0)]);
    assert_eq!(rows(&texts[2]), [(both, 3, 75.0), (user, 1, 25.0)]);
}

#[test]
fn a_short_tail_and_choices_that_leave_nothing_are_failures() {
    let short =
        Batch::new().event(&header(), &Sample { kernel_len: 16, user_len: 0, began: 0, waited: 0 }, &[0; 8]);
    let failure = run_ticking::<ProfileCpu>(&json!({}), &[short]).unwrap_err();
    assert!(failure.message.contains("build both halves"), "{failure}");
    let failure =
        run_ticking::<ProfileCpu>(&json!({"kernel_only": true, "user_only": true}), &[]).unwrap_err();
    assert_eq!(failure.field.as_deref(), Some("user_only"));
}

#[test]
fn nodes_are_merged_largest_first() {
    let node = |count| {
        let batch = (0..count).fold(Batch::new(), |batch, _| sample(batch, &[], &[0x1000 + count]));
        run_ticking::<ProfileCpu>(&json!({}), &[batch]).expect("a batch").pop().expect("the end")
    };
    let text = merged::<ProfileCpu>(&[&node(2), &node(3)]).expect("rows");
    assert_eq!(rows(&text).iter().map(|row| row.1).collect::<Vec<_>>(), [3, 2]);
}
