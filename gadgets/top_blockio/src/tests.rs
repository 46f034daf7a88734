use gadget::{
    Header,
    serde_json::json,
    testing::{Batch, header, merged, name, rows, run_ticking},
};

use super::*;

fn usage(op: u32, requests: u64, bytes: u64) -> Usage {
    Usage { requests, bytes, total_ns: requests * 5_000_000, disk: name("vda"), device: 254 << 20, op }
}

fn batch(seconds: u64, usages: &[(u32, Usage)]) -> Batch {
    usages.iter().fold(Batch::new(), |batch, (pid, usage)| {
        let header = Header { pid: *pid, timestamp: seconds * 1_000_000_000, ..header() };
        batch.event(&header, usage, b"")
    })
}

#[test]
fn a_tick_shows_what_grew_and_the_end_shows_all() {
    let batches = [
        batch(1, &[(1, usage(0, 2, 8192)), (2, usage(1, 1, 65536)), (3, usage(1, 0, 0))]),
        batch(2, &[(1, usage(0, 4, 20_000)), (2, usage(1, 1, 65536))]),
    ];
    let texts = run_ticking::<TopBlockio>(&json!({}), &batches).expect("well-formed batches");
    let [first, second, end] = &texts.iter().map(|text| rows(text)).collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(first.len(), 2, "what was issued and not completed is not counted");
    assert_eq!((&first[0]["pid"], &first[0]["operation"]), (&json!(2), &json!("write")));
    assert_eq!((&first[1]["disk"], &first[1]["device"]), (&json!("vda"), &json!("254:0")));
    assert_eq!(second.len(), 1);
    assert_eq!((&second[0]["requests"], &second[0]["bytes_per_second"]), (&json!(2), &json!(11_808)));
    assert_eq!((&end[1]["bytes"], &end[1]["mean_us"]), (&json!(20_000), &json!(5000)));
}

#[test]
fn nodes_are_merged_largest_first() {
    let node = |pid, bytes| {
        let batches = [batch(1, &[(pid, usage(0, 1, bytes))])];
        run_ticking::<TopBlockio>(&json!({}), &batches).expect("a batch").pop().expect("the end")
    };
    let text = merged::<TopBlockio>(&[&node(1, 5), &node(2, 7)]).expect("rows");
    let pids: Vec<_> = rows(&text).iter().map(|row| row["pid"].clone()).collect();
    assert_eq!(pids, [2, 1]);
}
