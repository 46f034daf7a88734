use gadget::{
    Described, Flow, Kind,
    flow::AF_INET,
    serde_json::{Value, json},
    testing::{Batch, header, own_row, run},
};

use super::*;

const FLOW: Flow = Flow {
    local: [127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    remote: [10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    local_port: 40000,
    remote_port: 443,
    family: AF_INET,
    protocol: 6,
    netns: 7,
    state: 1,
};
const TCP: Tcp = Tcp {
    flow: FLOW,
    nanos: 0,
    sent: 0,
    received: 0,
    error: 0,
    fd: -1,
    kind: event::CONNECT,
    role: event::CLIENT,
    notes: 0,
    reserved: [0; 5],
};

/// The gadget's own fields of the row that one event makes, but for those that are the same in all cases.
fn row(tcp: &Tcp) -> Value {
    let text = run::<TraceTcp>(&json!({}), &Batch::new().event(&header(), tcp, b"")).expect("a batch");
    let mut row = own_row(&text);
    let fields = row.as_object_mut().expect("an object");
    let ends =
        ["src_addr", "src_port", "dst_addr", "dst_port", "netns"].map(|it| fields.remove(it).expect(it));
    assert_eq!(ends, [json!("127.0.0.1"), json!(40000), json!("10.0.0.2"), json!(443), json!(7)]);
    row
}

#[test]
fn numbers_become_names() {
    let cases = [
        (Tcp { nanos: 5, ..TCP }, json!({"event": "connect", "role": "client", "latency_ns": 5})),
        (
            Tcp { nanos: 5, error: 111, ..TCP },
            json!({"event": "connect", "role": "client", "latency_ns": 5, "error": "ECONNREFUSED"}),
        ),
        (
            Tcp { nanos: 5, notes: event::GIVEN_UP, ..TCP },
            json!({"event": "connect", "role": "client", "latency_ns": 5, "notes": ["given_up"]}),
        ),
        (
            Tcp { kind: event::ACCEPT, role: event::SERVER, fd: 4, ..TCP },
            json!({"event": "accept", "role": "server", "fd": 4}),
        ),
        (
            Tcp { kind: event::ACCEPT, role: event::SERVER, error: 24, ..TCP },
            json!({"event": "accept", "role": "server", "error": "EMFILE"}),
        ),
        (
            Tcp {
                kind: event::CLOSE,
                role: event::SERVER,
                nanos: 9,
                sent: 1,
                received: 2,
                error: 104,
                ..TCP
            },
            json!({"event": "close", "role": "server", "duration_ns": 9, "bytes_sent": 1, "bytes_received": 2,
                "error": "ECONNRESET"}),
        ),
        // Older than the run: nobody knows since when.
        (
            Tcp { kind: event::CLOSE, role: event::EXISTING, ..TCP },
            json!({"event": "close", "bytes_sent": 0, "bytes_received": 0}),
        ),
    ];
    for (tcp, fields) in cases {
        assert_eq!(row(&tcp), fields);
    }
}

#[test]
fn parameters_that_contradict_each_other_are_refused() {
    let failure = run::<TraceTcp>(&json!({"connect_only": true, "accept_only": true}), &Batch::new());
    assert_eq!(failure.expect_err("a contradiction").field.as_deref(), Some("accept_only"));
}

#[test]
fn what_it_says_of_itself() {
    let described = Described::gadget::<TraceTcp>(Kind::Stream, false);
    let columns = &described.tools[0].columns;
    let shown: Vec<_> = columns.iter().filter(|column| !column.hidden).map(|column| &*column.field).collect();
    let ends = ["src_addr", "src_port", "dst_addr", "dst_port"];
    let last = ["latency_ns", "duration_ns", "bytes_sent", "bytes_received", "error"];
    assert_eq!(shown, [&["container.name", "comm", "pid", "event"][..], &ends, &last].concat());
}
