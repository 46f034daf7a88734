//! The gadgets that watch signals, mounts, modules, memory, capabilities and open files, on the real kernel: something
//! is caused and must be found in the rows with the right process and values; and nothing for a process out of scope.

mod syscalls;
mod walkthrough;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gadgetry_tests::host::Host;
use gadgetry_tests::rows::{self, rows, with};
use gadgetry_tests::shell::{python, shell, syscalls, unshared};
use serde_json::{Value, json};

/// The rows of `pid` whose `field` is `value`.
fn of<'a>(answer: &'a Value, pid: u32, field: &str, value: &str) -> Vec<&'a Value> {
    with(answer, "pid", pid).into_iter().filter(|row| row[field] == value).collect()
}

/// More than any machine has.
const NO_PROCESS: u32 = 4_194_400;

#[test]
fn trace_signal_tells_who_sent_what_to_whom() {
    let host = Host::new();
    let all = rows::start(&host, "trace_signal", &["--duration", "7"]);
    let failed = rows::start(&host, "trace_signal", &["--duration", "3", "--failed"]);
    let pid = shell(&format!(
        "sleep 30 & kill -CONT $!; kill -KILL $!; wait $!; kill -TERM {NO_PROCESS} 2>/dev/null; :"
    ));
    let fault = Command::new(python())
        .args(["-c", "import ctypes; ctypes.string_at(16)"])
        .spawn()
        .expect("python starts");
    let fault_pid = fault.id();
    fault.wait_with_output().expect("python ends");
    let (failed, answer) = (failed.answer(), all.answer());

    let kill = of(&answer, pid, "signal", "SIGKILL");
    assert_eq!(kill.len(), 1, "{answer}");
    let target = kill[0]["target_pid"].as_u64().expect("a process");
    assert_eq!((&kill[0]["code"], &kill[0]["result"]), (&json!("SI_USER"), &json!("delivered")));
    assert_eq!((&kill[0]["to_thread"], &kill[0]["target_uid"]), (&json!(false), &json!(0)));
    // The signal may come before the shell's child has become sleep.
    assert!(["sh", "sleep"].contains(&kill[0]["target_comm"].as_str().expect("a name")), "{}", kill[0]);
    assert_eq!(of(&answer, pid, "signal", "SIGCONT")[0]["target_pid"], target);
    let child: Vec<_> =
        with(&answer, "pid", target).into_iter().filter(|row| row["signal"] == "SIGCHLD").collect();
    assert_eq!((&child[0]["code"], &child[0]["target_pid"]), (&json!("CLD_KILLED"), &json!(pid)));

    let missed = of(&answer, pid, "error", "ESRCH");
    assert_eq!(
        (missed.len(), &missed[0]["call"], &missed[0]["signal"]),
        (1, &json!("kill"), &json!("SIGTERM"))
    );
    assert_eq!(missed[0]["target_pid"], NO_PROCESS);
    assert_eq!(with(&failed, "pid", pid).len(), 1, "{failed}");
    assert!(rows(&failed).iter().all(|row| row["error"].is_string()), "{failed}");

    let fault = of(&answer, fault_pid, "signal", "SIGSEGV");
    assert_eq!((&fault[0]["code"], &fault[0]["fault_address"]), (&json!("SEGV_MAPERR"), &json!("0x10")));
    assert_eq!(fault[0]["to_thread"], true);
}

#[test]
fn trace_signal_can_be_limited_to_a_signal() {
    let host = Host::new();
    let run = rows::start(&host, "trace_signal", &["--duration", "3", "--signal", "term", "--kill-only"]);
    let pid = shell("sleep 30 & kill -CONT $!; kill $!; wait $!; :");
    let answer = run.answer();
    assert_eq!(with(&answer, "pid", pid).len(), 1, "{answer}");
    assert!(rows(&answer).iter().all(|row| row["signal"] == "SIGTERM"), "{answer}");
    let error = host.fails(&["run", "trace_signal", "--signal", "SIGNOPE", "--duration", "1"]);
    assert!(error.contains("SIGNOPE") && error.contains("signal"), "{error}");
}

