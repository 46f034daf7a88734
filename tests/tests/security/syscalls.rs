//! The gadgets that watch every system call: traceloop and advise_seccomp.

use std::process::{Command, Stdio};

use gadgetry_tests::container;
use gadgetry_tests::host::Host;
use gadgetry_tests::rows::{self, rows, with};
use gadgetry_tests::shell::{python, shell};
use serde_json::{Value, json};

#[test]
fn traceloop_tells_the_last_calls_with_their_arguments() {
    let host = Host::new();
    let run = rows::start(&host, "traceloop", &["--duration", "4", "--comm", "cat", "--last", "100"]);
    let mut cat = Command::new("cat")
        .args(["/etc/hostname", "/no/such \"file\""])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("cat starts");
    let pid = cat.id();
    cat.wait().expect("cat ends");
    let answer = run.answer();
    let own = with(&answer, "pid", pid);
    let call = |name: &str, argument: &str| -> Vec<&Value> {
        let has = |row: &Value| row["args"].as_array().is_some_and(|args| args.contains(&json!(argument)));
        own.iter().filter(|row| row["syscall"] == name && has(row)).copied().collect()
    };
    let opened = call("openat", "filename=\"/etc/hostname\"");
    assert_eq!(opened.len(), 1, "{answer}");
    assert!(opened[0]["args"].as_array().is_some_and(|args| args.contains(&json!("dfd=AT_FDCWD"))));
    let fd = opened[0]["ret"].as_i64().expect("a descriptor");
    assert!(opened[0]["duration_ns"].as_u64() > Some(0), "{}", opened[0]);
    let hostname = std::fs::metadata("/etc/hostname").expect("a file").len();
    // The descriptor's number was in use before, for other files.
    assert!(call("read", &format!("fd={fd}")).iter().any(|row| row["ret"] == hostname), "{answer}");
    let missing = call("openat", "filename=\"/no/such \\\"file\\\"\"");
    assert_eq!((missing.len(), &missing[0]["error"]), (1, &json!("ENOENT")));
    let last = own.last().expect("calls");
    assert_eq!((&last["syscall"], &last["unfinished"]), (&json!("exit_group"), &json!(true)));
    assert!(rows(&answer).iter().all(|row| row["comm"] == "cat"), "{answer}");
}

#[test]
fn traceloop_shows_what_a_killed_process_did_and_keeps_only_the_last() {
    let host = Host::new();
    let run = rows::start(&host, "traceloop", &["--duration", "4", "--comm", "python", "--last", "5"]);
    let crash = Command::new(python())
        .args(["-c", "import ctypes; open('/etc/hostname').close(); ctypes.string_at(16)"])
        .spawn()
        .expect("python starts");
    let pid = crash.id();
    crash.wait_with_output().expect("python ends");
    let answer = run.answer();
    let own = with(&answer, "pid", pid);
    assert_eq!(own.len(), 5, "{answer}");
    assert_eq!(own[4]["killed_by"], "SIGSEGV");
    assert!(own[..4].iter().all(|row| row.get("killed_by").is_none()));
    let text = serde_json::to_string(&own).expect("JSON");
    assert!(text.contains("/etc/hostname"), "{text}");
}

#[test]
fn traceloop_wants_a_limit() {
    let host = Host::new();
    let error = host.fails(&["run", "traceloop", "--duration", "3"]);
    assert!(error.contains("limit the run by container"), "{error}");
    let run = rows::start(&host, "traceloop", &["--duration", "2", "--comm", "nobody-here"]);
    shell("cat /etc/hostname > /dev/null");
    assert!(rows(&run.answer()).is_empty());
}

#[test]
fn advise_seccomp_makes_a_profile_of_what_a_container_did() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let name = container::name("seccomp");
    let run = rows::start(&host, "advise_seccomp", &["--duration", "6"]);
    let command = ["sh", "-c", "sleep 2; mkdir /tmp/x; rmdir /tmp/x; cat /etc/none; sleep 1"];
    let mut running = container::start("runc", folder.path(), &name, &command);
    assert!(running.wait().expect("the container ends").success());
    let answer = run.answer();
    let own: Vec<_> = rows(&answer).iter().filter(|row| row["container"]["id"] == name.as_str()).collect();
    assert_eq!(own.len(), 1, "{answer}");
    let seen = own[0]["syscalls"].as_array().expect("calls");
    for call in ["mkdir", "rmdir", "exit_group"] {
        assert!(seen.contains(&json!(call)), "{call}: {}", own[0]);
    }
    // What only others on this machine do.
    for call in ["bpf", "reboot", "perf_event_open"] {
        assert!(!seen.contains(&json!(call)), "{call}: {}", own[0]);
    }
    assert_eq!(own[0]["count"], seen.len());
    let profile = &own[0]["profile"];
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let allowed = profile["syscalls"][0]["names"].as_array().expect("names");
    assert!(seen.iter().all(|call| allowed.contains(call)), "{profile}");
    assert!(rows(&answer).iter().any(|row| row.get("container").is_none()), "{answer}");

    // The profile suffices to run the same again, and not for more: a rename, which needs no privilege, is refused.
    let rename = ["sh", "-c", "mkdir -p /tmp/a && mv /tmp/a /tmp/b"];
    let runs = |of: &str, command: &[&str]| {
        let mut running = container::start("runc", folder.path(), &container::name(of), command);
        running.wait().expect("the container ends").success()
    };
    assert!(runs("unconfined", &rename));
    let config = folder.path().join("base.json");
    let base = std::fs::read_to_string(&config).expect("a configuration");
    let confined = base.replace(r#""linux": {"#, &format!(r#""linux": {{"seccomp": {profile},"#));
    assert_ne!(base, confined);
    std::fs::write(&config, confined).expect("a configuration");
    assert!(runs("confined", &command), "{profile}");
    assert!(!runs("refused", &rename), "{profile}");
}
