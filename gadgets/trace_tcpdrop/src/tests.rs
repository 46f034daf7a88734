use gadget::{
    Flow,
    flow::AF_INET,
    run::Run,
    serde_json::{Value, from_slice, from_str, json, to_vec},
    testing::{Batch, context, header},
};

use super::*;

const DROP: Drop = Drop {
    flow: Flow {
        local_port: 81,
        remote_port: 40000,
        remote: [1; 16],
        family: AF_INET,
        netns: 7,
        ..Flow::NONE
    },
    reason: 3,
    length: 60,
    interface: 1,
    flags: 0x02,
    direction: event::IN,
    reserved: [0; 2],
};

/// The row of one event, on a kernel with these reasons.
fn row(drop: &Drop, reasons: Value) -> Value {
    let mut context: Value = from_slice(&context(&json!({}))).expect("a context");
    context["enums"] = json!({ "skb_drop_reason": reasons });
    let mut run = Run::<TraceTcpdrop>::start(&to_vec(&context).expect("JSON")).expect("a start");
    let rows = run.process(Batch::new().event(&header(), drop, b"").bytes()).expect("a batch");
    from_str(&String::from_utf8(rows).expect("text")).expect("one row")
}

#[test]
fn the_reason_is_named_as_this_kernel_does() {
    let found = row(&DROP, json!({"3": "SKB_DROP_REASON_NO_SOCKET"}));
    let wanted = json!({"direction": "in", "src_addr": "0.0.0.0", "src_port": 81, "dst_addr": "1.1.1.1",
        "dst_port": 40000, "reason": "NO_SOCKET", "flags": ["SYN"], "length": 60, "interface": 1, "netns": 7});
    for (name, value) in wanted.as_object().expect("an object") {
        assert_eq!(&found[name], value, "{name}");
    }
    assert!(found.get("state").is_none());
    assert_eq!(row(&DROP, json!({"3": "SKB_DROP_REASON_TCP_CSUM"}))["reason"], "TCP_CSUM");
    assert_eq!(row(&Drop { reason: 0x1_0001, ..DROP }, json!({"3": "x"}))["reason"], "65537");
}

#[test]
fn a_packet_of_a_socket_has_its_state() {
    let out = Drop { direction: event::OUT, flow: Flow { state: 1, ..DROP.flow }, interface: 0, ..DROP };
    let found = row(&out, json!({}));
    assert_eq!((&found["direction"], &found["state"]), (&json!("out"), &json!("ESTABLISHED")));
    assert!(found.get("interface").is_none());
}
