//! Profiles: functions of programs and of the kernel are found by name where CPU time goes, and where threads wait; the same
//! rows make a flame graph.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gadgetry_tests::host::Host;
use gadgetry_tests::rows::{self, rows, with};
use gadgetry_tests::shell::{Busy, python};
use serde_json::Value;

/// Does one thing without end, in functions that call each other. System calls are made in place, since a library's have no
/// frame of their own, and the function that called them is then missing from the stack.
const SOURCE: &str = r#"
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#define INNER __attribute__((noinline)) void
static inline long call(long n, long a, long b, long c, long d) {
#ifdef __x86_64__
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c, x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
#endif
}
volatile long n;
static struct timespec nap = { 0, 50000000 };
static int word = 1, ends[2];
INNER innermost(void) { for (long i = 0; i < 1000000; i++) n += i; }
INNER around(void) { for (;;) { innermost(); n++; } }
INNER naps(void) { call(SYS_nanosleep, (long)&nap, 0, 0, 0); n++; }
INNER locks(void) { call(SYS_futex, (long)&word, FUTEX_WAIT_PRIVATE, 1, 0); n++; }
INNER reads(void) { char byte; call(SYS_read, ends[0], (long)&byte, 1, 0); n++; }
int main(int count, char **arguments) {
    if (!strcmp(arguments[1], "spin")) around();
    if (pipe(ends)) return 1;
    if (!strcmp(arguments[1], "read")) {
        // The writer wakes the reader four times a second.
        if (!fork()) for (struct timespec pause = { 0, 250000000 };;) {
            nanosleep(&pause, 0);
            if (getppid() == 1 || write(ends[1], "x", 1) != 1) return 0;
        }
        for (;;) { reads(); n++; }
    }
    if (!strcmp(arguments[1], "lock")) for (;;) { locks(); n++; }
    for (;;) { naps(); n++; }
}
"#;

/// The program, compiled into `folder`.
fn program(folder: &Path) -> PathBuf {
    let (source, program) = (folder.join("busy.c"), folder.join("busy"));
    std::fs::write(&source, SOURCE).expect("a source");
    let cc = ["clang-22", "cc"].into_iter().find(|it| Command::new(it).arg("--version").output().is_ok());
    let mut compile = Command::new(cc.expect("the test needs a C compiler"));
    compile
        .args(["-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", "-o"])
        .arg(&program)
        .arg(&source);
    assert!(compile.status().expect("the compiler starts").success());
    program
}

/// The rows of a process whose stack has `part`, and the sum of `field` over them.
fn sum<'a>(answer: &'a Value, pid: u32, part: &str, field: &str) -> (Vec<&'a Value>, u64) {
    let mut found = with(answer, "pid", pid);
    found.retain(|row| row["stack"].as_str().is_some_and(|stack| stack.contains(part)));
    let sum = found.iter().map(|row| row[field].as_u64().unwrap_or(0)).sum();
    (found, sum)
}

/// The waits of a process in `part` took at least `least` and on average less than `below` nanoseconds, but for the ones that
/// go on when the run ends: of those only a part has gone by.
fn assert_each_took(answer: &Value, pid: u32, part: &str, least: u64, below: u64) {
    let [waits, going_on, nanos] =
        ["waits", "still_waiting", "wait_ns"].map(|field| sum(answer, pid, part, field).1);
    let range = (waits - going_on) * (least - least / 50)..waits * below;
    assert!(
        range.contains(&nanos),
        "{waits} waits, {going_on} of them going on, took {nanos} ns, not {range:?}"
    );
}

fn attached(answer: &Value) -> Vec<&str> {
    let programs = answer["summary"]["looked_at"]["programs"].as_array().expect("programs");
    programs.iter().map(|it| it["program"].as_str().expect("a name")).collect()
}

#[test]
fn profile_cpu_names_the_functions_of_a_program_and_of_the_kernel() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let spinning = Busy::start(Command::new(program(folder.path())).arg("spin"));
    let copying = Busy::start(
        Command::new("dd")
            .args(["if=/dev/zero", "of=/dev/null", "bs=1M"])
            .stderr(std::process::Stdio::null()),
    );
    let pids = [spinning.pid(), copying.pid()];
    let answer = rows::start(&host, "profile_cpu", &["--duration", "4", "--frequency", "99"]).answer();
    drop((spinning, copying));
    assert_eq!(attached(&answer), ["sample"]);
    let (found, _) = sum(&answer, pids[0], "main;around;innermost", "samples");
    assert!(!found.is_empty(), "{answer}");
    let (kernel, _) = sum(&answer, pids[1], "read_[k];", "samples");
    assert!(!kernel.is_empty(), "{answer}");
    let (_, samples) = sum(&answer, pids[0], "", "samples");
    assert!(samples > 20, "{samples} samples");

    let own = std::process::id().to_string();
    let one = rows::start(&host, "profile_cpu", &["--duration", "2", "--pid", &own]).answer();
    assert!(rows(&one).iter().all(|row| row["pid"] == std::process::id()), "{one}");
}

