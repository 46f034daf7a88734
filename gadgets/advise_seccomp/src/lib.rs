//! The post-processor: gathers the calls of each container, and makes one profile of each when the run ends.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;
mod merge;
mod profile;

use std::collections::{BTreeMap, BTreeSet};

use event::Use;
use gadget::{
    Common, Container, Context, Event, Failure, Gadget, Header, Reduce, Rows, Timestamp,
    linux::{Arch, Syscalls},
};
use profile::Profile;

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Also allow the calls that a container runtime makes between applying the profile and running the program.
    #[param(default = true)]
    pub runtime_calls: bool,
}

/// The calls of one container; or, outside of containers, of one program. `comm`, `pid` and the other common fields are
/// those of its first call.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// How many different system calls were seen.
    #[column(title = "CALLS", width = 6)]
    count: u32,
    /// The system calls that were seen, sorted.
    #[column(width = 80)]
    syscalls: Vec<String>,
    /// Names of the threads that made them.
    #[column(hidden)]
    programs: Vec<String>,
    /// The seccomp profile, as the OCI runtime specification has it.
    #[column(skip)]
    profile: Profile<'a>,
}

/// Most groups of which calls are gathered.
const GROUPS: usize = 4096;
/// Most names of threads that a row lists.
const PROGRAMS: usize = 64;

/// What calls are gathered by: a container, or outside of containers the name of a program.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Container(Box<[u8]>),
    Program([u8; 16]),
}

/// The calls of one group.
struct Gathered {
    header: Header,
    timestamp: Timestamp,
    calls: BTreeSet<String>,
    programs: BTreeSet<String>,
}

pub struct AdviseSeccomp {
    arch: Arch,
    runtime_calls: bool,
    names: Syscalls,
    groups: BTreeMap<Group, Gathered>,
}

impl Gadget for AdviseSeccomp {
    type Params = Params;
    type Event = Use;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        let Context { params, arch, .. } = context;
        let names = Syscalls::new(arch);
        Ok(Self { arch, runtime_calls: params.runtime_calls, names, groups: BTreeMap::new() })
    }

    fn event(&mut self, event: &Event<'_, Use>, _: &mut Rows<Self>) -> Result<(), Failure> {
        let group = match event.container {
            Some(Container(json)) => Group::Container(json.into()),
            None => Group::Program(event.header.comm),
        };
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&group) {
            return Err(Failure::new(format!(
                "more than {GROUPS} containers and programs make calls: limit the run by container or comm"
            )));
        }
        let gathered = self.groups.entry(group).or_insert_with(|| Gathered {
            header: *event.header,
            timestamp: event.common().timestamp,
            calls: BTreeSet::new(),
            programs: BTreeSet::new(),
        });
        gathered.calls.insert(self.names.name(event.data.number).into_owned());
        if gathered.programs.len() < PROGRAMS {
            gathered.programs.insert(gadget::Text::until_nul(&event.header.comm).to_string());
        }
        Ok(())
    }

    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        for (group, gathered) in &self.groups {
            let container = match group {
                Group::Container(json) => Some(Container(json)),
                Group::Program(_) => None,
            };
            rows.push(&Row {
                common: Common { timestamp: gathered.timestamp, header: &gathered.header, container },
                count: gathered.calls.len() as u32,
                syscalls: gathered.calls.iter().cloned().collect(),
                programs: gathered.programs.iter().cloned().collect(),
                profile: Profile {
                    arch: self.arch,
                    calls: &gathered.calls,
                    runtime_calls: self.runtime_calls,
                },
            });
        }
        Ok(())
    }
}

impl Reduce for AdviseSeccomp {
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure> {
        merge::merge(parts, rows)
    }
}

gadget::export!(stream + merge AdviseSeccomp);

#[cfg(test)]
mod tests;
