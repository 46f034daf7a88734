use gadget::{
    Header,
    flow::{AF_INET, AF_INET6},
    histogram::SLOTS,
    serde_json::{Value, json},
    testing::{Batch, header, merged, rows, run_ticking},
};

use super::*;

/// Times in slots, of an address.
fn times(address: Option<IpAddr>, filled: &[(usize, u64)]) -> Times {
    let mut slots = [0; SLOTS];
    filled.iter().for_each(|(slot, count)| slots[*slot] = *count);
    let mut remote = [0; 16];
    let family = match address {
        None => 0,
        Some(IpAddr::V4(bytes)) => {
            remote[..4].copy_from_slice(&bytes);
            AF_INET
        }
        Some(IpAddr::V6(bytes)) => {
            remote = bytes;
            AF_INET6
        }
    };
    let total_us = filled.iter().map(|(slot, count)| count << slot).sum();
    Times { slots, total_us, remote, family: family.into(), reserved: 0 }
}

const NEAR: IpAddr = IpAddr::V4([10, 0, 0, 1]);
const FAR: IpAddr = IpAddr::V6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

fn end(params: &Value, events: &[(Header, Times)]) -> String {
    let batch = events.iter().fold(Batch::new(), |batch, (header, it)| batch.event(header, it, b""));
    run_ticking::<ProfileTcprtt>(params, &[batch]).expect("a batch").pop().expect("the end")
}

#[test]
fn all_together_are_one_row_without_process_and_address() {
    let table = rows(&end(&json!({}), &[(Header::NOBODY, times(None, &[(5, 3), (6, 1)]))]));
    assert_eq!(
        table,
        [json!({
            "segments": 4, "total_us": 160, "mean_us": 40, "p50_us": 64, "p95_us": 128, "p99_us": 128,
            "buckets": [{"from_us": 32, "below_us": 64, "count": 3}, {"from_us": 64, "below_us": 128, "count": 1}],
            "picture": concat!(
                "        32 -> 64                  3 |########################################|\n",
                "        64 -> 128                 1 |##############                          |\n",
            ),
        })]
    );
}

#[test]
fn processes_and_addresses_are_told_apart_the_most_segments_first() {
    let other = Header { pid: 7, ..header() };
    let events = [
        (header(), times(Some(NEAR), &[(3, 1)])),
        (other, times(Some(NEAR), &[(3, 2)])),
        (header(), times(Some(FAR), &[(15, 3)])),
        // Anew, with more.
        (header(), times(Some(NEAR), &[(3, 5)])),
        (header(), times(Some(NEAR), &[])),
    ];
    let table = rows(&end(&json!({"by_address": true, "by_process": true}), &events[..4]));
    let told: Vec<_> =
        table.iter().map(|row| json!([row["pid"], row["comm"], row["dst_addr"], row["segments"]])).collect();
    assert_eq!(
        told,
        [
            json!([100, "cat", "10.0.0.1", 5]),
            json!([100, "cat", "2001:db8::1", 3]),
            json!([7, "cat", "10.0.0.1", 2])
        ]
    );
    let none = end(&json!({"by_address": true, "by_process": true}), &events[4..]);
    assert_eq!(none, "", "without a segment there is no row");
}

#[test]
fn nodes_are_added_up_by_address() {
    let params = json!({"by_address": true});
    let one = end(&params, &[(Header::NOBODY, times(Some(NEAR), &[(3, 1)]))]);
    let two = [
        (Header::NOBODY, times(Some(NEAR), &[(3, 1), (4, 1)])),
        (Header::NOBODY, times(Some(FAR), &[(9, 1)])),
    ];
    let table = rows(&merged::<ProfileTcprtt>(&[&one, &end(&params, &two)]).expect("rows"));
    assert_eq!(table.len(), 2);
    assert_eq!(
        (&table[0]["dst_addr"], &table[0]["segments"], &table[0]["total_us"]),
        (&json!("10.0.0.1"), &json!(3), &json!(32))
    );
    assert_eq!(table[0]["buckets"][0], json!({"from_us": 8, "below_us": 16, "count": 2}));
    assert_eq!(table[1]["dst_addr"], "2001:db8::1");
}

#[test]
fn processes_are_of_one_node_each() {
    let params = json!({"by_process": true});
    let node = |count| end(&params, &[(header(), times(None, &[(3, count)]))]);
    let table = rows(&merged::<ProfileTcprtt>(&[&node(1), &node(2)]).expect("rows"));
    let segments: Vec<_> = table.iter().map(|row| row["segments"].clone()).collect();
    assert_eq!(segments, [2, 1]);
}
