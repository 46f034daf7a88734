//! A gadget's programs while they are attached.
//!
//! Of each hook one program is attached: the first that the kernel takes. Programs that no hook in use names are
//! never loaded. Dropping an [`Attached`] closes every link and with it detaches everything; the kernel does the same
//! if the process dies.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use aya::maps::{Map, MapData, MapError, PerCpuArray, RingBuf};
use aya::{Btf, Ebpf, EbpfError};
use gadget_abi::names;
use gadget_registry::elf::ProgramKind;

use crate::btf::stand_in::stand_in;
use crate::environment::{self, missing_capabilities};
use crate::iterator::Iterator;
use crate::kernel::LoadError;
use crate::prepare::PreparedHook;
use crate::program::{self, Taken};
use crate::refusal::{Attempt, Refusal, Refused, causes, list};
use crate::scope::{Scope, io_error};
use crate::starting;
use crate::sys::{program_id, recursion_misses};
use crate::uprobe::{self, Linked, Loaded, Probe, Probes, lock};
use crate::{Kernel, Prepared, Probed, RING_BYTES, ReadError, Reader, Settings, SettingsError, Table};

/// Why a run did not start.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// A setting can't be met.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No hook is in use.
    #[error("nothing to attach: with these parameters no hook of the gadget is in use (there are: {hooks})")]
    NoHook {
        /// The gadget's hooks, with what switches them on.
        hooks: String,
    },
    /// The kernel took none of a hook's programs.
    #[error("hook `{hook}` can't be attached: {}", list(refused))]
    Hook {
        /// The hook.
        hook: String,
        /// The programs, and why not.
        refused: Vec<Refused>,
    },
    /// All hooks are optional, and the kernel took none.
    #[error("none of the gadget's hooks can be attached: {}", missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Nothing {
        /// The hooks, and why not.
        missing: Vec<MissingHook>,
    },
    /// The kernel did not make a map.
    #[error("the kernel did not make map `{map}`: {reason}")]
    Map {
        /// The map.
        map: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The object can't be loaded.
    #[error("the eBPF object can't be loaded: {reason}")]
    Object {
        /// Why.
        reason: String,
    },
}

/// A program that is attached.
#[derive(Debug)]
pub struct AttachedProgram {
    /// The hook that it serves.
    pub hook: String,
    /// Its name.
    pub program: String,
    /// Its kind.
    pub kind: ProgramKind,
    /// What it is attached to.
    pub target: String,
    /// The kernel's number for it.
    pub id: u32,
    /// Programs that the gadget would have preferred, and why the kernel did not take them.
    pub refused: Vec<Refused>,
}

/// An optional hook of which the kernel took no program.
#[derive(Debug)]
pub struct MissingHook {
    /// The hook.
    pub hook: String,
    /// Its programs, and why not.
    pub refused: Vec<Refused>,
}

impl std::fmt::Display for MissingHook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hook `{}`: {}", self.hook, list(&self.refused))
    }
}

/// A gadget's kernel half, attached.
pub struct Attached {
    loaded: Loaded,
    programs: Vec<AttachedProgram>,
    missing: Vec<MissingHook>,
    lost: Option<PerCpuArray<MapData, u64>>,
    scope: Option<Scope>,
    reader: Option<Reader>,
    iterators: Vec<Iterator>,
    tables: Vec<Table>,
    missed: Result<u64, String>,
    probes: Option<Probes>,
    /// Programs that were loaded for links.
    linked: Vec<(String, OwnedFd)>,
}