#[test]
fn waits_are_found_with_their_functions_and_their_time() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path());
    let run = rows::start(&host, "profile_cpu", &["--mode", "off_cpu", "--duration", "6"]);
    let start = |what: &str| Busy::start(Command::new(&program).arg(what));
    let [napping, reading, locked, spinning] = ["nap", "read", "lock", "spin"].map(start);
    std::thread::sleep(Duration::from_secs(2));
    let answer = run.answer();
    assert_eq!(attached(&answer), ["switch"]);
    assert_eq!(answer["loss"]["total"], 0, "{}", answer["loss"]);

    let (found, waits) = sum(&answer, napping.pid(), "main;naps", "waits");
    assert!(waits >= 20, "{answer}");
    assert_each_took(&answer, napping.pid(), "main;naps", 50_000_000, 80_000_000);
    let stack = found[0]["stack"].as_str().expect("a stack");
    assert!(stack.contains("nanosleep") && stack.ends_with(";__schedule_[k]"), "{stack}");

    let (_, waits) = sum(&answer, reading.pid(), "main;reads", "waits");
    assert!(waits >= 5, "{answer}");
    assert_each_took(&answer, reading.pid(), "main;reads", 250_000_000, 320_000_000);

    // It waits until it is ended, which is after the run.
    let (found, nanos) = sum(&answer, locked.pid(), "main;locks", "wait_ns");
    assert_eq!(found.len(), 1, "{answer}");
    assert_eq!((&found[0]["waits"], &found[0]["still_waiting"]), (&1.into(), &1.into()));
    assert!((1_500_000_000..6_500_000_000).contains(&nanos), "{nanos}");
    assert!(found[0]["stack"].as_str().expect("a stack").contains("futex"), "{}", found[0]);

    // It never waits.
    let (found, nanos) = sum(&answer, spinning.pid(), "around", "wait_ns");
    assert!(found.is_empty(), "{nanos} {found:?}");
}

#[test]
fn short_waits_and_other_processes_are_left_out() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path());
    let napping = Busy::start(Command::new(&program).arg("nap"));
    let other = Busy::start(Command::new(&program).arg("nap"));
    let pid = napping.pid().to_string();
    let mut arguments = vec!["--mode", "off_cpu", "--duration", "3", "--pid", &pid, "--kernel-only"];
    let answer = rows::start(&host, "profile_cpu", &arguments).answer();
    let (found, waits) = sum(&answer, napping.pid(), "nanosleep", "waits");
    assert!(waits >= 20 && found.iter().all(|row| !row["stack"].to_string().contains("naps")), "{answer}");
    assert!(with(&answer, "pid", other.pid()).is_empty(), "{answer}");
    assert_eq!(found.len(), rows(&answer).len(), "{answer}");

    arguments.extend(["--min-block-us", "200000"]);
    let answer = rows::start(&host, "profile_cpu", &arguments).answer();
    assert!(rows(&answer).is_empty(), "{answer}");
}

#[test]
fn rows_make_folded_stacks_and_a_flame_graph() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let spinning = Busy::start(Command::new(program(folder.path())).arg("spin"));
    let pid = spinning.pid().to_string();
    let run = ["run", "profile_cpu", "--pid", &pid, "--duration", "2", "-q", "-o"];
    let folded = host.ok(&[&run[..], &["folded"]].concat());
    let line = folded.lines().find(|line| line.contains("main;around;innermost")).expect("a line");
    let (stack, samples) = line.rsplit_once(' ').expect("a count");
    assert!(stack.starts_with("busy;") && samples.parse::<u64>().expect("a number") > 10, "{line}");

    let svg = host.ok(&[&run[..], &["svg"]].concat());
    assert!(svg.contains("<title>innermost ("), "{svg}");
    let file = folder.path().join("it.svg");
    std::fs::write(&file, &svg).expect("a file");
    let check = "import sys, xml.dom.minidom as m; print(m.parse(sys.argv[1]).documentElement.tagName)";
    let parsed = Command::new(python()).args(["-c", check]).arg(&file).output().expect("Python starts");
    assert_eq!(String::from_utf8_lossy(&parsed.stdout).trim(), "svg", "{svg}");

    let error = host.fails(&["run", "trace_exec", "--duration", "1", "-o", "svg"]);
    assert!(error.contains("`trace_exec` has no stacks to draw") && error.contains("profile_cpu"), "{error}");
    let error = host.fails(&["run", "profile_cpu", "--duration", "1", "--group-by", "comm", "-o", "folded"]);
    assert!(error.contains("--group-by"), "{error}");
}
