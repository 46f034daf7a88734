//! Sightings of containers: from a state folder, a cgroup, a process. Here files are read and the table is told;
//! never with its lock held.

use std::{
    collections::BTreeSet,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use rustix::{
    event::epoll,
    process::{Pid, PidfdFlags, pidfd_open},
};

use crate::{
    Config, Origin,
    cgroup::{self, is_hash},
    container::Details,
    entry::{Exit, Found, Live, Process, Sighting, Slot},
    files,
    lookup::Answer,
    metadata, mounts,
    proc::{Cgroups, Proc, now},
    roots::{self, StateDir, Step},
    state::{self, State},
    table::{SECOND, Table},
};

/// A state file of a process already gone is of use if the process was there a moment ago.
const FRESH: Duration = Duration::from_secs(2);
/// How long "in no container" holds for a mount namespace whose process was looked at.
const NOTHING: u64 = 2 * SECOND;
/// As [`NOTHING`], when the process was gone.
const NOTHING_GONE: u64 = SECOND / 5;
/// State folders are read anew for an unknown mount namespace at most so often.
const RESCAN: u64 = SECOND / 20;
/// A container known by neither process nor cgroup folder is dropped when unheard of for so long.
const UNHEARD: u64 = 120 * SECOND;
/// Descriptors spent on processes' ends; beyond, ends are found by the periodic check.
const WATCHED_EXITS: usize = 512;
/// Numbers below are the watcher's own.
const FIRST_EXIT: u64 = 2;
/// Depth of the cgroup tree, and folders of it, that are looked at.
const CGROUP_DEPTH: usize = 12;

/// What the threads share.
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) proc: Proc,
    /// The mount namespace of the node's own processes; `u32::MAX` if it can't be told.
    pub(crate) host: u32,
    pub(crate) generation: AtomicU64,
    /// Where ends of processes are waited for; `None` if pids in `proc` are not those of system calls.
    pub(crate) exits: Option<OwnedFd>,
    last_exit: AtomicU64,
    /// One count for each end that is waited for.
    exit_permits: Arc<()>,
    last_scan: AtomicU64,
    table: Mutex<Table>,
}

/// What `/proc` told of an unknown mount namespace.
enum Looked {
    In(Slot),
    InNone,
    Gone,
}

impl Node {
    pub(crate) fn new(config: Config, exits: Option<OwnedFd>) -> Self {
        let proc = Proc(config.proc.clone());
        // The first process's namespace may not be readable; then our own is the host's, if we are in no container.
        let host = proc.mntns(1).or_else(|| {
            let own = proc.cgroups(std::process::id())?;
            let contained = own.paths().flat_map(cgroup::candidates).any(|named| named.sure);
            if contained { None } else { proc.mntns_of("self") }
        });
        Self {
            exits: exits.filter(|_| proc.is_ours()),
            proc,
            host: host.unwrap_or(u32::MAX),
            generation: AtomicU64::new(1),
            last_exit: AtomicU64::new(FIRST_EXIT),
            exit_permits: Arc::default(),
            last_scan: AtomicU64::new(0),
            table: Mutex::default(),
            config,
        }
    }