impl Attached {
    pub(crate) fn new(
        kernel: &Kernel,
        prepared: &Prepared,
        settings: &Settings,
    ) -> Result<Self, AttachError> {
        let in_use = |hook: &&PreparedHook| {
            hook.when.as_deref().is_none_or(|param| settings.switches(param, hook.is.as_deref()))
        };
        let hooks: Vec<_> = prepared.hooks.iter().filter(in_use).collect();
        if hooks.is_empty() {
            return Err(AttachError::NoHook { hooks: describe(&prepared.hooks) });
        }
        // What only iterators use is not read through the ring.
        let streams = hooks.iter().flat_map(|hook| &hook.alternatives).any(|it| it.kind != ProgramKind::Iter);
        let ring_bytes = if streams { settings.ring_size()? } else { *RING_BYTES.start() };
        let bytes = settings.write(&prepared.object, &prepared.bytes)?;
        let turn = starting::turn();
        let mut ebpf = kernel.load(&bytes, ring_bytes).map_err(|error| explain(&error, ring_bytes))?;
        // Before any map is taken out, as the programs use them.
        let (linked, no_links) = match uprobe::linked(&bytes, &ebpf, &hooks) {
            Ok(linked) => (linked, None),
            Err(reason) => (Linked::new(), Some(reason)),
        };
        let mut attached = Self {
            lost: take(&mut ebpf, names::LOST)?,
            scope: take(&mut ebpf, names::SCOPE)?.map(Scope::new),
            reader: None,
            loaded: Loaded::default(),
            programs: Vec::new(),
            missing: Vec::new(),
            iterators: Vec::new(),
            tables: tables(&mut ebpf, prepared),
            missed: Ok(0),
            probes: None,
            linked: Vec::new(),
        };
        if let (Some(scope), Some(wanted)) = (&mut attached.scope, &settings.scope) {
            for mntns in wanted {
                scope.add(*mntns).map_err(|error| map_error(names::SCOPE, &error))?;
            }
        }
        let ring: Option<RingBuf<MapData>> = take(&mut ebpf, names::EVENTS)?;
        if let Some(ring) = ring {
            let reader = Reader::new(ring, ring_bytes);
            attached.reader =
                Some(reader.map_err(|error| AttachError::Object { reason: error.to_string() })?);
        }
        let probes = attached.attach(kernel, &mut ebpf, linked, &hooks, settings.frequency()?)?;
        *lock(&attached.loaded) = Some(ebpf);
        drop(turn);
        // Last, as from here on all the rest is there to take what the probes see.
        if !probes.is_empty() {
            let probes = Probes::start(Arc::clone(&attached.loaded), probes, settings.filter.pid, no_links);
            attached.probes = Some(probes.map_err(|error| AttachError::Object {
                reason: format!("its probes can't be attached: {error}"),
            })?);
        }
        Ok(attached)
    }

    fn attach(
        &mut self,
        kernel: &Kernel,
        ebpf: &mut Ebpf,
        mut linked: Linked,
        hooks: &[&PreparedHook],
        frequency: u64,
    ) -> Result<Vec<Probe>, AttachError> {
        let mut probes = Vec::new();
        let alternatives = hooks.iter().flat_map(|hook| &hook.alternatives);
        let anchors = || alternatives.clone().filter_map(|it| it.anchor.as_ref()?.as_ref().ok());
        let btf = match anchors().next() {
            Some(_) => stand_in(anchors()),
            None => Ok(Btf::new()),
        };
        let btf = btf.map_err(|error| AttachError::Object { reason: error.to_string() })?;
        for hook in hooks {
            let mut refused = Vec::new();
            let mut taken = None;
            for it in &hook.alternatives {
                let attempt = Attempt {
                    kind: it.kind,
                    target: &it.target,
                    release: &kernel.release,
                    tracefs: kernel.tracefs.as_deref().ok(),
                };
                let attached = match (&it.anchor, &kernel.tracefs) {
                    (Some(Err(missing)), _) => Err(attempt.missing(missing.what, missing.nearest.clone())),
                    (_, Err(reason)) if it.kind == ProgramKind::Tracepoint => {
                        Err(Refusal::NoTracefs { reason: reason.clone() })
                    }
                    _ if it.kind == ProgramKind::Uprobe && !environment::has_uprobes() => {
                        Err(Refusal::NoUprobes { release: kernel.release.clone() })
                    }
                    _ => match (linked.remove(&it.program), ebpf.program_mut(&it.program)) {
                        (Some(linked), _) => program_id(linked.as_fd())
                            .map(|id| Taken { id, output: None, linked: Some(linked) })
                            .map_err(|error| Refusal::Other { what: error.to_string() }),
                        (None, Some(program)) => {
                            let target = program::Target { name: &it.target, btf: &btf, frequency };
                            program::attach(program, target).map_err(|error| attempt.explain(&error))
                        }
                        (None, None) => Err(Refusal::Other { what: "the loader did not find it".into() }),
                    },
                };
                let (program, kind, target) = (it.program.clone(), it.kind, it.target.clone());
                match attached {
                    Ok(mut attached) => {
                        let linked = attached.linked.take();
                        // Another descriptor, by which its count is read at the end.
                        let again = linked.as_ref().map(OwnedFd::try_clone).and_then(Result::ok);
                        self.linked.extend(again.map(|it| (program.clone(), it)));
                        let probe = |target: &uprobe::Target| Probe {
                            program: program.clone(),
                            target: target.clone(),
                            linked,
                        };
                        probes.extend(it.functions.as_ref().map(probe));
                        taken = Some((program, kind, target, attached));
                        break;
                    }
                    Err(reason) => refused.push(Refused { program, kind, target, reason }),
                }
            }
            let hook_name = hook.name.clone();
            match taken {
                Some((program, kind, target, attached)) => {
                    if let Some(file) = attached.output {
                        self.iterators.push(Iterator::new(program.clone(), file));
                    }
                    let id = attached.id;
                    self.programs.push(AttachedProgram {
                        hook: hook_name,
                        program,
                        kind,
                        target,
                        id,
                        refused,
                    });
                }
                None if hook.optional => self.missing.push(MissingHook { hook: hook_name, refused }),
                None => return Err(AttachError::Hook { hook: hook_name, refused }),
            }
        }
        if self.programs.is_empty() {
            return Err(AttachError::Nothing { missing: std::mem::take(&mut self.missing) });
        }
        Ok(probes)
    }

