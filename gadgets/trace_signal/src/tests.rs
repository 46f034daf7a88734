use gadget::{
    serde_json::{Value, json},
    testing::{Batch, header, name, own_rows, run},
};

use super::*;

const SENT: Sent = Sent {
    address: 0,
    signal: 15,
    code: 0,
    target_pid: 200,
    target_tid: 201,
    target_uid: 33,
    result: 0,
    target_comm: [0; 16],
    kind: event::KIND_SIGNAL,
    to_thread: 0,
    reserved: [0; 6],
};

/// The gadget's own fields of the rows that `events` make.
fn rows(params: &Value, events: &[Sent]) -> Vec<Value> {
    let batch = events.iter().fold(Batch::new(), |batch, event| batch.event(&header(), event, b""));
    let text = run::<TraceSignal>(params, &batch).expect("a well-formed batch");
    own_rows(&text)
}

#[test]
fn numbers_become_names() {
    let cases = [
        (
            Sent { target_comm: name("nginx"), ..SENT },
            json!({"signal": "SIGTERM", "target_pid": 200, "target_tid": 201, "target_comm": "nginx", "target_uid": 33,
                "code": "SI_USER", "result": "delivered", "to_thread": false}),
        ),
        (
            Sent { signal: 11, code: 1, address: 0xdead_beef, to_thread: 1, ..SENT },
            json!({"signal": "SIGSEGV", "target_pid": 200, "target_tid": 201, "target_uid": 33, "code": "SEGV_MAPERR",
                "result": "delivered", "to_thread": true, "fault_address": "0xdeadbeef"}),
        ),
        (
            Sent { signal: 17, code: 1, result: 1, ..SENT },
            json!({"signal": "SIGCHLD", "target_pid": 200, "target_tid": 201, "target_uid": 33, "code": "CLD_EXITED",
                "result": "ignored", "to_thread": false}),
        ),
        (
            Sent { kind: event::KIND_KILL, target_pid: -5, target_tid: 0, result: -3, signal: 0, ..SENT },
            json!({"signal": "SIG0", "target_pid": -5, "error": "ESRCH", "call": "kill", "to_thread": false}),
        ),
        (
            Sent { kind: event::KIND_TKILL, target_pid: 0, result: -1, signal: 9, to_thread: 1, ..SENT },
            json!({"signal": "SIGKILL", "target_tid": 201, "error": "EPERM", "call": "tkill", "to_thread": true}),
        ),
        (
            Sent { kind: event::KIND_PIDFD, target_pid: 7, target_tid: 0, result: -9, ..SENT },
            json!({"signal": "SIGTERM", "target_pidfd": 7, "error": "EBADF", "call": "pidfd_send_signal",
                "to_thread": false}),
        ),
    ];
    for (sent, fields) in cases {
        assert_eq!(rows(&json!({}), &[sent]), [fields]);
    }
    for (result, word) in [(2, "already_pending"), (3, "overflow"), (4, "lost_info")] {
        assert_eq!(rows(&json!({}), &[Sent { result, ..SENT }])[0]["result"], word);
    }
}

#[test]
fn one_signal_by_name_or_number() {
    let events = [SENT, Sent { signal: 9, ..SENT }];
    for wanted in ["KILL", "SIGKILL", "9"] {
        let rows = rows(&json!({"signal": wanted}), &events);
        assert_eq!((rows.len(), &rows[0]["signal"]), (1, &json!("SIGKILL")), "{wanted}");
    }
    let failure = run::<TraceSignal>(&json!({"signal": "SIGNOPE"}), &Batch::new()).unwrap_err();
    assert_eq!(failure.field.as_deref(), Some("signal"));
    assert!(failure.message.contains("SIGNOPE"), "{failure}");
}
