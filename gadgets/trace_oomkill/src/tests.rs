use gadget::{
    serde_json::{Value, json},
    testing::{Batch, header, name, run},
};

use super::*;

#[test]
fn pages_become_bytes() {
    let victim = Victim {
        total_pages: 1000,
        anonymous_pages: 512,
        file_pages: 2,
        shared_pages: 1,
        page_tables: 8192,
        cause_pid: 7,
        cause_mntns: 0,
        cause_comm: name("stress"),
        score_adj: -17,
        reserved: [0; 6],
    };
    let elsewhere = Victim { cause_mntns: 5, total_pages: u64::MAX, ..victim };
    let batch = Batch::new().container(1, r#"{"id":"c0ffee"}"#).event_in(1, &header(), &victim, b"").event(
        &header(),
        &elsewhere,
        b"",
    );
    let text = run::<TraceOomkill>(&json!({}), &batch).expect("a well-formed batch");
    let rows: Vec<Value> =
        text.lines().map(|line| gadget::serde_json::from_str(line).expect("a row")).collect();
    let cases = [
        ("rss", json!(515 * 4096)),
        ("anonymous", json!(512 * 4096)),
        ("file", json!(8192)),
        ("shared", json!(4096)),
        ("page_tables", json!(8192)),
        ("total_vm", json!(4_096_000)),
        ("oom_score_adj", json!(-17)),
        ("cause_pid", json!(7)),
        ("cause_comm", json!("stress")),
        ("same_namespace", json!(true)),
        ("container", json!({"id": "c0ffee"})),
    ];
    for (field, value) in cases {
        assert_eq!(rows[0][field], value, "{field}");
    }
    assert_eq!((&rows[1]["same_namespace"], &rows[1]["total_vm"]), (&json!(false), &json!(u64::MAX)));
}
