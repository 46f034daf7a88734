//! Programs attached to functions of other programs, wherever those are found.
//!
//! A section names functions, not files: `uprobe/SSL_read,SSL_write`. The host looks for them in every file that a process
//! has mapped to run code from, through `/proc/PID`, so that libraries of containers, libraries under another name,
//! programs linked statically and files that were replaced on disk are all found; once for each file, whoever runs it. The
//! kernel tells when a process maps code from a file ([`Mapped`]), so those that start, or load a library, while the run
//! lasts are looked at within milliseconds. A call that is made earlier than that, after a file is mapped for the first
//! time on this machine, is missed.
//!
//! Known by device and inode, a file that is deleted during the run and whose inode is then given to another one is not
//! told from it.
//!
//! What is not looked at, or can't be probed, is counted and told of in the [`Probed`].

mod linked;
mod report;
mod target;

use std::collections::HashSet;
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aya::Ebpf;
use aya::programs::Program;
use gadgetry_symbols::find::{self, Function, Place, Unread};
use gadgetry_symbols::maps;
use object::read::ReadCache;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

pub(crate) use linked::{Linked, linked};
pub use report::Probed;
pub(crate) use target::Target;

use crate::sys::mapped::Mapped;
use crate::sys::uprobe::{self as probe, Attachment};
use report::Report;

/// Most files that are looked at in a run.
const MAX_FILES: usize = 16_384;
/// Most places that are probed in a run; each takes two file descriptors.
const MAX_LINKS: usize = 384;
/// How long a run waits for the processes that are there when it begins; the rest are looked at while it goes on.
const AT_FIRST: Duration = Duration::from_secs(2);
/// How often all processes are looked at where the kernel does not tell of new mappings.
const EVERY: Duration = Duration::from_secs(1);
/// Threads that detach.
const DETACHING: usize = 128;
/// Their stacks, and that of the one that lets go of the breakpoints: they only close descriptors.
const STACK: usize = 64 << 10;

/// The programs of a run, which it and its probes both have to get at; `None` when they are detached.
pub(crate) type Loaded = Arc<Mutex<Option<Ebpf>>>;

/// A program, loaded, and the functions that it is for.
pub(crate) struct Probe {
    pub(crate) program: String,
    pub(crate) target: Target,
    /// The program, where it was loaded for links.
    pub(crate) linked: Option<OwnedFd>,
}

/// What is shared with the thread that looks for files. Where both are locked, it is before the programs.
struct State {
    loaded: Loaded,
    probes: Vec<Probe>,
    attached: Vec<Attachment>,
    /// Files by what the mappings call them, and by what the files themselves say.
    seen: HashSet<String>,
    opened: HashSet<(u64, u64)>,
    report: Report,
    stopped: bool,
}

/// The probes of a run.
pub(crate) struct Probes {
    state: Arc<Mutex<State>>,
    stop: Arc<OwnedFd>,
}

/// Looks for files and attaches; one for each run.
struct Seeker {
    state: Arc<Mutex<State>>,
    functions: Vec<Function>,
    /// The one process that is of interest.
    only: Option<u32>,
    event_type: u32,
    /// Why there are no links, where they were tried.
    no_links: Option<String>,
}

pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Probes {
    /// Attaches to the functions in all files that are mapped now, and goes on with those that are mapped later. `only`:
    /// in one process alone. `no_links`: why programs were not loaded for links, if that was tried.
    pub(crate) fn start(
        loaded: Loaded,
        probes: Vec<Probe>,
        only: Option<u32>,
        no_links: Option<String>,
    ) -> io::Result<Self> {
        let functions = target::all(probes.iter().map(|it| &it.target));
        let state = State {
            report: Report::new(&functions),
            loaded,
            probes,
            attached: Vec::new(),
            seen: HashSet::new(),
            opened: HashSet::new(),
            stopped: false,
        };
        let state = Arc::new(Mutex::new(state));
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let event_type = probe::event_type()?;
        let seeker = Seeker { state: Arc::clone(&state), functions, only, event_type, no_links };
        // Opened before processes are looked at, so that there is no time between the two.
        let mapped = Mapped::open();
        if let Err(error) = &mapped {
            lock(&state).report.no_news(error);
        }
        let end = Instant::now() + AT_FIRST;
        let mut processes = seeker.processes();
        while let Some(pid) = processes.pop() {
            seeker.look_at(pid);
            if Instant::now() > end {
                break;
            }
        }
        seeker.goes_on(processes.len());
        let stopped = Arc::clone(&stop);
        let follow = move || seeker.follow(mapped.ok(), processes, &stopped);
        std::thread::Builder::new().name("gadgetry-probes".into()).spawn(follow)?;
        Ok(Self { state, stop })
    }

    /// Detaches everything, and looks for nothing more. When it returns, no program is called any more; the breakpoints go
    /// away by and by.
    ///
    /// The kernel waits, for each link, until no CPU is in the program; with a thread for each these waits go on side by
    /// side.
    pub(crate) fn stop(&self) {
        let attached = {
            let mut state = lock(&self.state);
            state.stopped = true;
            state.probes.clear();
            std::mem::take(&mut state.attached)
        };
        // The counter can only be full if it was raised 2^64 - 2 times.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        let (links, events): (Vec<_>, Vec<_>) = attached.into_iter().map(|it| (it.link, it.event)).unzip();
        let mut parts: Vec<Vec<OwnedFd>> = Vec::new();
        parts.resize_with(links.len().min(DETACHING), Vec::new);
        for (at, link) in links.into_iter().enumerate() {
            let part = at % parts.len();
            parts[part].push(link);
        }
        let thread = || std::thread::Builder::new().name("gadgetry-detach".into()).stack_size(STACK);
        std::thread::scope(|scope| {
            for part in parts {
                // Where no thread can be started, the part is dropped here.
                drop(thread().spawn_scoped(scope, move || drop(part)));
            }
        });
        drop(thread().spawn(move || drop(events)));
    }

    /// What was looked at, so far.
    pub(crate) fn report(&self) -> Probed {
        lock(&self.state).report.told()
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Seeker {
    /// The processes that there are, the oldest last.
    fn processes(&self) -> Vec<u32> {
        if let Some(pid) = self.only {
            return vec![pid];
        }
        let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        let mut pids: Vec<u32> =
            entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        pids.sort_unstable_by(|a, b| b.cmp(a));
        pids
    }

    /// Notes how many processes are left to look at; whether to go on.
    fn goes_on(&self, left: usize) -> bool {
        let mut state = lock(&self.state);
        if !state.stopped {
            state.report.left(left);
        }
        !state.stopped
    }

    /// Looks at `left`, then at whatever is mapped, until it is stopped.
    fn follow(&self, mut mapped: Option<Mapped>, mut left: Vec<u32>, stop: &OwnedFd) {
        loop {
            while let Some(pid) = left.pop() {
                if !self.goes_on(left.len() + 1) {
                    return;
                }
                self.look_at(pid);
            }
            self.goes_on(0);
            let timeout = mapped.is_none().then_some(EVERY);
            if wait(stop, mapped.as_ref(), timeout) {
                return;
            }
            let Some(mapped) = &mut mapped else {
                left = self.processes();
                continue;
            };
            let mut news = HashSet::new();
            let state = lock(&self.state);
            let lost = mapped.read(|pid, file| {
                if !state.seen.contains(file) {
                    news.insert(pid);
                }
            });
            drop(state);
            left = if lost {
                self.processes()
            } else {
                news.into_iter().filter(|pid| self.only.is_none_or(|it| it == *pid)).collect()
            };
        }
    }

    /// Looks at the files that a process runs code from.
    fn look_at(&self, pid: u32) {
        if pid == std::process::id() {
            return;
        }
        for mapping in maps::of_process(pid) {
            let Some(id) = &mapping.file else { continue };
            {
                let mut state = lock(&self.state);
                if state.stopped {
                    return;
                }
                if state.seen.contains(id) {
                    continue;
                }
                if state.seen.len() >= MAX_FILES {
                    state.report.beyond_files();
                    return;
                }
                state.seen.insert(id.clone());
            }
            match mapping.paths(pid).iter().find_map(|path| File::open(path).ok()) {
                Some(file) => self.look_in(&file, &mapping.name),
                // Whoever maps it next may tell.
                None if !fs::exists(format!("/proc/{pid}/exe")).unwrap_or(false) => {
                    lock(&self.state).seen.remove(id);
                }
                None => lock(&self.state).report.unread(Unread::Nameless),
            }
        }
    }

    /// Looks for the functions in a file, and attaches where they are.
    fn look_in(&self, file: &File, name: &str) {
        let Ok(about) = file.metadata() else { return lock(&self.state).report.unread(Unread::Damaged) };
        // Anyone may map a device.
        if !about.is_file() || !lock(&self.state).opened.insert((about.dev(), about.ino())) {
            return;
        }
        let found = find::functions(&ReadCache::new(file), &self.functions);
        let mut state = lock(&self.state);
        if state.stopped {
            return;
        }
        match found {
            Err(unread) => state.report.unread(unread),
            Ok(findings) => {
                for (function, refused) in findings.refused {
                    state.report.refused(name, &self.functions[function].name, &refused.to_string());
                }
                if !findings.places.is_empty() {
                    state.attach(self, file, name, &findings.places);
                }
            }
        }
    }
}

impl State {
    fn attach(&mut self, seeker: &Seeker, file: &File, name: &str, places: &[Place]) {
        // By its descriptor: the file that was read, whatever its name leads to by now.
        let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap_or_default();
        let mut programs = HashSet::new();
        let loaded = lock(&self.loaded);
        let Some(loaded) = &*loaded else { return };
        for Probe { program, target, linked } in &self.probes {
            let attach = |place: &probe::Place<'_>| match (linked, loaded.program(program)) {
                (Some(linked), _) => probe::link(linked.as_fd(), place),
                (None, Some(Program::UProbe(loaded))) => {
                    let loaded = loaded.fd().map_err(io::Error::other)?;
                    probe::attach(loaded.as_fd(), seeker.event_type, place)
                        .map_err(|error| explained(error, seeker.no_links.as_deref()))
                }
                (None, _) => Err(io::Error::other("its program is not loaded")),
            };
            for place in places {
                let function = &seeker.functions[place.function];
                let Some(cookie) = target.functions.iter().position(|it| it == function) else { continue };
                for offset in target.offsets(place) {
                    if self.attached.len() >= MAX_LINKS {
                        self.report.beyond_links();
                        continue;
                    }
                    let (cookie, at_return) = (cookie as u64, target.at_return());
                    let place = probe::Place { path: &path, offset, at_return, pid: seeker.only, cookie };
                    match attach(&place) {
                        Ok(attachment) => {
                            self.attached.push(attachment);
                            programs.insert(program.clone());
                        }
                        Err(error) => self.report.refused(name, &function.name, &error.to_string()),
                    }
                }
            }
        }
        self.report.probed(name, programs);
    }
}

/// Why an event of perf was refused, with what would help.
fn explained(error: io::Error, no_links: Option<&str>) -> io::Error {
    match no_links {
        Some(no_links) if error.kind() == io::ErrorKind::PermissionDenied => {
            io::Error::other(format!("{error}: on this kernel it takes CAP_SYS_ADMIN ({no_links})"))
        }
        _ => error,
    }
}

/// Waits for news, at most for `timeout`; whether it is to stop.
fn wait(stop: &OwnedFd, mapped: Option<&Mapped>, timeout: Option<Duration>) -> bool {
    let mut fds = vec![PollFd::new(stop, PollFlags::IN)];
    fds.extend(
        mapped.iter().flat_map(|it| it.descriptors()).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)),
    );
    let timeout = timeout.and_then(|it| Timespec::try_from(it).ok());
    // A signal counts as nothing being ready.
    let _ = poll(&mut fds, timeout.as_ref());
    !fds[0].revents().is_empty()
}