    /// Works on the table; readers' answers are void afterwards if it changed.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Table) -> T) -> T {
        let mut table: MutexGuard<'_, Table> = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut table);
        if table.take_changed() {
            self.generation.fetch_add(1, Ordering::Release);
        }
        result
    }

    /// An answer for an event that a reader has none for.
    pub(crate) fn ask(&self, origin: Origin) -> Answer {
        let mut stale = None;
        match self.with(|table| table.find(&origin)) {
            Found::Stale { slot, container } => stale = Some((slot, container)),
            Found::Unknown => {}
            found => return answer(origin, found),
        }
        let looked = self.look(origin.pid, origin.mntns);
        match (&looked, stale) {
            (Looked::In(slot), _) => self.with(|table| table.learn(*slot, origin.mntns, origin.timestamp)),
            // What was true for the process's relatives is the best there is.
            (Looked::Gone, Some((slot, _))) => {
                self.with(|table| table.learn(slot, origin.mntns, origin.timestamp))
            }
            // Perhaps the watcher did not get round to it yet.
            _ => self.scan(RESCAN),
        }
        self.with(|table| match table.find(&origin) {
            Found::Stale { .. } | Found::Unknown => {
                let expires = match looked {
                    Looked::Gone => {
                        table.unresolved += 1;
                        origin.timestamp.saturating_add(NOTHING_GONE)
                    }
                    _ => origin.timestamp.saturating_add(NOTHING),
                };
                table.nothing(&origin, expires);
                answer(origin, Found::Nothing { expires })
            }
            found => answer(origin, found),
        })
    }

    /// Reads every state folder written since this was last done, unless that was less than `interval` ago.
    pub(crate) fn scan(&self, interval: u64) {
        let (time, last) = (now(), self.last_scan.load(Ordering::Relaxed));
        let due = last == 0 || time.saturating_sub(last) >= interval;
        if !due || self.last_scan.compare_exchange(last, time, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        let since = match last {
            0 => SystemTime::UNIX_EPOCH,
            last => SystemTime::now() - Duration::from_nanos(time.saturating_sub(last)) - FRESH,
        };
        for step in Step::all() {
            let mut found = |dir: StateDir| {
                if written_since(&dir, since) && !self.with(|table| table.is_complete(&key(&dir))) {
                    self.state_dir(&dir);
                }
            };
            roots::walk(&self.config, &self.config.root, step, &mut |_, _| {}, &mut found);
        }
    }

    /// Reads a state folder. `false` while its file is not complete.
    pub(crate) fn state_dir(&self, dir: &StateDir) -> bool {
        let Some(state) = State::read(dir) else { return false };
        // The race is won from here: namespace and process are taken before anything else is read.
        let exit = self.watch_exit(state.pid);
        let mntns = self.proc.mntns(state.pid);
        let start_time = self.proc.start_time(state.pid);
        let same = state.start_time == 0 || start_time == Some(state.start_time);
        let mntns = mntns.filter(|_| same);
        let gone = mntns.is_none();
        if gone && (dir.owner.is_some() || !written_since(dir, SystemTime::now() - FRESH)) {
            return true;
        }
        if dir.owner.is_some_and(|uid| !self.proc.maps_user(state.pid, uid)) {
            tracing::warn!(state = %dir.path.display(), pid = state.pid, "state names a process of another user");
            return true;
        }
        let bundle = state.bundle.as_deref().and_then(|path| self.config.host_path(path));
        let bundle = bundle.as_deref().unwrap_or(&dir.path);
        let runtime = dir.step.pattern().runtime;
        let mut details =
            metadata::of_bundle(&self.config, &dir.id, runtime, Some(bundle), state.spec, dir.owner);
        details.created = details.created.or(state.created);
        let cgroup = self.cgroup_of(dir, state.pid, gone, state.cgroup.as_deref());
        let sighting = Sighting {
            key: key(dir),
            details,
            process: Some(Process {
                pid: state.pid,
                start_time: start_time.filter(|_| same).unwrap_or(state.start_time),
                exit: exit.filter(|_| !gone),
            }),
            gone,
            // Not in its own yet, or never: a container may share the node's.
            mntns: mntns.filter(|mntns| *mntns != self.host),
            cgroup: cgroup.as_deref().and_then(cgroup_id),
            cgroup_dir: cgroup,
        };
        self.with(|table| table.sight(sighting, now()));
        true
    }

    /// The cgroup `path` was made for the container in `dir`, whose state is not written yet: from here on its events
    /// can be told, whatever becomes of its process.
    pub(crate) fn expected(&self, dir: &StateDir, path: PathBuf) {
        let sighting = Sighting {
            key: key(dir),
            details: Details::new(&dir.id, dir.step.pattern().runtime),
            process: None,
            gone: false,
            mntns: None,
            cgroup: cgroup_id(&path),
            cgroup_dir: Some(path),
        };
        self.with(|table| table.sight(sighting, now()));
    }

    /// The container's own v2 cgroup. A process may have been left in its caller's, which is no container's: the
    /// path has to name the container, or be what the runtime says it made.
    fn cgroup_of(&self, dir: &StateDir, pid: u32, gone: bool, stated: Option<&str>) -> Option<PathBuf> {
        let stated = stated.filter(|_| dir.owner.is_none()).and_then(|path| self.config.cgroup_dir(path));
        let stated = stated.filter(|path| Some(path) != self.config.cgroup.as_ref());
        let real = if gone { None } else { self.proc.cgroups(pid).and_then(|cgroups| cgroups.unified) };
        let named = real.filter(|path| cgroup::candidates(path).any(|named| named.id == dir.id));
        named.and_then(|path| self.config.cgroup_dir(&path)).or(stated)
    }

    /// Looks at a cgroup's folder: whether it is a container's.
    pub(crate) fn cgroup_dir(&self, dir: &Path) -> bool {
        let Some(path) = self.config.cgroup.as_ref().and_then(|mount| dir.strip_prefix(mount).ok()) else {
            return false;
        };
        let Some(name) = dir.file_name().and_then(|name| name.to_str()) else { return false };
        let parents: Vec<&str> =
            path.parent().into_iter().flatten().filter_map(|part| part.to_str()).collect();
        let Some(named) = cgroup::component(&parents, name).filter(|named| named.sure) else { return false };
        self.sight_cgroup(named, Some(dir.to_owned()));
        true
    }

    /// The id of the container that a cgroup's folder is named after.
    pub(crate) fn container_of_cgroup(name: &str) -> Option<&str> {
        cgroup::component(&[], name).filter(|named| named.sure).map(|named| named.id)
    }

    fn sight_cgroup(&self, named: cgroup::Named<'_>, dir: Option<PathBuf>) -> Slot {
        let (known, complete) = self.with(|table| (table.live(named.id), table.is_complete(named.id)));
        let details = match known {
            Some(_) => Details::new(named.id, named.runtime),
            None => metadata::of_id(&self.config, named.id, named.runtime),
        };
        let own = dir.as_deref().filter(|_| !complete);
        let (process, mntns) = own.and_then(|dir| self.first_process(dir)).unzip();
        let sighting = Sighting {
            key: named.id.to_owned(),
            details,
            process,
            gone: false,
            mntns,
            cgroup: dir.as_deref().and_then(cgroup_id),
            cgroup_dir: dir,
        };
        self.with(|table| table.sight(sighting, now()))
    }

    /// A cgroup's first process that has left the node's mount namespace. `container` is where some runtimes put
    /// the container's processes, below its cgroup.
    fn first_process(&self, dir: &Path) -> Option<(Process, u32)> {
        let pid = [dir.join("cgroup.procs"), dir.join("container/cgroup.procs")]
            .iter()
            .find_map(|file| files::read_text(file, 1 << 20)?.lines().next()?.parse().ok())?;
        let exit = self.watch_exit(pid);
        let mntns = self.proc.mntns(pid).filter(|mntns| *mntns != self.host)?;
        Some((Process { pid, start_time: self.proc.start_time(pid)?, exit }, mntns))
    }

    /// Walks the cgroup tree from `dir`, telling of every folder that is not in a container, before it is read.
    pub(crate) fn walk_cgroups(&self, dir: &Path, on_folder: &mut dyn FnMut(&Path)) {
        let depth = |dir: &Path| dir.components().count();
        let deepest = self.config.cgroup.as_deref().map_or(0, depth) + CGROUP_DEPTH;
        on_folder(dir);
        for (_, path) in files::folders(dir, 8192) {
            if !self.cgroup_dir(&path) && depth(&path) < deepest {
                self.walk_cgroups(&path, on_folder);
            }
        }
    }

    /// Looks at every process, once per mount namespace: containers that were there before us.
    pub(crate) fn look_at_all(&self) {
        let mut seen = BTreeSet::from([self.host]);
        for pid in self.proc.pids() {
            let Some(mntns) = self.proc.mntns(pid).filter(|mntns| seen.insert(*mntns)) else { continue };
            self.seen(pid, mntns, 0);
        }
    }

    /// A process in a mount namespace: makes its container known, if it has one.
    pub(crate) fn seen(&self, pid: u32, mntns: u32, cgroup: u64) {
        if mntns != self.host {
            self.ask(Origin { mntns, pid, ppid: 0, cgroup, timestamp: now() });
        }
    }

    /// Which container a process is in, by `/proc`.
    fn look(&self, pid: u32, mntns: u32) -> Looked {
        let is_there = || pid != 0 && (mntns == 0 || self.proc.mntns(pid) == Some(mntns));
        if !is_there() {
            return Looked::Gone;
        }
        let cgroups = self.proc.cgroups(pid).unwrap_or_default();
        let mounts = self.proc.mountinfo(pid).unwrap_or_default();
        // Unless it is still there, all this was of another process with its number.
        if !is_there() {
            return Looked::Gone;
        }
        if let Some(slot) = self.by_cgroups(&cgroups) {
            return Looked::In(slot);
        }
        match mounts::container(&mounts) {
            Some(named) => Looked::In(self.sight_cgroup(named, None)),
            None => Looked::InNone,
        }
    }

    fn by_cgroups(&self, cgroups: &Cgroups) -> Option<Slot> {
        for path in cgroups.paths() {
            for named in cgroup::candidates(path) {
                if named.sure {
                    let end = path.rfind(named.id)? + named.id.len();
                    let end = path[end..].find('/').map_or(path.len(), |rest| end + rest);
                    let unified = cgroups.unified.as_deref() == Some(path);
                    let dir = unified.then(|| self.config.cgroup_dir(&path[..end])).flatten();
                    return Some(self.sight_cgroup(named, dir.filter(|dir| dir.is_dir())));
                }
                if let Some(slot) = self.with(|table| table.live_by_id(named.id)) {
                    return Some(slot);
                }
            }
        }
        None
    }

    /// The periodic check: ends that nothing told of, first processes that were not known yet.
    pub(crate) fn check(&self) {
        for live in self.with(|table| table.lives()) {
            let Live { slot, pid, start_time, watched, has_mntns, cgroup_dir, seen } = live;
            let ended = match (pid, &cgroup_dir) {
                (Some(pid), _) if !watched => self.proc.start_time(pid) != Some(start_time),
                (Some(_), _) => false,
                (None, Some(dir)) => !dir.is_dir(),
                (None, None) => now().saturating_sub(seen) > UNHEARD,
            };
            if ended {
                self.with(|table| table.retire(slot, now()));
                continue;
            }
            match (pid, &cgroup_dir) {
                (Some(pid), _) if !has_mntns => {
                    if let Some(mntns) = self.proc.mntns(pid).filter(|mntns| *mntns != self.host) {
                        self.with(|table| table.learn(slot, mntns, now()));
                    }
                }
                (None, Some(dir)) => {
                    self.cgroup_dir(dir);
                }
                _ => {}
            }
        }
        self.with(|table| table.sweep(now()));
    }

    fn watch_exit(&self, pid: u32) -> Option<Exit> {
        let epoll = self.exits.as_ref().filter(|_| Arc::strong_count(&self.exit_permits) <= WATCHED_EXITS)?;
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let number = self.last_exit.fetch_add(1, Ordering::Relaxed);
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        epoll::add(epoll, &pidfd, epoll::EventData::new_u64(number), epoll::EventFlags::IN).ok()?;
        Some(Exit { number, _pidfd: pidfd, _permit: self.exit_permits.clone() })
    }
}

fn answer(origin: Origin, found: Found) -> Answer {
    let Origin { mntns, cgroup, .. } = origin;
    match found {
        Found::Container { container, from, expires } => {
            Answer { container: Some(container), mntns, cgroup, from, expires }
        }
        Found::Nothing { expires } => Answer { container: None, mntns, cgroup, from: 0, expires },
        Found::Stale { .. } | Found::Unknown => {
            Answer { container: None, mntns, cgroup, from: origin.timestamp, expires: origin.timestamp }
        }
    }
}

/// The container's identity on this node.
pub(crate) fn key(dir: &StateDir) -> String {
    if is_hash(&dir.id) { dir.id.clone() } else { dir.path.to_string_lossy().into_owned() }
}

fn written_since(dir: &StateDir, time: SystemTime) -> bool {
    state::modified(dir).is_some_and(|modified| modified >= time)
}

/// A v2 cgroup's id is its folder's inode number.
fn cgroup_id(dir: &Path) -> Option<u64> {
    Some(std::fs::metadata(dir).ok()?.ino())
}
