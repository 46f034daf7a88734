use gadget::{
    Header,
    flow::AF_INET,
    serde_json::{Value, json},
    testing::{Batch, header, merged, rows, run_ticking},
};

use super::*;

fn usage(port: u16, sent: u64, received: u64) -> Usage {
    let mut flow =
        Flow { family: AF_INET, protocol: 6, local_port: port, remote_port: 443, netns: 7, ..Flow::NONE };
    flow.local[..4].copy_from_slice(&[10, 0, 0, 9]);
    flow.remote[..4].copy_from_slice(&[10, 0, 0, 1]);
    Usage { flow, started: u64::from(port), sent, received, before: 0, ended: 0 }
}

fn ended(usage: Usage) -> Usage {
    Usage { ended: 1, ..usage }
}

fn batch(seconds: u64, usages: &[Usage]) -> Batch {
    let header = Header { timestamp: seconds * 1_000_000_000, ..header() };
    usages.iter().fold(Batch::new(), |batch, usage| batch.event(&header, usage, b""))
}

fn run(batches: &[Batch]) -> Vec<Vec<Value>> {
    let texts = run_ticking::<TopTcp>(&json!({}), batches).expect("well-formed batches");
    texts.iter().map(|text| rows(text)).collect()
}

#[test]
fn a_tick_shows_what_moved_since_the_last_and_the_end_shows_all() {
    let batches = [
        batch(1, &[usage(1, 100, 0), usage(2, 0, 5000)]),
        // The first ends, and was handed on; the second grows.
        batch(2, &[ended(usage(1, 150, 50)), usage(2, 0, 5000)]),
        batch(3, &[usage(2, 1, 5000)]),
    ];
    let all = run(&batches);
    let [first, second, third, end] = &all[..] else { panic!() };
    assert_eq!(first.iter().map(|row| &row["src_port"]).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(second.len(), 1);
    assert_eq!(
        (&second[0]["bytes_sent"], &second[0]["bytes_received"], &second[0]["received_per_second"]),
        (&json!(50), &json!(50), &json!(50))
    );
    assert_eq!((third.len(), &third[0]["sent_per_second"]), (1, &json!(1)));
    assert_eq!(end.len(), 2);
    assert_eq!((&end[1]["bytes_sent"], &end[1]["bytes_received"]), (&json!(150), &json!(50)));
    assert_eq!(
        (&end[1]["src_addr"], &end[1]["dst_addr"], &end[1]["dst_port"], &end[1]["netns"]),
        (&json!("10.0.0.9"), &json!("10.0.0.1"), &json!(443), &json!(7))
    );
    assert_eq!((&end[1]["pid"], end[1].get("connections")), (&json!(100), None));
}

#[test]
fn the_same_ends_at_another_time_are_another_connection() {
    let again = Usage { started: 99, ..usage(1, 7, 0) };
    let all = run(&[batch(1, &[ended(usage(1, 100, 0)), again])]);
    assert_eq!(all[1].iter().map(|row| &row["bytes_sent"]).collect::<Vec<_>>(), [100, 7]);
}

#[test]
fn beyond_a_number_the_small_ones_that_ended_are_added_up() {
    let many: Vec<_> = (0..=u16::MAX)
        .map(|port| if port == 9 { usage(port, 1, 0) } else { ended(usage(port, 1 + u64::from(port), 0)) })
        .collect();
    let all = run(&[batch(1, &many), batch(2, &[usage(9, 1, 0)])]);
    let end = &all[2];
    let (sums, single): (Vec<&Value>, Vec<&Value>) =
        end.iter().partition(|row| row["connections"].is_number());
    assert!(single.len() <= CONNECTIONS_MAX / 2, "{}", single.len());
    assert!(single.iter().any(|row| row["src_port"] == 9), "one that lasts is not added to others");
    assert_eq!((sums.len(), sums[0].get("src_port"), &sums[0]["comm"]), (1, None, &json!("cat")));
    assert_eq!(sums[0]["connections"].as_u64().expect("a number") + single.len() as u64, 65_536);
    let sent: u64 = end.iter().map(|row| row["bytes_sent"].as_u64().expect("a number")).sum();
    assert_eq!(sent, many.iter().map(|usage| usage.sent).sum::<u64>());
    assert_eq!(all[1].len(), 0, "what is added up does not move again");
}

#[test]
fn nodes_are_merged_largest_first() {
    let node = |bytes| {
        let batches = [batch(1, &[usage(1, bytes, bytes)])];
        run_ticking::<TopTcp>(&json!({}), &batches).expect("a batch").pop().expect("the end")
    };
    let table = rows(&merged::<TopTcp>(&[&node(5), &node(7)]).expect("rows"));
    assert_eq!(table.iter().map(|row| &row["bytes_sent"]).collect::<Vec<_>>(), [7, 5]);
}