#[test]
fn trace_mount_tells_both_interfaces() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().display().to_string();
    let run = rows::start(&host, "trace_mount", &["--duration", "6"]);
    let pid = unshared(&format!(
        "mount -t tmpfs -o ro,nosuid,size=64k gadgetry {target}; umount -l {target}; \
         mount -t gadgetryfs gadgetry {target} 2>/dev/null; :"
    ));
    // fsopen, two options, create, fsmount, move_mount.
    let (new_pid, results) = syscalls(&json!([
        ["fsopen", "tmpfs", 1],
        ["fsconfig", "$0", 1, "size", "64k", 0],
        ["fsconfig", "$0", 1, "nonsense", "1", 0],
        ["fsconfig", "$0", 6, null, null, 0],
        ["fsmount", "$0", 1, 2],
        ["move_mount", "$4", "", -100, target, 4],
        ["open_tree", -100, target, 1]
    ]));
    let answer = run.answer();

    let mounts: Vec<_> = with(&answer, "target", target.as_str());
    let old: Vec<_> = mounts.iter().filter(|row| row["ppid"] == pid).collect();
    assert_eq!(
        (&old[0]["call"], &old[0]["fs"], &old[0]["source"]),
        (&json!("mount"), &json!("tmpfs"), &json!("gadgetry"))
    );
    assert_eq!((&old[0]["flags"], &old[0]["data"]), (&json!(["MS_RDONLY", "MS_NOSUID"]), &json!("size=64k")));
    assert!(old[0].get("error").is_none());
    assert_eq!((&old[1]["call"], &old[1]["flags"]), (&json!("umount"), &json!(["MNT_DETACH"])));
    assert_eq!((&old[2]["fs"], &old[2]["error"]), (&json!("gadgetryfs"), &json!("ENODEV")));

    let new = with(&answer, "pid", new_pid);
    let new: Vec<_> = new.into_iter().filter(|row| row["comm"] == "python").collect();
    let calls: Vec<_> = new.iter().map(|row| row["call"].as_str().expect("a call")).collect();
    let wanted = ["fsopen", "fsconfig", "fsconfig", "fsconfig", "fsmount", "move_mount", "open_tree"];
    assert_eq!(calls, wanted, "{answer}");
    assert_eq!((&new[0]["fs"], &new[0]["fd"]), (&json!("tmpfs"), &results[0]));
    assert_eq!(
        (&new[1]["source"], &new[1]["data"], &new[1]["fs"]),
        (&json!("size"), &json!("64k"), &json!("tmpfs"))
    );
    assert_eq!((&new[2]["error"], &results[2]), (&json!("EINVAL"), &json!("EINVAL")));
    assert_eq!(
        (&new[3]["command"], &new[4]["attributes"]),
        (&json!("create"), &json!(["MOUNT_ATTR_NOSUID"]))
    );
    assert_eq!((&new[4]["fs"], &new[4]["fd"]), (&json!("tmpfs"), &results[4]));
    assert_eq!((&new[5]["target"], &new[5]["fs"]), (&json!(target), &json!("tmpfs")));
    assert_eq!((&new[6]["source"], &new[6]["fs"]), (&json!(target), &json!("tmpfs")));
}

