use gadget::{
    Described, Flow, Kind,
    flow::AF_INET,
    serde_json::{Value, json},
    testing::{Batch, header, own_rows, run},
};

use super::*;

const FLOW: Flow = Flow { local_port: 80, family: AF_INET, protocol: 6, netns: 7, state: 10, ..Flow::NONE };
const SOCK: Sock = Sock {
    flow: FLOW,
    id: 0xffff_8880_1234_5678,
    inode: 99,
    uid: 33,
    fd: 3,
    receive_queue: 2,
    send_queue: 128,
    name_len: 0,
    kind: 1,
    notes: 0,
    reserved: 0,
};

/// The gadget's own fields of the rows that these sockets make.
fn table(socks: &[(Sock, &[u8])]) -> Vec<Value> {
    let mut batch = Batch::new();
    for (sock, name) in socks {
        batch = batch.event(&header(), &Sock { name_len: name.len() as u32, ..*sock }, name);
    }
    let text = run::<SnapshotSocket>(&json!({}), &batch).expect("a batch");
    own_rows(&text)
}

#[test]
fn each_socket_once_with_what_its_kind_has() {
    let unix = Flow { family: AF_UNIX, netns: 7, state: 1, ..Flow::NONE };
    let connected = Flow { remote: [1; 16], remote_port: 9, state: 1, ..FLOW };
    let rows = table(&[
        (SOCK, b""),
        (Sock { fd: 8, ..SOCK }, b""),
        (Sock { id: 2, flow: connected, receive_queue: 5, send_queue: 6, ..SOCK }, b""),
        (Sock { id: 3, flow: Flow { state: 6, ..connected }, inode: 0, fd: -1, ..SOCK }, b""),
        (Sock { id: 4, flow: unix, kind: 5, ..SOCK }, b"\0bus"),
        (Sock { id: 5, flow: Flow { state: 10, ..unix }, ..SOCK }, b"/run/x\0"),
        (Sock { id: 6, flow: unix, kind: 2, ..SOCK }, b""),
    ]);
    assert_eq!(
        rows,
        [
            json!({"protocol": "TCP", "src_addr": "0.0.0.0", "src_port": 80, "state": "LISTEN", "inode": 99, "fd": 3,
                "socket_uid": 33, "accept_queue": 2, "accept_queue_max": 128, "netns": 7}),
            json!({"protocol": "TCP", "src_addr": "0.0.0.0", "src_port": 80, "dst_addr": "1.1.1.1", "dst_port": 9,
                "state": "ESTABLISHED", "inode": 99, "fd": 3, "socket_uid": 33, "receive_queue": 5, "send_queue": 6,
                "netns": 7}),
            json!({"protocol": "TCP", "src_addr": "0.0.0.0", "src_port": 80, "dst_addr": "1.1.1.1", "dst_port": 9,
                "state": "TIME_WAIT", "socket_uid": 33, "receive_queue": 2, "send_queue": 128, "netns": 7}),
            json!({"protocol": "UNIX", "state": "ESTABLISHED", "inode": 99, "fd": 3, "socket_uid": 33,
                "kind": "seqpacket", "path": "@bus", "netns": 7}),
            json!({"protocol": "UNIX", "state": "LISTEN", "inode": 99, "fd": 3, "socket_uid": 33, "accept_queue": 2,
                "accept_queue_max": 128, "kind": "stream", "path": "/run/x", "netns": 7}),
            json!({"protocol": "UNIX", "state": "ESTABLISHED", "inode": 99, "fd": 3, "socket_uid": 33,
                "kind": "datagram", "netns": 7}),
        ]
    );
}

#[test]
fn a_name_that_is_too_short_is_a_failure() {
    let batch = Batch::new().event(&header(), &Sock { name_len: 9, ..SOCK }, b"abc");
    assert!(run::<SnapshotSocket>(&json!({}), &batch).is_err());
}

#[test]
fn what_it_says_of_itself() {
    let described = Described::gadget::<SnapshotSocket>(Kind::Snapshot, false);
    let columns = &described.tools[0].columns;
    let shown: Vec<_> = columns.iter().filter(|column| !column.hidden).map(|column| &*column.field).collect();
    let first =
        ["container.name", "comm", "pid", "uid", "protocol", "src_addr", "src_port", "dst_addr", "dst_port"];
    let last = ["state", "inode", "accept_queue", "accept_queue_max", "receive_queue", "send_queue", "netns"];
    assert_eq!(shown, [&first[..], &last].concat());
}