    /// What is attached, a program per hook in use.
    pub fn programs(&self) -> &[AttachedProgram] {
        &self.programs
    }

    /// Optional hooks that this kernel does not allow.
    pub fn missing(&self) -> &[MissingHook] {
        &self.missing
    }

    /// What the probes of functions are attached to; `None` for a gadget that has none.
    pub fn probed(&self) -> Option<Probed> {
        self.probes.as_ref().map(Probes::report)
    }

    /// Events so far that found no room in the ring. Final once the programs are detached.
    pub fn lost(&self) -> io::Result<u64> {
        let Some(lost) = &self.lost else { return Ok(0) };
        let counts = lost.get(&0, 0).map_err(|error| io::Error::other(causes(&error)))?;
        Ok(counts.iter().sum())
    }

    /// How often the kernel passed a program by, as it would have run within itself or within another on the same CPU: at
    /// most so many events are missing that nothing else tells of. Known once the programs are detached.
    pub fn missed(&self) -> io::Result<u64> {
        self.missed.clone().map_err(io::Error::other)
    }

    /// The mount namespaces in scope; `None` for a gadget that knows no scope.
    pub fn scope(&mut self) -> Option<&mut Scope> {
        self.scope.as_mut()
    }

    /// The scope, to be kept up by another thread.
    pub fn take_scope(&mut self) -> Option<Scope> {
        self.scope.take()
    }

    /// The reading end of the ring; `None` for a gadget of iterators only, and after the first call.
    pub fn take_reader(&mut self) -> Option<Reader> {
        self.reader.take()
    }

    /// The tables that the programs add to; none after the first call.
    pub fn take_tables(&mut self) -> Vec<Table> {
        std::mem::take(&mut self.tables)
    }

    /// Detaches every program; what is in the ring can still be read, and [`Attached::lost`] no longer changes.
    ///
    /// The kernel first stops a program and then waits, tens of milliseconds for a tracepoint, until no CPU is in it.
    /// With a thread for each, all stop at once.
    pub fn detach(&mut self) {
        self.iterators.clear();
        // Without its programs, the probes' thread attaches nothing more.
        let Some(mut ebpf) = lock(&self.loaded).take() else { return };
        let linked = std::mem::take(&mut self.linked);
        let used = |name: &str| self.programs.iter().any(|it| it.program == name);
        // A descriptor keeps a program, and its count, but not its link: read before, the count would not be final.
        let hold = |program: &aya::programs::Program| program.fd().ok()?.as_fd().try_clone_to_owned().ok();
        let is_linked = |name: &str| linked.iter().any(|(it, _)| it == name);
        let all = ebpf.programs().filter(|(name, _)| used(name) && !is_linked(name));
        let mut held: Vec<Option<OwnedFd>> = all.map(|(_, program)| hold(program)).collect();
        held.extend(linked.into_iter().map(|(_, it)| Some(it)));
        let programs = ebpf.programs_mut().filter(|(name, _)| used(name));
        std::thread::scope(|scope| {
            if let Some(probes) = &self.probes {
                scope.spawn(|| probes.stop());
            }
            for (_, program) in programs {
                let thread = std::thread::Builder::new().name("gadgetry-detach".into());
                // A program whose thread can't be started is detached below.
                drop(thread.spawn_scoped(scope, || program::unload(program)));
            }
        });
        drop(ebpf);
        self.missed = held.iter().map(count_missed).sum();
    }

