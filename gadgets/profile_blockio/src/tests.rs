use gadget::{
    histogram::SLOTS,
    serde_json::json,
    testing::{Batch, header, merged, name, rows, run_ticking},
};

use super::*;

/// Requests in slots, on a disk.
fn latency(disk: &str, op: u32, filled: &[(usize, u64)]) -> Latency {
    let mut slots = [0; SLOTS];
    filled.iter().for_each(|(slot, count)| slots[*slot] = *count);
    Latency { slots, total_ns: 8_000_000, bytes: 4096, disk: name(disk), device: 254 << 20, op }
}

fn end(latencies: &[Latency]) -> String {
    let batch = latencies.iter().fold(Batch::new(), |batch, it| batch.event(&header(), it, b""));
    run_ticking::<ProfileBlockio>(&json!({}), &[batch]).expect("a batch").pop().expect("the end")
}

#[test]
fn a_histogram_is_told_as_numbers_and_as_a_picture() {
    let rows = rows(&end(&[latency("vda", 1, &[(4, 90), (6, 9), (7, 1)])]));
    assert_eq!(
        rows,
        [json!({
            "disk": "vda", "device": "254:0", "operation": "write", "requests": 100, "bytes": 4096, "total_us": 8000,
            "mean_us": 80, "p50_us": 32, "p95_us": 128, "p99_us": 128,
            "buckets": [
                {"from_us": 16, "below_us": 32, "count": 90}, {"from_us": 32, "below_us": 64, "count": 0},
                {"from_us": 64, "below_us": 128, "count": 9}, {"from_us": 128, "below_us": 256, "count": 1},
            ],
            "picture": concat!(
                "        16 -> 32                 90 |########################################|\n",
                "        32 -> 64                  0 |                                        |\n",
                "        64 -> 128                 9 |####                                    |\n",
                "       128 -> 256                 1 |#                                       |\n",
            ),
        })]
    );
}

#[test]
fn the_ends_of_the_scale_are_buckets_too() {
    let rows = rows(&end(&[latency("sda", 0, &[(0, 1), (SLOTS - 1, 1)]), latency("sdb", 99, &[])]));
    assert_eq!(rows.len(), 1, "a disk without requests is no row");
    let buckets = rows[0]["buckets"].as_array().expect("buckets");
    assert_eq!(buckets.len(), SLOTS);
    assert_eq!(buckets[0], json!({"from_us": 0, "below_us": 2, "count": 1}));
    assert_eq!(buckets[1], json!({"from_us": 2, "below_us": 4, "count": 0}));
    assert_eq!((&rows[0]["p50_us"], &rows[0]["p99_us"]), (&json!(2), &json!(1_u64 << 32)));
}

#[test]
fn disks_of_several_nodes_are_added_up() {
    let (one, two) = (
        end(&[latency("vda", 1, &[(0, 1), (4, 2)])]),
        end(&[latency("vda", 1, &[(4, 3)]), latency("vda", 0, &[(1, 1)])]),
    );
    let rows = rows(&merged::<ProfileBlockio>(&[&one, &two]).expect("rows"));
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["operation"], &rows[1]["operation"]), (&json!("read"), &json!("write")));
    assert_eq!(
        (&rows[1]["requests"], &rows[1]["bytes"], &rows[1]["total_us"]),
        (&json!(6), &json!(8192), &json!(16_000))
    );
    assert_eq!(rows[1]["buckets"][4], json!({"from_us": 16, "below_us": 32, "count": 5}));
    assert_eq!(rows[1]["device"], "254:0");
}
