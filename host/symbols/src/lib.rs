//! Names for the addresses of stacks: of the kernel from `/proc/kallsyms`; of processes from the symbols of the ELF files
//! they have mapped, and from the perf maps that just-in-time compilers write.
//!
//! Files are reached through `/proc/PID/map_files`, so that those of containers are found, and those that were replaced
//! while they run. What was read is kept until the [`Symbols`] are dropped, as a profile asks for the same files again and
//! again. Everything read belongs to others and may be anything: it is limited in size, and what can't be read has no
//! name. Inlined functions are not told apart; that would take DWARF, and seconds for a large program.
//!
//! The other way round, [`find`] tells where functions of a given name lie.

pub mod find;
mod image;
mod kernel;
pub mod maps;
mod perf_map;
mod process;
mod table;

use std::collections::HashMap;

use image::Images;
use kernel::Kernel;
use process::Process;

/// Processes of which maps are kept.
const PROCESSES: usize = 4096;

/// Looks names up; one for each run, used by one thread.
#[derive(Default)]
pub struct Symbols {
    kernel: Option<Kernel>,
    processes: HashMap<u32, Process>,
    images: Images,
}

impl Symbols {
    /// Knows nothing yet: what is asked for is read then.
    pub fn new() -> Self {
        Self::default()
    }

    /// The function that each address lies in; in brackets the file where that has no symbol for it; empty when nothing
    /// is known. `pid`: the process whose addresses they are, or `None` for the kernel.
    pub fn resolve(&mut self, pid: Option<u32>, addresses: &[u64]) -> Vec<String> {
        let Some(pid) = pid else {
            let kernel = self.kernel.get_or_insert_with(Kernel::read);
            return addresses.iter().map(|address| kernel.name(*address)).collect();
        };
        if self.processes.len() >= PROCESSES && !self.processes.contains_key(&pid) {
            self.processes.clear();
        }
        let process = self.processes.entry(pid).or_insert_with(|| Process::read(pid));
        addresses.iter().map(|address| process.name(*address, &mut self.images)).collect()
    }
}

/// A name as its compiler's language has it.
fn demangled(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        // Without the hash at its end.
        return format!("{rust:#}");
    }
    if !name.starts_with("_Z") {
        return name.to_owned();
    }
    let options = cpp_demangle::DemangleOptions::new().no_params().no_return_type();
    let cpp =
        cpp_demangle::Symbol::new(name).ok().and_then(|symbol| symbol.demangle_with_options(&options).ok());
    cpp.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_demangled() {
        let cases = [
            ("main", "main"),
            ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
            ("_ZN3foo3barEi", "foo::bar"),
            ("_Znonsense", "_Znonsense"),
        ];
        for (name, expected) in cases {
            assert_eq!(demangled(name), expected);
        }
    }

    #[test]
    fn own_functions_and_the_kernels_have_names() {
        let mut symbols = Symbols::new();
        let own = (Symbols::new as fn() -> Symbols) as usize as u64;
        let names = symbols.resolve(Some(std::process::id()), &[own, 1]);
        assert!(!names[0].is_empty(), "{names:?}");
        assert_eq!(names[1], "");

        let kallsyms = std::fs::read_to_string("/proc/kallsyms").unwrap();
        let line =
            kallsyms.lines().find(|line| line.ends_with(" T schedule")).expect("the kernel's scheduler");
        let address = u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap();
        assert_eq!(symbols.resolve(None, &[address + 4, 0]), ["schedule", ""]);
    }

    #[test]
    fn a_process_that_is_gone_has_no_names() {
        assert_eq!(Symbols::new().resolve(Some(u32::MAX >> 2), &[4096]), [""]);
    }
}