#[test]
fn trace_init_module_tells_what_was_refused() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("gadgetry-test.ko");
    fs::File::create(&file).and_then(|mut it| it.write_all(b"no module")).expect("a file");
    let run = rows::start(&host, "trace_init_module", &["--duration", "3"]);
    let (pid, results) = syscalls(&json!([
        ["init_module", "no module", 9, "debug=1"],
        ["openat", -100, file.display().to_string(), 0, 0],
        ["finit_module", "$1", "x=y", 1],
        ["delete_module", "gadgetry_test", 0o4_000]
    ]));
    let answer = run.answer();
    let own = with(&answer, "pid", pid);
    assert_eq!(own.len(), 3, "{answer}");
    // Which error depends on the kernel: it may have no modules, or refuse, or look at the bytes.
    for (row, result) in own.iter().zip([&results[0], &results[2], &results[3]]) {
        assert_eq!(&row["error"], result);
    }
    assert_eq!(
        (&own[0]["call"], &own[0]["size"], &own[0]["params"]),
        (&json!("init_module"), &json!(9), &json!("debug=1"))
    );
    assert_eq!(
        (&own[1]["file"], &own[1]["module"]),
        (&json!(file.display().to_string()), &json!("gadgetry_test"))
    );
    assert_eq!(
        (&own[1]["params"], &own[1]["flags"]),
        (&json!("x=y"), &json!(["MODULE_INIT_IGNORE_MODVERSIONS"]))
    );
    assert_eq!((&own[2]["module"], &own[2]["flags"]), (&json!("gadgetry_test"), &json!(["O_NONBLOCK"])));
}

/// A cgroup with 16 MiB of memory, of either version; gone when it is dropped.
struct Limited(PathBuf);

