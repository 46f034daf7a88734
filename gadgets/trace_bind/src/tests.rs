use gadget::{
    Described, Flow, Kind,
    flow::{AF_INET, AF_INET6},
    serde_json::{Value, json},
    testing::{Batch, header, own_row, run},
};

use super::*;

const FLOW: Flow = Flow {
    local: [127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    remote: [0; 16],
    local_port: 8080,
    remote_port: 0,
    family: AF_INET,
    protocol: 6,
    netns: 7,
    state: 7,
};
const BIND: Bind = Bind {
    flow: FLOW,
    asked: FLOW.local,
    asked_port: 8080,
    asked_family: AF_INET,
    fd: 3,
    ret: 0,
    interface: 0,
    options: 0,
    notes: 0,
    reserved: [0; 6],
};

/// The gadget's own fields of the row that one event makes.
fn row(bind: &Bind) -> Value {
    let text = run::<TraceBind>(&json!({}), &Batch::new().event(&header(), bind, b"")).expect("a batch");
    own_row(&text)
}

#[test]
fn numbers_become_names() {
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1];
    let cases = [
        (BIND, json!({"fd": 3, "protocol": "TCP", "src_addr": "127.0.0.1", "src_port": 8080, "netns": 7})),
        // The kernel chose the port.
        (
            Bind {
                flow: Flow { family: AF_INET6, local: [0; 16], local_port: 40123, protocol: 17, ..FLOW },
                asked: [0; 16],
                asked_port: 0,
                asked_family: AF_INET6,
                interface: 2,
                options: 0x3f,
                ..BIND
            },
            json!({"fd": 3, "protocol": "UDP", "src_addr": "::", "src_port": 40123, "asked_port": 0, "interface": 2,
                "options": ["reuse_addr", "reuse_port", "v6_only", "freebind", "transparent", "bind_address_no_port"],
                "netns": 7}),
        ),
        // A failure tells what was asked for.
        (
            Bind { ret: -98, flow: Flow { local: [0; 16], local_port: 0, ..FLOW }, ..BIND },
            json!({"fd": 3, "protocol": "TCP", "src_addr": "127.0.0.1", "src_port": 8080, "error": "EADDRINUSE",
                "netns": 7}),
        ),
        (
            Bind { ret: -99, asked_family: AF_INET6, asked: mapped, ..BIND },
            json!({"fd": 3, "protocol": "TCP", "src_addr": "10.0.0.1", "src_port": 8080, "error": "EADDRNOTAVAIL",
                "netns": 7}),
        ),
        // No socket.
        (
            Bind { flow: Flow::default(), ret: -88, fd: 0, ..BIND },
            json!({"fd": 0, "src_addr": "127.0.0.1", "src_port": 8080, "error": "ENOTSOCK"}),
        ),
        // No address.
        (
            Bind {
                ret: -14,
                notes: event::UNREADABLE,
                asked: [0; 16],
                asked_port: 0,
                asked_family: 0,
                ..BIND
            },
            json!({"fd": 3, "protocol": "TCP", "error": "EFAULT", "netns": 7, "notes": ["address_unreadable"]}),
        ),
    ];
    for (bind, fields) in cases {
        assert_eq!(row(&bind), fields);
    }
}

#[test]
fn what_it_says_of_itself() {
    let described = Described::gadget::<TraceBind>(Kind::Stream, false);
    let columns = &described.tools[0].columns;
    let shown: Vec<_> = columns.iter().filter(|column| !column.hidden).map(|column| &*column.field).collect();
    assert_eq!(
        shown,
        [
            "container.name",
            "comm",
            "pid",
            "protocol",
            "src_addr",
            "src_port",
            "interface",
            "options",
            "error"
        ]
    );
}
