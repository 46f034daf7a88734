use gadget::{
    serde_json::json,
    testing::{Batch, header, name, rows, run},
};

use super::*;

fn seen(number: u32) -> Use {
    Use { number, reserved: [0; 4] }
}

const WEB: &str = r#"{"id":"c0ffee","name":"web","image":"nginx"}"#;

fn batch() -> Batch {
    let other = Header { comm: name("sshd"), ..header() };
    Batch::new()
        .container(1, WEB)
        .event_in(1, &header(), &seen(257), b"")
        .event_in(1, &other, &seen(0), b"")
        .event_in(1, &header(), &seen(0), b"")
        .event_in(1, &header(), &seen(4000), b"")
        .event(&other, &seen(41), b"")
        .event(&header(), &seen(1), b"")
}

#[test]
fn one_profile_for_each_container_and_program() {
    let rows = rows(&run::<AdviseSeccomp>(&json!({"runtime_calls": false}), &batch()).expect("rows"));
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["container"]["name"], "web");
    assert_eq!(
        (&rows[0]["syscalls"], &rows[0]["count"]),
        (&json!(["openat", "read", "syscall_4000"]), &json!(3))
    );
    assert_eq!(rows[0]["programs"], json!(["cat", "sshd"]));
    let profile = json!({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["openat", "read"], "action": "SCMP_ACT_ALLOW"}],
    });
    assert_eq!(rows[0]["profile"], profile);
    assert_eq!((&rows[1]["comm"], &rows[1]["syscalls"]), (&json!("cat"), &json!(["write"])));
    assert_eq!((&rows[2]["comm"], &rows[2]["syscalls"]), (&json!("sshd"), &json!(["socket"])));
}

#[test]
fn what_the_runtime_needs_is_allowed_but_not_claimed_to_be_seen() {
    let rows = rows(&run::<AdviseSeccomp>(&json!({}), &batch()).expect("rows"));
    assert_eq!(rows[1]["syscalls"], json!(["write"]));
    let names = rows[1]["profile"]["syscalls"][0]["names"].as_array().expect("names");
    for call in ["write", "execve", "exit_group", "rt_sigreturn"] {
        assert_eq!(names.iter().filter(|name| **name == call).count(), 1, "{call}");
    }
}

#[test]
fn rows_of_several_nodes_are_united() {
    let first = run::<AdviseSeccomp>(&json!({"runtime_calls": false}), &batch()).expect("rows");
    let elsewhere = Batch::new()
        .container(1, r#"{"id":"beef","name":"web","image":"nginx"}"#)
        .container(2, r#"{"id":"f00d","name":"db"}"#)
        .event_in(1, &header(), &seen(3), b"")
        .event_in(2, &header(), &seen(0), b"");
    let second = run::<AdviseSeccomp>(&json!({"runtime_calls": false}), &elsewhere).expect("rows");
    let merged =
        gadget::run::merge::<AdviseSeccomp>(&[first.into_bytes(), second.into_bytes()]).expect("rows");
    let rows = rows(std::str::from_utf8(&merged).expect("text"));
    assert_eq!(rows.len(), 4);
    let web = rows.iter().find(|row| row["container"]["name"] == "web").expect("web");
    assert_eq!(
        (&web["count"], &web["syscalls"]),
        (&json!(4), &json!(["close", "openat", "read", "syscall_4000"]))
    );
    assert_eq!(web["profile"]["syscalls"][0]["names"], json!(["close", "openat", "read"]));
    assert!(gadget::run::merge::<AdviseSeccomp>(&[b"{no".to_vec()]).is_err());
}

#[test]
fn groups_are_bounded() {
    let mut batch = Batch::new();
    for at in 0..=GROUPS {
        batch = batch.event(&Header { comm: name(&format!("p{at}")), ..header() }, &seen(0), b"");
    }
    let failure = run::<AdviseSeccomp>(&json!({}), &batch).unwrap_err();
    assert!(failure.message.contains("limit the run"), "{failure}");
}
