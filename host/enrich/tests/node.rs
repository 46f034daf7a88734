//! A node made of files: what no machine at hand has (containerd, other users' runtimes), and what a lookup costs.

use std::{
    hint::black_box,
    os::unix::fs::symlink,
    path::PathBuf,
    time::{Duration, Instant},
};

use gadgetry_enrich::{Config, Containers, Origin, Runtime};

const HOST: u32 = 4_026_531_841;
const ID: &str = "3f4e6c1d2b5a79880f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778";

struct Node {
    dir: tempfile::TempDir,
}

impl Node {
    fn new() -> Self {
        let node = Self { dir: tempfile::tempdir().unwrap() };
        for folder in ["run", "proc", "sys/fs/cgroup"] {
            std::fs::create_dir_all(node.path(folder)).unwrap();
        }
        node.write("sys/fs/cgroup/cgroup.controllers", "");
        node.process(1, HOST, "/init.scope", "0 0 4294967295");
        node
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // As runtimes do: nobody sees half a file.
        let new = path.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    fn process(&self, pid: u32, mntns: u32, cgroup: &str, uid_map: &str) {
        self.write(&format!("proc/{pid}/stat"), &format!("{pid} (p) S 1{} {pid}00 0", " 0".repeat(17)));
        self.write(&format!("proc/{pid}/cgroup"), &format!("0::{cgroup}\n"));
        self.write(&format!("proc/{pid}/uid_map"), uid_map);
        std::fs::create_dir_all(self.path(&format!("proc/{pid}/ns"))).unwrap();
        symlink(format!("mnt:[{mntns}]"), self.path(&format!("proc/{pid}/ns/mnt"))).unwrap();
    }

    fn crun(&self, dir: &str, pid: u32) {
        let status =
            format!(r#"{{"pid": {pid}, "process-start-time": {pid}00, "cgroup-path": "", "bundle": "/b"}}"#);
        self.write(&format!("{dir}/status"), &status);
    }

    fn containers(&self) -> Containers {
        Containers::new(Config::below(self.dir.path()))
    }
}

fn event(pid: u32, mntns: u32) -> Origin {
    Origin { mntns, pid, ppid: 1, cgroup: 1, timestamp: boot_time() }
}

fn boot_time() -> u64 {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    (uptime.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e9) as u64
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within 10 s");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn every_runtime_that_comes_is_seen_and_its_folders_may_come_later() {
    let node = Node::new();
    let containers = node.containers();
    assert_eq!(containers.host_mntns(), Some(HOST));
    assert!(containers.list().is_empty());
    let places = [
        ("run/runc/web", "web", Runtime::Runc),
        ("run/crun/web", "web", Runtime::Crun),
        ("run/docker/runtime-runc/moby/0a", "0a", Runtime::Docker),
        ("run/containerd/runc/k8s.io/0b", "0b", Runtime::Containerd),
    ];
    for (at, (dir, id, runtime)) in (0..).zip(places) {
        let (pid, mntns) = (100 + at, 5000 + at);
        node.process(pid, mntns, "/", "0 0 4294967295");
        node.crun(dir, pid);
        until(dir, || containers.list().iter().any(|it| it.id == id && it.runtime == runtime));
        let mut lookup = containers.lookup();
        // A process that is no longer there.
        assert_eq!(lookup.find(event(9999, mntns)).unwrap().runtime, runtime);
    }
    std::fs::remove_dir_all(node.path("run/runc/web")).unwrap();
    until("its end", || !containers.list().iter().any(|it| it.runtime == Runtime::Runc));
}

#[test]
fn a_user_cannot_claim_what_is_not_theirs() {
    let node = Node::new();
    // The file system's owner of everything here is who runs the test; the folder says whose runtime it is.
    let uid = std::os::unix::fs::MetadataExt::uid(&node.path("run").metadata().unwrap());
    node.process(50, 5000, "/", "0 0 4294967295");
    node.process(51, 5001, "/", &format!("0 {uid} 1\n1 100000 65536"));
    node.crun(&format!("run/user/{uid}/crun/claimed"), 50);
    node.crun(&format!("run/user/{uid}/crun/own"), 51);
    node.crun(&format!("run/user/{}/crun/forged", uid + 1), 51);
    let containers = node.containers();
    let ids: Vec<String> = containers.list().iter().map(|it| it.id.clone()).collect();
    assert_eq!(ids, ["own"]);
    assert!(containers.lookup().find(event(50, 5000)).is_none());
}

#[test]
fn cgroups_tell_where_no_state_is() {
    let node = Node::new();
    let scope = format!("kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope");
    let spec = r#"{"annotations":{"io.kubernetes.cri.container-name":"web","io.kubernetes.cri.sandbox-name":"web-0",
        "io.kubernetes.cri.sandbox-namespace":"shop"}}"#;
    node.write(&format!("run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json"), spec);
    let containers = node.containers();
    std::fs::create_dir_all(node.path("sys/fs/cgroup").join(&scope)).unwrap();
    until("the cgroup", || containers.list().len() == 1);
    let container = containers.list().remove(0);
    assert_eq!(
        container.json(),
        r#"{"id":"3f4e6c1d2b5a","name":"web","runtime":"containerd","pod":"web-0","namespace":"shop"}"#
    );

    // By the cgroup's id alone, then by the mount namespace it taught.
    let id =
        std::os::unix::fs::MetadataExt::ino(&node.path("sys/fs/cgroup").join(&scope).metadata().unwrap());
    let mut lookup = containers.lookup();
    assert!(lookup.find(event(7, 5000)).is_none());
    assert!(lookup.find(Origin { cgroup: id, ..event(7, 5000) }).is_some());
    assert!(lookup.find(event(7, 5000)).is_some());

    // Through /proc: a path below the container's.
    node.process(60, 6000, &format!("/{scope}/init.scope"), "0 0 4294967295");
    containers.seen(60, 6000, 0);
    assert_eq!(lookup.find(event(61, 6000)).unwrap().id, ID);
    // Not while the process is another's by now.
    assert!(lookup.find(event(60, 6001)).is_none());

    std::fs::remove_dir(node.path("sys/fs/cgroup").join(&scope)).unwrap();
    until("its end", || containers.list().is_empty());
}

#[test]
fn a_lookup_costs_nothing_to_speak_of() {
    let node = Node::new();
    for pid in 100..132 {
        node.process(pid, 5000 + pid, "/", "0 0 4294967295");
        node.crun(&format!("run/crun/c{pid}"), pid);
    }
    let containers = node.containers();
    let mut lookup = containers.lookup();
    let mut cost = |what: &str, events: &[Origin], wanted: bool| {
        assert!(events.iter().all(|event| lookup.find(*event).is_some() == wanted));
        let turns = 200_000;
        let start = Instant::now();
        for _ in 0..turns {
            for event in events {
                black_box(lookup.find(*black_box(event)));
            }
        }
        let nanoseconds = start.elapsed().as_nanos() as f64 / (turns * events.len()) as f64;
        println!("{what}: {nanoseconds:.1} ns");
        // Far above what it takes, far below what a lock, an allocation or a system call would on a busy machine.
        assert!(nanoseconds < 500.0, "{what}: {nanoseconds} ns");
    };
    let one = event(100, 5100);
    cost("on the host", &[event(1, HOST)], false);
    cost("in one container", &[one], true);
    let all: Vec<Origin> = (100..132).map(|pid| event(pid, 5000 + pid)).collect();
    cost("in 32 containers in turn", &all, true);
    cost(
        "in a namespace of no container",
        &[Origin { timestamp: one.timestamp, ..event(9999, 4999) }],
        false,
    );
}
