//! The built-in gadgets on the real kernel: something is caused and must be found in the rows, with the right
//! process, container and values; and nothing is found for a process out of scope.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use gadgetry_tests::container;
use gadgetry_tests::host::Host;
use gadgetry_tests::rows::{self, rows, with};

/// A shell of its own for one test, so that its events are told apart by process id.
fn shell(script: &str) -> u32 {
    let child = Command::new("/bin/sh").args(["-c", script]).spawn().expect("sh starts");
    let id = child.id();
    child.wait_with_output().expect("sh ends");
    id
}

#[test]
fn trace_open_tells_files_flags_and_errors() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let there = folder.path().join("there");
    File::create(&there).expect("a file");
    let missing = folder.path().join("missing");
    let run = rows::start(&host, "trace_open", &["--duration", "3", "--absolute"]);
    let script =
        format!("cd {0} && exec 3<there; exec 4>>there; exec 5<missing; true", folder.path().display());
    let pid = shell(&format!("{script}; :"));
    shell(&format!("cat {}", missing.display()));
    let answer = run.answer();
    let own = with(&answer, "pid", pid);
    let opened: Vec<_> = own.iter().filter(|row| row["path"] == "there").collect();
    assert_eq!(opened.len(), 2, "{own:?}");
    assert_eq!(opened[0]["comm"], "sh");
    assert_eq!(opened[0]["absolute"], there.display().to_string());
    assert!(opened[0]["fd"].as_i64() >= Some(3) && opened[0].get("error").is_none());
    assert!(opened[1]["flags"].to_string().contains("O_APPEND"), "{}", opened[1]);
    let failed: Vec<_> = own.iter().filter(|row| row["path"] == "missing").collect();
    assert_eq!(failed.len(), 1, "{own:?}");
    assert_eq!(failed[0]["error"], "ENOENT");
    assert!(failed[0].get("fd").is_none());
    // cat was given the absolute path.
    assert!(!with(&answer, "path", missing.display().to_string()).is_empty());
    assert_eq!(answer["loss"]["total"], 0);
}

#[test]
fn trace_open_can_be_limited_to_failures_and_to_a_process() {
    let host = Host::new();
    let run = rows::start(&host, "trace_open", &["--duration", "3", "--failed", "--comm", "cat"]);
    shell("cat /etc/hostname /no/such/file 2>/dev/null; ls /no/such/file 2>/dev/null");
    let answer = run.answer();
    assert!(!with(&answer, "path", "/no/such/file").is_empty(), "{answer}");
    for row in rows(&answer) {
        assert_eq!(row["comm"], "cat", "{row}");
        assert!(row["error"].is_string(), "{row}");
    }
}

#[test]
fn nothing_is_seen_of_a_process_out_of_scope() {
    let host = Host::new();
    let own = std::process::id().to_string();
    for gadget in ["trace_open", "trace_exec"] {
        let run = rows::start(&host, gadget, &["--duration", "2", "--pid", &own]);
        shell("cat /etc/hostname >/dev/null");
        let answer = run.answer();
        assert!(rows(&answer).iter().all(|row| row["pid"] == std::process::id()), "{gadget}: {answer}");
    }
}

#[test]
fn trace_exec_tells_arguments_failures_and_exits() {
    let host = Host::new();
    let run = rows::start(&host, "trace_exec", &["--duration", "4", "--failed", "--exits"]);
    let pid = shell("/bin/echo one 'two words' >/dev/null; /no/such/program 2>/dev/null; exit 7");
    let long = "x".repeat(20_000);
    let longest = Command::new("/bin/true").arg(&long).spawn().expect("true starts");
    let long_pid = longest.id();
    longest.wait_with_output().expect("true ends");
    let answer = run.answer();

    let echo: Vec<_> = with(&answer, "ppid", pid).into_iter().filter(|row| row["kind"] == "exec").collect();
    assert_eq!(echo.len(), 1, "{answer}");
    assert_eq!(echo[0]["args"], serde_json::json!(["/bin/echo", "one", "two words"]));
    assert_eq!(echo[0]["parent_comm"], "sh");
    assert!(echo[0]["exe"].as_str().is_some_and(|exe| exe.ends_with("/echo")), "{}", echo[0]);
    let cwd = std::env::current_dir().expect("a working directory");
    assert_eq!(echo[0]["cwd"], cwd.display().to_string());

    let failed: Vec<_> = rows(&answer).iter().filter(|row| row["kind"] == "failed").collect();
    let failed: Vec<_> = failed.into_iter().filter(|row| row["file"] == "/no/such/program").collect();
    assert_eq!(failed.len(), 1, "{answer}");
    assert_eq!(failed[0]["error"], "ENOENT");

    let exits: Vec<_> = with(&answer, "pid", pid).into_iter().filter(|row| row["kind"] == "exit").collect();
    assert_eq!(exits.len(), 1, "{answer}");
    assert_eq!(exits[0]["exit_code"], 7);
    assert!(exits[0]["duration_ns"].as_u64() > Some(100_000));

    // More than the cap: cut, and said so.
    let cut: Vec<_> =
        with(&answer, "pid", long_pid).into_iter().filter(|row| row["kind"] == "exec").collect();
    assert!(cut[0]["args_bytes"].as_u64() > Some(20_000), "{}", cut[0]);
    assert!(cut[0]["notes"].to_string().contains("args_cut"), "{}", cut[0]);
}

