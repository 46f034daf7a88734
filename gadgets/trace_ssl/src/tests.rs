use gadget::{
    Flow,
    flow::AF_INET,
    serde_json::{Value, from_str, json},
    testing::{Batch, header, run},
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
const CALL: Call = Call {
    flow: FLOW,
    bytes: 5,
    nanos: 900,
    result: 5,
    payload_len: 5,
    library: event::OPENSSL,
    direction: event::WRITE,
    notes: 0,
    reserved: 0,
};

/// The gadget's own fields of the row that one event makes.
fn row(call: &Call, payload: &[u8]) -> Value {
    let text = run::<TraceSsl>(&json!({}), &Batch::new().event(&header(), call, payload)).expect("a batch");
    let mut row: Value = from_str(&text).expect("one row");
    let fields = row.as_object_mut().expect("an object");
    for common in ["timestamp", "comm", "pid", "tid", "uid", "gid", "ppid", "parent_comm"] {
        assert!(fields.remove(common).is_some(), "{common}");
    }
    row
}

#[test]
fn a_call_is_told_with_its_peer() {
    let wanted = json!({"library": "openssl", "direction": "write", "src_addr": "127.0.0.1", "src_port": 40000,
        "dst_addr": "10.0.0.2", "dst_port": 443, "bytes": 5, "latency_ns": 900, "payload": "hello", "cut": false,
        "netns": 7});
    assert_eq!(row(&CALL, b"hello"), wanted);
}

#[test]
fn what_is_not_known_is_left_out() {
    let call = Call { flow: Flow::NONE, bytes: 9, library: event::GO, direction: event::READ, ..CALL };
    let wanted = json!({"library": "go", "direction": "read", "bytes": 9, "latency_ns": 900, "payload": "\\x00abc\n",
        "cut": true});
    assert_eq!(row(&call, b"\0abc\n"), wanted);
    let call = Call { payload_len: 0, notes: event::UNREADABLE, ..CALL };
    let row = row(&call, b"");
    assert_eq!(
        (&row["cut"], &row["notes"], row.get("payload")),
        (&json!(true), &json!(["unreadable"]), None)
    );
}

#[test]
fn failures_have_their_librarys_names() {
    let failed = Call { bytes: 0, payload_len: 0, ..CALL };
    let cases = [
        (Call { result: 0, ..failed }, "closed_or_failed"),
        (Call { result: -1, ..failed }, "failed_or_would_wait"),
        (Call { result: -28, library: event::GNUTLS, ..failed }, "GNUTLS_E_AGAIN"),
        (Call { result: -4242, library: event::GNUTLS, ..failed }, "GNUTLS_E_-4242"),
        (Call { result: 0, library: event::GO, notes: event::FAILED, ..failed }, "error"),
    ];
    for (call, wanted) in cases {
        assert_eq!(row(&call, b"")["error"], wanted);
    }
    // The end of a GnuTLS connection, and a call of an `_ex` function, whose result is not the number of bytes.
    for call in [Call { result: 0, library: event::GNUTLS, ..failed }, Call { result: 1, ..CALL }] {
        assert_eq!(row(&call, b"hello").get("error"), None);
    }
}

#[test]
fn parameters_have_their_limits() {
    for (params, wanted) in [
        (json!({"payload": 8193}), "at most 8192"),
        (json!({"library": "nss"}), "one of openssl, gnutls, go"),
        (json!({"direction": "both"}), "one of read, write"),
    ] {
        let error = run::<TraceSsl>(&params, &Batch::new()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}
