//! Real containers, by runc and crun, on the kernel at hand (root). What an event would carry (mount namespace,
//! cgroup, process, time) is told by the container itself, and asked for when the container is gone.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gadgetry_enrich::{Change, Config, Containers, Origin, Runtime, Selector};

const RUNTIMES: [(&str, Runtime); 2] = [("runc", Runtime::Runc), ("crun", Runtime::Crun)];

/// What stands in the header of an event that the container's process would cause.
const REPORT: &str = "readlink /proc/self/ns/mnt; cut -d' ' -f1 /proc/uptime";

/// One test at a time: the kernel gives a mount namespace's number to the next at once, and time is told here in
/// hundredths of a second only.
static TURN: Mutex<()> = Mutex::new(());

struct Bundle {
    dir: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Bundle {
    fn new(annotations: &[&str]) -> Self {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let made = Command::new(script()).arg("bundle").arg(dir.path()).args(annotations).status().unwrap();
        assert!(made.success());
        Self { dir, _turn }
    }

    fn start(&self, runtime: &str, id: &str, command: &[&str], cgroups: bool) -> Child {
        Command::new(script())
            .args(["run", runtime])
            .arg(self.dir.path())
            .arg(id)
            .args(command)
            .env("CONTAINER_CGROUPS", if cgroups { "yes" } else { "no" })
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a container to its end: the events that it would have caused. In the first, the runtime's child is
    /// about to exec; the second comes from a child of that. Neither is given a cgroup: the kernel at hand may have
    /// put the container in none of the v2 hierarchy.
    fn run(&self, runtime: &str, id: &str, cgroups: bool) -> [Origin; 2] {
        let output = self.start(runtime, id, &["sh", "-c", REPORT], cgroups).wait_with_output().unwrap();
        assert!(output.status.success(), "{runtime} {id}: {:?}", output.status);
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines = text.lines();
        let mntns = mntns(lines.next().unwrap());
        let uptime: f64 = lines.next().unwrap().parse().unwrap();
        let timestamp = (uptime * 1e9) as u64;
        let pid = std::fs::read_to_string(self.dir.path().join("bundles").join(id).join("pid")).unwrap();
        let pid = pid.trim().parse().unwrap();
        let first = Origin { mntns, pid, ppid: std::process::id(), cgroup: 0, timestamp };
        [first, Origin { pid: pid + 1, ppid: pid, ..first }]
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tools/container.sh")
}

fn mntns(link: &str) -> u32 {
    link.trim_start_matches("mnt:[").trim_end_matches(']').parse().unwrap()
}

fn own_mntns() -> u32 {
    mntns(std::fs::read_link("/proc/self/ns/mnt").unwrap().to_str().unwrap())
}

/// Ids of this test process only: several may run on one machine.
fn id(name: &str) -> String {
    format!("enrich-{name}-{}", std::process::id())
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within 10 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn now() -> u64 {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    (uptime.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e9) as u64
}

#[test]
fn containers_that_are_gone_when_their_events_are_read() {
    let containers = Containers::new(Config::local());
    assert!(containers.stats().watching);
    let bundle = Bundle::new(&["io.kubernetes.pod.name=shop-0", "io.kubernetes.pod.namespace=shop"]);
    for (runtime, kind) in RUNTIMES {
        for turn in 0..40 {
            let id = id(&format!("gone-{runtime}-{turn}"));
            let events = bundle.run(runtime, &id, turn % 2 == 0);
            // Each event by itself: the first must not teach what the second needs.
            let event = events[turn % 4 / 2];
            assert_ne!(event.mntns, own_mntns());
            let mut lookup = containers.lookup();
            let found = lookup.find(event).unwrap_or_else(|| panic!("{id} is not known"));
            assert_eq!((found.id.as_str(), found.runtime), (id.as_str(), kind));
            assert_eq!(found.pod.as_deref(), Some("shop-0"));
            assert_eq!(found.namespace.as_deref(), Some("shop"));
        }
    }
    let own = format!("-{}", std::process::id());
    let is_own = |id: &str| id.starts_with("enrich-gone-") && id.ends_with(&own);
    until("all have ended", || (!containers.list().iter().any(|it| is_own(&it.id))).then_some(()));
}

/// The hard case: the only process is `true`. A scope map in the kernel must have the mount namespace before it can
/// pass the first event, so it has to be read while the process is there. runc holds the process back until its
/// state is written; `crun run` does not, so there it can be won often, not always.
#[test]
fn containers_that_only_run_true_come_into_scope() {
    let containers = Containers::new(Config::local());
    let bundle = Bundle::new(&[]);
    for (runtime, at_least) in [("runc", 40), ("crun", 1)] {
        let seen = Arc::new(Mutex::new(HashSet::new()));
        let log = seen.clone();
        let follow = containers.follow(Selector::default(), move |change| {
            if let Change::Added { container, .. } = change {
                log.lock().unwrap().insert(container.id.clone());
            }
        });
        let turns = 50;
        let names: Vec<String> = (0..turns).map(|turn| id(&format!("true-{runtime}-{turn}"))).collect();
        for name in &names {
            let status = bundle.start(runtime, name, &["true"], true).wait().unwrap();
            assert!(status.success());
        }
        std::thread::sleep(Duration::from_millis(100));
        drop(follow);
        let seen = seen.lock().unwrap();
        let known = names.iter().filter(|name| seen.contains(*name)).count();
        println!("{runtime}: {known} of {turns} known by mount namespace");
        assert!(known >= at_least, "{runtime}: {known} of {turns}");
    }
}

#[test]
fn containers_that_were_there_before() {
    let bundle = Bundle::new(&["io.kubernetes.cri.container-name=web\u{1b}[31m"]);
    for (runtime, kind) in RUNTIMES {
        let id = id(&format!("before-{runtime}"));
        let mut child = bundle.start(runtime, &id, &["sleep", "30"], true);
        let containers = until("the container", || {
            let containers = Containers::new(Config::local());
            let known = containers.list().iter().any(|it| it.id == id && it.pid.is_some());
            known.then_some(containers)
        });
        let container = containers.list().into_iter().find(|it| it.id == id).unwrap();
        assert_eq!(container.runtime, Runtime::Containerd, "by its annotations, above {kind:?}");
        assert_eq!(container.name.as_deref(), Some("web[31m"));
        let pid = container.pid.unwrap();
        let inside = mntns(std::fs::read_link(format!("/proc/{pid}/ns/mnt")).unwrap().to_str().unwrap());
        let selector = Selector { container: Some(id.clone()), ..Selector::default() };
        assert_eq!(containers.matching(&selector), [inside]);

        // Its end is noticed by the process's, and the number means nothing afterwards.
        let before = now();
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        assert!(killed.success());
        child.wait().unwrap();
        until("its end", || containers.matching(&selector).is_empty().then_some(()));
        let mut lookup = containers.lookup();
        let mut at = |timestamp| {
            lookup.find(Origin { mntns: inside, pid: 0, ppid: 0, cgroup: 0, timestamp }).is_some()
        };
        assert!(at(before), "an event from before");
        assert!(!at(now() + 1_000_000_000), "one from after");
    }
}
