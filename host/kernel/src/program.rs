//! Loads one program and attaches it, by its kind.

use std::fs::File;

use aya::Btf;
use aya::programs::{Program, ProgramError};

/// What comes of attaching a program.
pub(crate) struct Taken {
    /// The kernel's number for the program.
    pub(crate) id: u32,
    /// For an iterator: where its output is read.
    pub(crate) output: Option<File>,
}

/// Loads and attaches; leaves nothing loaded when it fails. The links are kept in the program.
pub(crate) fn attach(program: &mut Program, target: &str, btf: &Btf) -> Result<Taken, ProgramError> {
    let attached = load_and_attach(program, target, btf);
    match attached {
        Ok(output) => Ok(Taken { id: program.info()?.id(), output }),
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
        Program::FEntry(program) => program.unload(),
        Program::FExit(program) => program.unload(),
        Program::Lsm(program) => program.unload(),
        Program::Iter(program) => program.unload(),
        _ => Ok(()),
    }
}

fn load_and_attach(program: &mut Program, target: &str, btf: &Btf) -> Result<Option<File>, ProgramError> {
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