impl Limited {
    fn new() -> Self {
        let root = Path::new("/sys/fs/cgroup");
        let (parent, limit) = if root.join("memory/memory.limit_in_bytes").exists() {
            (root.join("memory"), "memory.limit_in_bytes")
        } else {
            (root.to_owned(), "memory.max")
        };
        let folder = parent.join(format!("gadgetry-test-{}", std::process::id()));
        fs::create_dir(&folder).expect("a cgroup with the memory controller: this test needs one, and root");
        let limited = Self(folder);
        fs::write(limited.0.join(limit), "16777216").expect("a limit of memory");
        limited
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        // The kernel lets it go once the process in it is reaped.
        for _ in 0..50 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn trace_oomkill_tells_the_victim() {
    let host = Host::new();
    let limited = Limited::new();
    let run = rows::start(&host, "trace_oomkill", &["--duration", "8"]);
    let elsewhere = rows::start(&host, "trace_oomkill", &["--duration", "4", "--comm", "nobody-here"]);
    // tail keeps what it read of a file without lines.
    let script = format!("echo $$ > {}/cgroup.procs && exec tail /dev/zero", limited.0.display());
    let pid = shell(&script);
    let (elsewhere, answer) = (elsewhere.answer(), run.answer());
    let own = with(&answer, "pid", pid);
    assert_eq!(own.len(), 1, "{answer}");
    let victim = own[0];
    assert_eq!((&victim["comm"], &victim["cause_pid"]), (&json!("tail"), &json!(pid)));
    assert_eq!((&victim["oom_score_adj"], &victim["same_namespace"]), (&json!(0), &json!(true)));
    let anonymous = victim["anonymous"].as_u64().expect("bytes");
    assert!((8 << 20..=17 << 20).contains(&anonymous), "{victim}");
    assert!(
        victim["total_vm"].as_u64() >= Some(anonymous) && victim["page_tables"].as_u64() > Some(0),
        "{victim}"
    );
    assert!(rows(&elsewhere).is_empty(), "{elsewhere}");
}

#[test]
fn trace_capabilities_tells_what_was_had_and_what_was_not() {
    let host = Host::new();
    let all = rows::start(&host, "trace_capabilities", &["--duration", "7", "--unique", "--comm", "chroot"]);
    let denied =
        rows::start(&host, "trace_capabilities", &["--duration", "3", "--denied-only", "--comm", "chroot"]);
    let allowed_pid = Command::new("chroot").args(["/", "/bin/true"]).spawn().expect("chroot starts");
    let pid = allowed_pid.id();
    allowed_pid.wait_with_output().expect("chroot ends");
    let refused = Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups", "chroot", "/", "/bin/true"])
        .stderr(Stdio::null())
        .spawn()
        .expect("setpriv starts");
    let refused_pid = refused.id();
    refused.wait_with_output().expect("setpriv ends");
    let (denied, answer) = (denied.answer(), all.answer());

    let chroot = of(&answer, pid, "capability", "CAP_SYS_CHROOT");
    assert_eq!(chroot.len(), 1, "{answer}");
    assert_eq!((&chroot[0]["allowed"], &chroot[0]["syscall"]), (&json!(true), &json!("chroot")));
    assert_eq!(chroot[0]["userns"], chroot[0]["target_userns"]);
    let refused = of(&denied, refused_pid, "capability", "CAP_SYS_CHROOT");
    assert_eq!((refused.len(), &refused[0]["allowed"]), (1, &json!(false)), "{denied}");
    assert_eq!((&refused[0]["syscall"], &refused[0]["uid"]), (&json!("chroot"), &json!(65534)));
    assert!(rows(&denied).iter().all(|row| row["allowed"] == false), "{denied}");
}

#[test]
fn snapshot_file_agrees_with_proc() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (kept, gone) = (folder.path().join("kept"), folder.path().join("gone"));
    let script = format!(
        "exec 3>>{0} 4>{1}; echo 12345 >&3; echo 123 >&4; rm {1}; exec sleep 30",
        kept.display(),
        gone.display()
    );
    let mut sleeper = Command::new("/bin/sh")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh starts");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let pid = sleeper.id().to_string();
    let answer = rows::start(&host, "snapshot_file", &["--pid", &pid]).answer();
    let deleted = rows::start(&host, "snapshot_file", &["--deleted"]).answer();
    let pipes = rows::start(&host, "snapshot_file", &["--pid", &pid, "--kind", "pipe"]).answer();
    let link = |fd: u64| fs::read_link(format!("/proc/{pid}/fd/{fd}")).expect("a descriptor");
    let listed = fs::read_dir(format!("/proc/{pid}/fd")).expect("/proc").count();

    assert_eq!(rows(&answer).len(), listed, "{answer}");
    for row in rows(&answer) {
        let link = link(row["fd"].as_u64().expect("a number"));
        let link = link.display().to_string();
        assert_eq!(row["path"], link.trim_end_matches(" (deleted)"), "{row}");
        assert_eq!(row["deleted"], link.ends_with(" (deleted)"), "{row}");
    }
    let append = with(&answer, "fd", 3);
    assert_eq!(
        (&append[0]["kind"], &append[0]["size"], &append[0]["position"]),
        (&json!("regular"), &json!(6), &json!(6))
    );
    assert!(append[0]["flags"].to_string().contains("O_APPEND"), "{}", append[0]);
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&kept).expect("a file"));
    assert_eq!(append[0]["inode"], inode);
    assert_eq!(with(&answer, "fd", 0)[0]["kind"], "character");
    let of_ours = with(&deleted, "pid", sleeper.id());
    assert_eq!(
        (of_ours.len(), &of_ours[0]["path"], &of_ours[0]["size"]),
        (1, &json!(gone.display().to_string()), &json!(4))
    );
    assert!(rows(&deleted).iter().all(|row| row["deleted"] == true));
    assert_eq!(with(&pipes, "fd", 1).len(), 1, "{pipes}");
    assert!(rows(&pipes).iter().all(|row| row["kind"] == "pipe"), "{pipes}");
    sleeper.kill().expect("sleep ends");
    sleeper.wait().expect("sleep ends");
}

#[test]
fn nothing_is_seen_of_a_process_out_of_scope() {
    let host = Host::new();
    let own = std::process::id().to_string();
    let gadgets = ["trace_signal", "trace_mount", "trace_init_module", "trace_capabilities"];
    let runs = gadgets.map(|gadget| rows::start(&host, gadget, &["--duration", "12", "--pid", &own]));
    shell("sleep 30 & kill $!; wait $!; :");
    syscalls(&json!([["fsopen", "tmpfs", 1], ["delete_module", "gadgetry_test", 0]]));
    for (gadget, run) in gadgets.iter().zip(runs) {
        let answer = run.answer();
        assert!(rows(&answer).iter().all(|row| row["pid"] == std::process::id()), "{gadget}: {answer}");
    }
}