#[test]
fn snapshot_process_agrees_with_proc() {
    let host = Host::new();
    let mut sleeper = Command::new("sleep").arg("30").spawn().expect("sleep starts");
    std::thread::sleep(Duration::from_millis(100));
    let answer = rows::start(&host, "snapshot_process", &[]).answer();
    let own = with(&answer, "pid", sleeper.id());
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["comm"], "sleep");
    assert_eq!(own[0]["ppid"], std::process::id());
    assert_eq!(own[0]["state"], "sleeping");
    assert!(own[0]["exe"].as_str().is_some_and(|exe| exe.ends_with("/sleep")), "{}", own[0]);
    sleeper.kill().expect("sleep ends");
    sleeper.wait().expect("sleep ends");
    let listed = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let listed =
        listed.filter(|it| it.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()));
    // Processes come and go, but most do not.
    let (found, listed) = (rows(&answer).len() as f64, listed.count() as f64);
    assert!((found / listed - 1.0).abs() < 0.5, "{found} rows, {listed} processes in /proc");

    let threads = rows::start(&host, "snapshot_process", &["--threads"]).answer();
    let of_ours = with(&threads, "pid", std::process::id());
    assert!(of_ours.len() > 1, "{} threads", of_ours.len());
    let one = rows::start(&host, "snapshot_process", &["--pid", &std::process::id().to_string()]).answer();
    assert_eq!(rows(&one).len(), 1);
}

/// Both runtimes; a container that lives long enough to be looked at, and whose processes are gone when rows are made.
#[test]
fn rows_name_the_container_and_scope_follows_it() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    for runtime in ["runc", "crun"] {
        let name = container::name(runtime);
        let everything = rows::start(&host, "trace_exec", &["--duration", "7"]);
        let command = ["sh", "-c", "sleep 3; cat /etc/suspicious; cat /etc/other; sleep 1"];
        let mut running = container::start(runtime, folder.path(), &name, &command);
        std::thread::sleep(Duration::from_millis(1200));
        let scoped = rows::start(&host, "trace_open", &["--duration", "3", "--container", &name]);
        assert!(running.wait().expect("the container ends").success());

        let answer = everything.answer();
        let of_container: Vec<_> =
            rows(&answer).iter().filter(|row| row["container"]["id"] == name.as_str()).collect();
        let programs: Vec<_> = of_container.iter().map(|row| row["args"].to_string()).collect();
        assert!(programs.iter().any(|args| args.contains("/etc/suspicious")), "{runtime}: {answer}");
        assert!(programs.iter().any(|args| args.contains("/etc/other")), "{runtime}: {programs:?}");
        assert_eq!(of_container[0]["container"]["runtime"], runtime);

        let answer = scoped.answer();
        assert!(!with(&answer, "path", "/etc/suspicious").is_empty(), "{runtime}: {answer}");
        for row in rows(&answer) {
            assert_eq!(row["container"]["id"], name.as_str(), "{row}");
        }
        assert_eq!(answer["summary"]["looked_at"]["host"], false);
    }
}

#[test]
fn loss_is_counted_to_the_event() {
    let host = Host::new();
    // The smallest ring, and a reader that is stopped while the load lasts.
    let mut load = Command::new(gadgetry_tests::tool("load"))
        .args(["opens", "--delay", "2", "--count", "50000"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the load starts");
    let pid = load.id().to_string();
    let arguments =
        ["run", "trace_open", "-o", "json", "--pid", &pid, "--duration", "6", "--ring-size", "64"];
    let run = host.start(&arguments);
    std::thread::sleep(Duration::from_millis(1300));
    let signal = |name: &str| {
        let id = run.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill").success());
    };
    signal("-STOP");
    assert!(load.wait().expect("the load ends").success());
    signal("-CONT");
    let output = run.wait_with_output().expect("gadgetry ends");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let lost = answer["loss"]["ring"].as_u64().expect("a count");
    assert!(lost > 0, "{}", answer["loss"]);
    let path = with(&answer, "path", "/etc/hostname").len() as u64;
    // The load also opens what its start needs, before the delay, unseen; afterwards the file, and, when the ring has long
    // been full, one more that tells it how long it ran.
    assert_eq!(path + lost, 50_001, "{} {}", answer["summary"], answer["loss"]);
}
