use gadget::{
    Flow,
    flow::AF_INET,
    serde_json::{Value, json},
    testing::{Batch, header, run},
};

use super::*;

const EVENT: Retransmit = Retransmit {
    flow: Flow {
        local: [10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        remote: [10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        local_port: 40000,
        remote_port: 443,
        family: AF_INET,
        protocol: 6,
        netns: 7,
        state: 1,
    },
    sequence: 1000,
    length: 42,
    flags: 0x18,
    reason: event::TIMEOUT,
    timeouts: 3,
    reserved: [0; 5],
};

fn row(event: &Retransmit) -> Value {
    let text =
        run::<TraceTcpretrans>(&json!({}), &Batch::new().event(&header(), event, b"")).expect("a batch");
    gadget::serde_json::from_str(&text).expect("one row")
}

#[test]
fn a_segment_with_its_reason() {
    let found = row(&EVENT);
    let wanted = json!({"pid": 100, "src_addr": "10.0.0.1", "src_port": 40000, "dst_addr": "10.0.0.2",
        "dst_port": 443, "state": "ESTABLISHED", "reason": "timeout", "flags": ["PSH", "ACK"], "timeouts": 3,
        "sequence": 1000, "length": 42, "netns": 7});
    for (name, value) in wanted.as_object().expect("an object") {
        assert_eq!(&found[name], value, "{name}");
    }
    let reasons = [(event::FAST, "fast"), (event::LOSS_PROBE, "loss_probe"), (event::SYN, "syn")];
    for (reason, name) in reasons {
        assert_eq!(row(&Retransmit { reason, ..EVENT })["reason"], name);
    }
}

#[test]
fn the_answer_to_a_handshake_has_no_numbers() {
    let found = row(&Retransmit { reason: event::SYN_ACK, flags: 0x12, ..EVENT });
    assert_eq!((&found["reason"], &found["flags"]), (&json!("syn_ack"), &json!(["SYN", "ACK"])));
    assert!(found.get("sequence").is_none() && found.get("length").is_none(), "{found}");
}