    /// Runs the iterators, one after the other, each to its end, and hands on their records. Each record is seen
    /// once: a second call yields nothing. Returns the number of records.
    pub fn read_iterators(
        &mut self,
        mut record: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<usize, ReadError> {
        let mut count = 0;
        for iterator in std::mem::take(&mut self.iterators) {
            let (read, flow) = iterator.read(&mut record)?;
            count += read;
            if flow.is_break() {
                break;
            }
        }
        Ok(count)
    }
}

fn count_missed(program: &Option<OwnedFd>) -> Result<u64, String> {
    let program = program.as_ref().ok_or("no descriptor is left for a program")?;
    recursion_misses(program.as_fd()).map_err(|error| error.to_string())
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.detach();
    }
}

/// The tables, whose shape was checked when the object was prepared.
fn tables(ebpf: &mut Ebpf, prepared: &Prepared) -> Vec<Table> {
    let shapes = prepared.object.maps.iter();
    let tables = shapes.filter_map(|shape| {
        let name = shape.name.strip_prefix(names::TABLE)?;
        match ebpf.take_map(&shape.name)? {
            Map::HashMap(map) | Map::LruHashMap(map) => Some(Table::new(name.to_owned(), map, shape)),
            _ => None,
        }
    });
    tables.collect()
}

fn take<M>(ebpf: &mut Ebpf, name: &'static str) -> Result<Option<M>, AttachError>
where
    M: TryFrom<aya::maps::Map, Error = MapError>,
{
    let map = ebpf.take_map(name).map(M::try_from).transpose();
    map.map_err(|error| map_error(name, &io_error(&error)))
}

fn map_error(map: &str, error: &io::Error) -> AttachError {
    let reason = match error.raw_os_error() {
        Some(libc::E2BIG) => "it is full".to_owned(),
        _ => error.to_string(),
    };
    AttachError::Map { map: map.to_owned(), reason }
}

fn describe(hooks: &[PreparedHook]) -> String {
    let describe = |hook: &PreparedHook| match (&hook.when, &hook.is) {
        (Some(param), Some(value)) => format!("`{}` with `{param}` = `{value}`", hook.name),
        (Some(param), None) => format!("`{}` with `{param}`", hook.name),
        (None, _) => format!("`{}`", hook.name),
    };
    hooks.iter().map(describe).collect::<Vec<_>>().join(", ")
}

/// Puts a failed load into words; no program is involved yet, only maps and the object's type information.
fn explain(error: &LoadError, ring_bytes: u32) -> AttachError {
    let error = match error {
        LoadError::Panicked => return AttachError::Object { reason: "the loader can't cope with it".into() },
        LoadError::Failed(error) => error,
    };
    let EbpfError::MapError(MapError::CreateError { name, io_error }) = &**error else {
        return AttachError::Object { reason: causes(&**error) };
    };
    let reason = match io_error.raw_os_error() {
        Some(libc::EPERM) => match missing_capabilities().ok().flatten() {
            Some(missing) => format!("this process lacks {missing}"),
            None => format!("{io_error}; lockdown or a security module is in the way"),
        },
        Some(libc::ENOMEM | libc::ENOSPC) if name == names::EVENTS => {
            format!("no memory for a ring buffer of {ring_bytes} bytes; ask for a smaller one")
        }
        _ => io_error.to_string(),
    };
    AttachError::Map { map: name.clone(), reason }
}
