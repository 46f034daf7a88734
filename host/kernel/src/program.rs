//! Loads one program and attaches it, by its kind.

use std::fs::File;
use std::os::fd::OwnedFd;

use aya::programs::perf_event::{PerfEventConfig, PerfEventScope, SamplePolicy, SoftwareEvent};
use aya::programs::{PerfEvent, Program, ProgramError};
use aya::{Btf, util::online_cpus};

/// What comes of attaching a program.
pub(crate) struct Taken {
    /// The kernel's number for the program.
    pub(crate) id: u32,
    /// For an iterator: where its output is read.
    pub(crate) output: Option<File>,
    /// For one that was loaded for links: itself.
    pub(crate) linked: Option<OwnedFd>,
}

/// What a program attaches to.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    /// As its section names it.
    pub(crate) name: &'a str,
    /// The type information in which it is found.
    pub(crate) btf: &'a Btf,
    /// For a program that samples: how often a second.
    pub(crate) frequency: u64,
}

/// Loads and attaches; leaves nothing loaded when it fails. The links are kept in the program.
pub(crate) fn attach(program: &mut Program, target: Target<'_>) -> Result<Taken, ProgramError> {
    let attached = load_and_attach(program, target);
    match attached {
        Ok(output) => Ok(Taken { id: program.info()?.id(), output, linked: None }),
        Err(error) => {
            // Fails only for a program that was not loaded.
            let _ = unload(program);
            Err(error)
        }
    }
}

/// Detaches a program and takes it out of the kernel.
pub(crate) fn unload(program: &mut Program) -> Result<(), ProgramError> {
    match program {
        Program::TracePoint(program) => program.unload(),
        Program::RawTracePoint(program) => program.unload(),
        Program::BtfTracePoint(program) => program.unload(),
        Program::KProbe(program) => program.unload(),
        Program::UProbe(program) => program.unload(),
        Program::FEntry(program) => program.unload(),
        Program::FExit(program) => program.unload(),
        Program::Lsm(program) => program.unload(),
        Program::Iter(program) => program.unload(),
        Program::PerfEvent(program) => program.unload(),
        _ => Ok(()),
    }
}

/// Events that a program can sample, by the names that `perf` has for them.
pub(crate) const EVENTS: &[(&str, SoftwareEvent)] = &[
    ("cpu-clock", SoftwareEvent::CpuClock),
    ("task-clock", SoftwareEvent::TaskClock),
    ("page-faults", SoftwareEvent::PageFaults),
    ("context-switches", SoftwareEvent::ContextSwitches),
    ("cpu-migrations", SoftwareEvent::CpuMigrations),
    ("minor-faults", SoftwareEvent::PageFaultsMin),
    ("major-faults", SoftwareEvent::PageFaultsMaj),
];

/// On every CPU, as an event of all processes can only be had on one.
fn sample(program: &mut PerfEvent, name: &str, frequency: u64) -> Result<(), ProgramError> {
    let event = EVENTS.iter().find(|(known, _)| *known == name).map(|(_, event)| *event);
    let event = PerfEventConfig::Software(event.ok_or(ProgramError::UnexpectedProgramType)?);
    for cpu in online_cpus().map_err(|(_, error)| error)? {
        let scope = PerfEventScope::AllProcessesOneCpu { cpu };
        program.attach(event, scope, SamplePolicy::Frequency(frequency), false)?;
    }
    Ok(())
}

fn load_and_attach(program: &mut Program, target: Target<'_>) -> Result<Option<File>, ProgramError> {
    let Target { name: target, btf, frequency } = target;
    match program {
        Program::TracePoint(program) => {
            program.load()?;
            let (category, name) = target.split_once('/').unwrap_or(("", target));
            program.attach(category, name)?;
        }
        Program::RawTracePoint(program) => {
            program.load()?;
            program.attach(target)?;
        }
        Program::BtfTracePoint(program) => {
            program.load(target, btf)?;
            program.attach()?;
        }
        Program::KProbe(program) => {
            program.load()?;
            program.attach(target, 0)?;
        }
        // Attached when all programs are loaded, wherever its functions are found.
        Program::UProbe(program) => program.load()?,
        Program::FEntry(program) => {
            program.load(target, btf)?;
            program.attach()?;
        }
        Program::FExit(program) => {
            program.load(target, btf)?;
            program.attach()?;
        }
        Program::Lsm(program) => {
            program.load(target, btf)?;
            program.attach()?;
        }
        Program::PerfEvent(program) => {
            program.load()?;
            sample(program, target, frequency)?;
        }
        Program::Iter(program) => {
            program.load(target, btf)?;
            let link = program.attach()?;
            let link = program.take_link(link)?;
            return match link.into_file() {
                Ok(file) => Ok(Some(file)),
                Err(error) => Err(std::io::Error::other(error).into()),
            };
        }
        // Preparing lets no other kind through.
        _ => return Err(ProgramError::UnexpectedProgramType),
    }
    Ok(None)
}
