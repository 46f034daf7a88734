//! The thread that hears of containers before their first event is read: inotify on the runtimes' state folders and
//! on the cgroup tree, pidfds for ends, and a check now and then for what neither tells.

use std::{
    collections::HashMap,
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use rustix::{
    buffer::spare_capacity,
    event::{EventfdFlags, Timespec, epoll, eventfd},
    fs::inotify::{self, ReadFlags, WatchFlags},
    io::Errno,
};

use crate::{
    Config, cgroup,
    priority::Priority,
    proc::now,
    resolve::{Node, key},
    roots::{self, Entry, StateDir, Step},
    state::is_state_file,
    table::SECOND,
};

/// Folders of the cgroup tree that are watched; the kernel grants a user some thousands by default.
const CGROUP_WATCHES: usize = 2048;
/// State folders and what leads to them.
const STATE_WATCHES: usize = 4096;
/// Every so often state folders are read again: a file system may have been mounted over a watched one.
const RESCAN_CHECKS: u32 = 15;

const INOTIFY: u64 = 0;
const STOP: u64 = 1;

/// What an inotify watch is for.
enum Watch {
    /// A folder on the way to containers' folders, or of them.
    Level { path: PathBuf, steps: Vec<Step> },
    /// A container's folder whose state file is not complete.
    State(StateDir),
    /// A cgroup that is no container's.
    Cgroup(PathBuf),
}

/// Ends the thread.
pub(crate) struct Stop(OwnedFd);

impl Stop {
    /// Asks the thread to end.
    pub(crate) fn stop(&self) {
        // An eventfd takes eight bytes at any time, unless its counter is full: then it is set already.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

/// The thread's own.
pub(crate) struct Watcher {
    node: Arc<Node>,
    epoll: OwnedFd,
    inotify: OwnedFd,
    watches: HashMap<i32, Watch>,
    cgroups: usize,
}

impl Watcher {
    /// Finds what there is, then watches in a thread of its own. The node is filled when this returns.
    pub(crate) fn start(config: Config) -> io::Result<(Arc<Node>, Stop, JoinHandle<()>)> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let inotify = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        let add = |fd: &OwnedFd, data| {
            epoll::add(&epoll, fd, epoll::EventData::new_u64(data), epoll::EventFlags::IN)
        };
        add(&inotify, INOTIFY)?;
        add(&stop, STOP)?;
        let node = Arc::new(Node::new(config, Some(epoll.try_clone()?)));
        let ours = stop.try_clone()?;
        let mut watcher = Self { node: node.clone(), epoll, inotify, watches: HashMap::new(), cgroups: 0 };
        watcher.rescan();
        if let Some(mount) = node.config.cgroup.clone() {
            watcher.cgroups(&mount);
        }
        node.look_at_all();
        let thread = std::thread::Builder::new().name("containers".into()).spawn(move || {
            let _stop = ours;
            watcher.run();
        })?;
        Ok((node, Stop(stop), thread))
    }

    fn run(mut self) {
        let mut priority = Priority::raise();
        let interval = Timespec { tv_sec: 1, tv_nsec: 0 };
        let mut events = Vec::with_capacity(64);
        let (mut checked, mut checks) = (now(), 0);
        loop {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&interval)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "containers are no longer watched");
                    return;
                }
            }
            priority.keep_to_budget();
            let time = now();
            for event in events.drain(..) {
                match event.data.u64() {
                    INOTIFY => self.read(),
                    STOP => return,
                    exit => self.node.with(|table| table.exited(exit, time)),
                }
            }
            if time.saturating_sub(checked) >= SECOND {
                self.node.check();
                checks += 1;
                if checks % RESCAN_CHECKS == 0 {
                    self.rescan();
                }
                checked = now();
            }
        }
    }

    fn rescan(&mut self) {
        let root = self.node.config.root.clone();
        Step::all().for_each(|step| self.level(&root, step));
    }

    /// Goes on from a folder: watches it and all below that lead to containers, and reads those.
    fn level(&mut self, dir: &Path, step: Step) {
        let node = self.node.clone();
        let mut found = Vec::new();
        roots::walk(&node.config, dir, step, &mut |dir, step| self.watch_level(dir, step), &mut |dir| {
            found.push(dir)
        });
        found.into_iter().for_each(|dir| self.container(dir));
    }

    fn watch_level(&mut self, path: &Path, step: Step) {
        let flags = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE | WatchFlags::ONLYDIR;
        let Some(wd) = self.add(path, flags, STATE_WATCHES) else { return };
        match self.watches.get_mut(&wd) {
            Some(Watch::Level { steps, .. }) if steps.contains(&step) => {}
            Some(Watch::Level { steps, .. }) => steps.push(step),
            _ => {
                self.watches.insert(wd, Watch::Level { path: path.to_owned(), steps: vec![step] });
            }
        }
    }

    /// Reads a container's state, now or when it is written.
    fn container(&mut self, dir: StateDir) {
        if self.node.with(|table| table.is_complete(&key(&dir))) || self.node.state_dir(&dir) {
            return;
        }
        let flags = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        let Some(wd) = self.add(&dir.path, flags, STATE_WATCHES) else { return };
        // It may have been written before the watch was there.
        if self.node.state_dir(&dir) {
            self.remove(wd);
        } else {
            self.watches.insert(wd, Watch::State(dir));
        }
    }

    /// The container without state yet that a cgroup of this name is for. Both runtimes make its folder first.
    fn awaited(&self, cgroup: &str) -> Option<StateDir> {
        let id = cgroup::component(&[], cgroup)?.id;
        self.watches.values().find_map(|watch| match watch {
            // A user's runtime has no say in what the node's cgroups are called.
            Watch::State(dir) if dir.id == id && dir.owner.is_none() => Some(dir.clone()),
            _ => None,
        })
    }

    /// Looks at the cgroup tree from `dir` on, and watches what is no container's.
    fn cgroups(&mut self, dir: &Path) {
        let node = self.node.clone();
        node.walk_cgroups(dir, &mut |dir| {
            if self.cgroups >= CGROUP_WATCHES {
                return;
            }
            let flags = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::ONLYDIR;
            if let Some(wd) = self.add(dir, flags, usize::MAX)
                && self.watches.insert(wd, Watch::Cgroup(dir.to_owned())).is_none()
            {
                self.cgroups += 1;
            }
        });
    }

    fn add(&self, path: &Path, flags: WatchFlags, cap: usize) -> Option<i32> {
        if self.watches.len() - self.cgroups >= cap {
            return None;
        }
        match inotify::add_watch(&self.inotify, path, flags | WatchFlags::DONT_FOLLOW) {
            Ok(wd) => Some(wd),
            Err(Errno::NOENT | Errno::NOTDIR) => None,
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "not watched");
                None
            }
        }
    }

    fn remove(&mut self, wd: i32) {
        // It is gone already if its folder is.
        let _ = inotify::remove_watch(&self.inotify, wd);
        self.forget(wd);
    }

    fn forget(&mut self, wd: i32) {
        if let Some(Watch::Cgroup(_)) = self.watches.remove(&wd) {
            self.cgroups -= 1;
        }
    }

    /// Takes all that inotify has.
    fn read(&mut self) {
        let Ok(inotify) = self.inotify.try_clone() else { return };
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = inotify::Reader::new(inotify.as_fd(), &mut buffer);
        loop {
            let Ok(event) = reader.next() else { return };
            let (wd, flags) = (event.wd(), event.events());
            let name = event.file_name().and_then(|name| name.to_str().ok()).unwrap_or_default().to_owned();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                tracing::warn!("containers came and went too fast for inotify: looking at all of them");
                self.rescan();
                if let Some(mount) = self.node.config.cgroup.clone() {
                    self.cgroups(&mount);
                }
            } else if flags.contains(ReadFlags::IGNORED) {
                self.forget(wd);
            } else {
                self.entry(wd, &name, flags);
            }
        }
    }

    /// Something happened to `name` in a watched folder.
    fn entry(&mut self, wd: i32, name: &str, flags: ReadFlags) {
        let is_folder = flags.contains(ReadFlags::ISDIR);
        let is_gone = flags.contains(ReadFlags::DELETE);
        match self.watches.get(&wd) {
            Some(Watch::Level { path, steps }) if is_folder => {
                let path = path.join(name);
                for step in steps.clone() {
                    match step.entry(name) {
                        Some(Entry::Folder(next)) if !is_gone => self.level(&path, next),
                        Some(Entry::Container) => {
                            let dir = StateDir::new(&self.node.config, name, path.clone(), step);
                            if is_gone {
                                self.node.with(|table| table.retire_key(&key(&dir), now()));
                            } else {
                                self.container(dir);
                            }
                        }
                        _ => {}
                    }
                }
            }
            Some(Watch::State(dir)) if is_state_file(name) => {
                let dir = dir.clone();
                if self.node.state_dir(&dir) {
                    self.remove(wd);
                }
            }
            Some(Watch::Cgroup(path)) if is_folder => {
                let path = path.join(name);
                if is_gone {
                    let id = Node::container_of_cgroup(name);
                    id.into_iter().for_each(|id| self.node.with(|table| table.retire_key(id, now())));
                } else if !self.node.cgroup_dir(&path) {
                    match self.awaited(name) {
                        Some(dir) => self.node.expected(&dir, path),
                        None => self.cgroups(&path),
                    }
                }
            }
            _ => {}
        }
    }
}
