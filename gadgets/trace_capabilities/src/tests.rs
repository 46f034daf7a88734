use gadget::{
    serde_json::{Value, json},
    testing::{Batch, header, own_rows, run},
};

use super::*;

const CHECK: Check = Check {
    capability: 21,
    ret: 0,
    options: event::OPTIONS_UNKNOWN,
    syscall: 165,
    target_namespace: 10,
    namespace: 11,
};

/// The gadget's own fields of the rows that `events` make.
fn rows(params: &Value, events: &[Check]) -> Result<Vec<Value>, Failure> {
    let batch = events.iter().fold(Batch::new(), |batch, event| batch.event(&header(), event, b""));
    let text = run::<TraceCapabilities>(params, &batch)?;
    Ok(own_rows(&text))
}

#[test]
fn numbers_become_names() {
    let cases = [
        (
            CHECK,
            json!({"capability": "CAP_SYS_ADMIN", "allowed": true, "syscall": "mount", "target_userns": 10, "userns": 11}),
        ),
        (
            Check { capability: 13, ret: -1, options: 0, syscall: 41, ..CHECK },
            json!({"capability": "CAP_NET_RAW", "allowed": false, "syscall": "socket", "audit": true, "insetid": false,
                "target_userns": 10, "userns": 11}),
        ),
        (
            Check { capability: 7, options: 6, syscall: event::NO_SYSCALL, ..CHECK },
            json!({"capability": "CAP_SETUID", "allowed": true, "audit": false, "insetid": true, "target_userns": 10,
                "userns": 11}),
        ),
    ];
    for (check, fields) in cases {
        assert_eq!(rows(&json!({}), &[check]).expect("rows"), [fields]);
    }
}

#[test]
fn unique_shows_each_once_and_forgets_the_oldest() {
    let events = [CHECK, CHECK, Check { ret: -1, ..CHECK }, Check { capability: 1, ..CHECK }, CHECK];
    assert_eq!(rows(&json!({"unique": true}), &events).expect("rows").len(), 3);
    assert_eq!(rows(&json!({}), &events).expect("rows").len(), 5);

    let params = Params { denied_only: false, unique: true, audit_only: false };
    let calls = Syscalls::new(Default::default());
    let mut gadget = TraceCapabilities { params, calls, younger: BTreeSet::new(), older: BTreeSet::new() };
    let count = 3 * REMEMBERED as u32;
    for pid in 0..count {
        assert!(!gadget.known((pid, 0, false)));
        assert!(gadget.younger.len() + gadget.older.len() <= 2 * REMEMBERED);
    }
    assert!(gadget.known((count - 1, 0, false)) && !gadget.known((0, 0, false)));
}

#[test]
fn what_the_kernel_does_not_tell_can_not_be_asked_for() {
    let failure = rows(&json!({"audit_only": true}), &[CHECK]).unwrap_err();
    assert_eq!(failure.field.as_deref(), Some("audit_only"));
    assert_eq!(rows(&json!({"audit_only": true}), &[Check { options: 0, ..CHECK }]).expect("rows").len(), 1);
}
