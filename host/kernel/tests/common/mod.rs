//! Fixtures compiled from C, and events made and read on the running kernel.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use gadget_registry::descriptor::Hook;
use gadgetry_kernel::{Attached, Filter, Kernel, Reader, Settings};

/// The kernel, as the host has it: one per process.
pub(crate) static KERNEL: LazyLock<Kernel> =
    LazyLock::new(|| Kernel::new().expect("tests need root on a kernel with BTF"));

/// Compiles `tests/fixtures/<name>.bpf.c`.
pub(crate) fn compile(name: &str, flags: &[&str]) -> Vec<u8> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.bpf.c"));
    let folder = tempfile::tempdir().unwrap();
    let object = folder.path().join("object.o");
    let clang =
        ["clang-22", "clang"].into_iter().find(|it| Command::new(it).arg("--version").output().is_ok());
    let mut command = Command::new(clang.expect("the fixtures need clang"));
    command.args(["-target", "bpf", "-g", "-O2"]).args(flags).arg("-c").arg(source).arg("-o").arg(&object);
    assert!(command.status().unwrap().success());
    fs::read(object).unwrap()
}

/// A hook that must be attached.
pub(crate) fn hook(name: &str, prefer: &[&str]) -> Hook {
    let prefer = prefer.iter().map(|it| (*it).to_owned()).collect();
    Hook { name: name.into(), prefer, when: None, is: None, optional: false }
}

/// Settings for everyone's events, without parameters.
pub(crate) fn settings() -> Settings {
    Settings {
        ring_bytes: 1 << 20,
        params: serde_json::Map::new(),
        filter: Filter::default(),
        scope: None,
        exclude_self: false,
    }
}

/// Settings for the events of this thread, since other tests run at the same time.
pub(crate) fn of_this_thread() -> Settings {
    let mut settings = settings();
    settings.filter.tid = Some(tid());
    settings
}

pub(crate) fn tid() -> u32 {
    let link = fs::read_link("/proc/thread-self").unwrap();
    link.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

pub(crate) fn own_mntns() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    u32::try_from(fs::metadata("/proc/self/ns/mnt").unwrap().ino()).unwrap()
}

/// Fails to open a file that is not there, so many times.
pub(crate) fn fail_to_open(times: usize) {
    for _ in 0..times {
        assert!(fs::File::open("/there/is/no/such/file").is_err());
    }
}

/// Everything that is in the ring.
pub(crate) fn drain(reader: &mut Reader) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    reader.drain(|event| {
        events.push(event.to_vec());
        ControlFlow::Continue(())
    });
    events
}

/// A little-endian number in an event.
pub(crate) fn u32_at(event: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(event[at..at + 4].try_into().unwrap())
}

/// Waits until the kernel no longer has any of these programs.
pub(crate) fn gone_within(ids: &[u32], limit: Duration) -> bool {
    let start = Instant::now();
    loop {
        let left = loaded(ids);
        if left.is_empty() {
            return true;
        }
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Which of these programs the kernel has.
pub(crate) fn loaded(ids: &[u32]) -> Vec<u32> {
    let all = aya::programs::loaded_programs().filter_map(Result::ok).map(|it| it.id());
    all.filter(|id| ids.contains(id)).collect()
}

pub(crate) fn ids(attached: &Attached) -> Vec<u32> {
    attached.programs().iter().map(|it| it.id).collect()
}
