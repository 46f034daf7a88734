//! Probes of functions, in whatever files processes run: those that run before, and those that start meanwhile.

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::{KERNEL, compile, drain, gone_within, hook, ids, loaded, settings, u32_at};
use gadgetry_kernel::{Attached, Prepared, Reader};

/// Bytes of the common header.
const HEADER: usize = 72;

/// Calls both functions for each line it reads, and says so.
const PROGRAM: &str = r#"
#include <stdio.h>
__attribute__((noinline)) int gadgetry_test_one(int n) { __asm__ volatile(""); return n + 1; }
__attribute__((noinline)) int gadgetry_test_two(int n) { __asm__ volatile(""); return n + 2; }
int main(void)
{
	for (int c; (c = getchar()) != EOF;)
		if (c == '\n') {
			printf("%d\n", gadgetry_test_two(gadgetry_test_one(0)));
			fflush(stdout);
		}
}
"#;

/// A program of its own: with the device and inode of one that another test has, it would be taken for that.
fn build(folder: &Path) -> PathBuf {
    let (source, program) = (folder.join("program.c"), folder.join("program"));
    std::fs::write(&source, PROGRAM).unwrap();
    assert!(Command::new("gcc").arg(source).arg("-o").arg(&program).status().unwrap().success());
    program
}

struct Running(Child);

impl Running {
    fn start(program: &Path) -> Self {
        Self(Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn call(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "3\n");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn prepared() -> Prepared {
    KERNEL.prepare(&compile("uprobe", &[]), &[hook("entry", &["entry"]), hook("leave", &["leave"])]).unwrap()
}

/// Process, function and whether it returns, of each event.
fn events(reader: &mut Reader) -> Vec<(u32, u32, u32)> {
    drain(reader).iter().map(|it| (u32_at(it, 20), u32_at(it, HEADER), u32_at(it, HEADER + 8))).collect()
}

/// Programs of all tests have the same functions, and are found in whatever process: so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until a file has probes: programs that start are looked at by a thread, as are those that run before where there
/// are many.
fn wait_for(attached: &Attached, program: &Path) {
    let start = Instant::now();
    let name = program.to_str().unwrap();
    while !attached.probed().unwrap().files.iter().any(|it| it == name) {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", attached.probed());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn functions_are_found_in_programs_that_run_and_in_those_that_start() {
    let _alone = alone();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = folders.each_ref().map(|folder| build(folder.path()));
    let mut before = Running::start(&first);
    before.call();
    let mut attached = KERNEL.attach(&prepared(), &settings()).unwrap();
    let mut reader = attached.take_reader().unwrap();
    let programs = ids(&attached);
    wait_for(&attached, &first);
    before.call();
    let pid = before.0.id();
    assert_eq!(events(&mut reader), [(pid, 0, 0), (pid, 0, 1), (pid, 1, 0), (pid, 1, 1)]);

    // The same file in another process needs nothing new; another file is found when it is run.
    let mut again = Running::start(&first);
    again.call();
    assert_eq!(events(&mut reader).len(), 4);
    let mut later = Running::start(&second);
    wait_for(&attached, &second);
    later.call();
    let pid = later.0.id();
    assert_eq!(events(&mut reader), [(pid, 0, 0), (pid, 0, 1), (pid, 1, 0), (pid, 1, 1)]);
    let probed = attached.probed().unwrap();
    assert_eq!((probed.count, probed.programs["entry"], probed.programs["leave"]), (2, 2, 2));

    attached.detach();
    assert!(gone_within(&programs, Duration::from_millis(100)), "{:?}", loaded(&programs));
    later.call();
    assert!(events(&mut reader).is_empty());
    assert_eq!(attached.probed().unwrap().count, 2);
}

#[test]
fn one_process_alone_can_be_probed() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let program = build(folder.path());
    let (mut wanted, mut other) = (Running::start(&program), Running::start(&program));
    wanted.call();
    other.call();
    let mut settings = settings();
    settings.filter.pid = Some(wanted.0.id());
    let mut attached = KERNEL.attach(&prepared(), &settings).unwrap();
    let mut reader = attached.take_reader().unwrap();
    other.call();
    assert!(events(&mut reader).is_empty());
    wanted.call();
    assert_eq!(events(&mut reader).len(), 4);
}

#[test]
fn what_is_found_nowhere_is_told() {
    let prepared = KERNEL.prepare(&compile("uprobe", &[]), &[hook("nowhere", &["nowhere"])]).unwrap();
    let attached = KERNEL.attach(&prepared, &settings()).unwrap();
    let probed = attached.probed().unwrap();
    assert_eq!(probed.count, 0);
    assert!(probed.notes[0].contains("(gadgetry_test_nowhere)"), "{:?}", probed.notes);
}
