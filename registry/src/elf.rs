//! What an eBPF object holds: programs and where they attach, the helpers they call, maps, read-only globals.
//!
//! It is read without loading, so that permissions are checked, and a person can look, before the kernel sees
//! anything. The reading is stricter than the loader's: it refuses symbols and sections on which a loader may
//! stumble, and it counts every call in executable code, whether a program reaches it or not.
//!
//! The host also writes a run's parameters into a copy of the object's `.rodata` here, before load.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use object::read::elf::ElfFile64;
use object::{LittleEndian, Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionKind, SymbolKind};
use serde::Serialize;

mod btf;
mod code;
mod kind;
mod names;

pub use kind::ProgramKind;
pub use names::{helper_id, helper_name, map_type_name};

use btf::Btf;
use code::{Calls, INSTRUCTION};

/// Largest object that is read.
pub const MAX_OBJECT: usize = crate::media::cap::EBPF as usize;
/// Most sections, and most symbols.
const MAX_SECTIONS: usize = 4096;
const MAX_SYMBOLS: usize = 1 << 16;
/// Most programs, and most maps.
const MAX_PROGRAMS: usize = 512;
const MAX_MAPS: usize = 512;
/// `EM_BPF`.
const MACHINE_BPF: u16 = 247;

/// An eBPF object, read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KernelObject {
    /// Its programs, by name.
    pub programs: Vec<Program>,
    /// Its maps, by name; those that stand for `.rodata`, `.data` and `.bss` are not counted.
    pub maps: Vec<Map>,
    /// Its read-only globals.
    pub rodata: BTreeMap<String, Global>,
    /// Whether it has type information.
    pub btf: bool,
    /// The license it declares.
    pub license: Option<String>,
    /// Kernel functions it calls: by name where it leaves them open, as `#id` where it names a type of some kernel.
    pub kernel_functions: BTreeSet<String>,
    /// Every helper called anywhere in its code.
    pub helpers: BTreeSet<u32>,
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Name of the function.
    pub name: String,
    /// Name of its section: `tracepoint/syscalls/sys_exit_openat`.
    pub section: String,
    /// What the section's name says it is.
    pub kind: ProgramKind,
    /// What the section's name says it attaches to: `syscalls/sys_exit_openat`.
    pub target: Option<String>,
    /// How many instructions it has, functions it calls not counted.
    pub instructions: usize,
    /// Helpers it calls, itself or through other functions of the object.
    pub helpers: BTreeSet<u32>,
}

impl Program {
    /// The names of the helpers it calls.
    pub fn helper_names(&self) -> Vec<String> {
        helper_names(&self.helpers)
    }
}

/// A map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Map {
    /// Its name.
    pub name: String,
    /// Its type, a number of the kernel's; see [`map_type_name`].
    pub map_type: u32,
    /// Bytes in a key.
    pub key_size: u32,
    /// Bytes in a value.
    pub value_size: u32,
    /// Room for how many, or for how many bytes.
    pub max_entries: u32,
}

/// A read-only global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Global {
    /// Where in the file its bytes are.
    pub offset: usize,
    /// How many bytes it has.
    pub size: usize,
}

/// Why an object can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ElfError {
    /// No ELF file, or a damaged one.
    #[error("the eBPF object can't be read: {0}")]
    Malformed(#[from] object::read::Error),
    /// An ELF file for another machine.
    #[error("the eBPF object is for machine {machine}; expected little-endian BPF (247)")]
    Machine {
        /// The machine it names.
        machine: u16,
    },
    /// More of something than is read.
    #[error("the eBPF object has {found} {what}; at most {limit} are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// Code in a section whose name means no program type.
    #[error(
        "section `{section}` holds code, but its name means no program type this loader knows; name it like \
             `tracepoint/<category>/<name>`"
    )]
    UnknownProgram {
        /// The section.
        section: String,
    },
    /// Something that points outside of its section, or is no whole number of instructions.
    #[error("`{name}` in section `{section}` of the eBPF object {reason}")]
    Bounds {
        /// The symbol.
        name: String,
        /// Its section.
        section: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// No such global.
    #[error("the eBPF object has no read-only global `{name}`; it has: {known}")]
    NoGlobal {
        /// The name wanted.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A value of another length than the global.
    #[error("global `{name}` has {expected} bytes; {found} were given")]
    GlobalSize {
        /// The global.
        name: String,
        /// Its size.
        expected: usize,
        /// The value's.
        found: usize,
    },
}

impl KernelObject {
    /// Reads an object. Never panics, whatever the bytes; takes time in proportion to them.
    pub fn parse(bytes: &[u8]) -> Result<Self, ElfError> {
        at_most("bytes", bytes.len(), MAX_OBJECT)?;
        let elf = ElfFile64::<LittleEndian>::parse(bytes)?;
        let machine = elf.elf_header().e_machine.get(LittleEndian);
        if machine != MACHINE_BPF {
            return Err(ElfError::Machine { machine });
        }
        at_most("sections", elf.sections().count(), MAX_SECTIONS)?;
        at_most("symbols", elf.symbols().count(), MAX_SYMBOLS)?;
        let symbols = symbols(&elf)?;

        let mut object = Self {
            programs: Vec::new(),
            maps: Vec::new(),
            rodata: BTreeMap::new(),
            btf: false,
            license: None,
            kernel_functions: symbols.open,
            helpers: BTreeSet::new(),
        };
        let mut all = Calls::default();
        let text = text_calls(&elf)?;
        all.add(&text);
        for section in elf.sections() {
            let name = section.name()?;
            let own = symbols.by_section.get(&section.index().0).map_or(&[][..], Vec::as_slice);
            if name.starts_with(".text") {
                for symbol in own.iter().filter(|symbol| symbol.kind == SymbolKind::Text) {
                    in_section(symbol, &section, INSTRUCTION)?;
                }
            } else if section.kind() == SectionKind::Text && section.size() > 0 {
                all.add(&object.add_programs(&section, own, &text, &symbols.functions)?);
            } else if name.starts_with(".rodata") {
                object.add_globals(&section, own)?;
            } else if name == "maps" {
                object.add_legacy_maps(&section, own)?;
            } else if name == "license" {
                let text = section.data()?.split(|byte| *byte == 0).next().unwrap_or_default();
                object.license = Some(String::from_utf8_lossy(text).chars().take(64).collect());
            } else if name == ".BTF" {
                object.btf = true;
                object.add_btf_maps(section.data()?);
            }
        }
        at_most("programs", object.programs.len(), MAX_PROGRAMS)?;
        at_most("maps", object.maps.len(), MAX_MAPS)?;
        object.programs.sort_by(|a, b| a.name.cmp(&b.name));
        object.maps.sort_by(|a, b| a.name.cmp(&b.name));
        object.maps.dedup_by(|a, b| a.name == b.name);
        object.helpers = all.helpers;
        object.kernel_functions.extend(all.kernel_functions.iter().map(|id| format!("#{id}")));
        Ok(object)
    }

    /// The program of this name.
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// The map of this name.
    pub fn map(&self, name: &str) -> Option<&Map> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// The names of all helpers called.
    pub fn helper_names(&self) -> Vec<String> {
        helper_names(&self.helpers)
    }

    /// Writes the value of a read-only global into `copy`, a copy of the bytes this was read from.
    pub fn patch_rodata(&self, copy: &mut [u8], name: &str, value: &[u8]) -> Result<(), ElfError> {
        let Some(global) = self.rodata.get(name) else {
            let known = self.rodata.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(ElfError::NoGlobal { name: name.into(), known });
        };
        let size = |found| ElfError::GlobalSize { name: name.into(), expected: global.size, found };
        if value.len() != global.size {
            return Err(size(value.len()));
        }
        let place = copy.get_mut(global.offset..).and_then(|rest| rest.get_mut(..global.size));
        place.ok_or_else(|| size(0))?.copy_from_slice(value);
        Ok(())
    }

    /// Adds the programs of a section; returns what its code calls.
    fn add_programs(
        &mut self,
        section: &Section<'_, '_>,
        symbols: &[Symbol],
        text: &Calls,
        functions: &BTreeSet<usize>,
    ) -> Result<Calls, ElfError> {
        let name = section.name()?;
        let (kind, target) =
            ProgramKind::of_section(name).ok_or_else(|| ElfError::UnknownProgram { section: name.into() })?;
        let code = section.data()?;
        let refers: Vec<u64> = section
            .relocations()
            .filter(
                |(_, it)| matches!(it.target(), RelocationTarget::Symbol(to) if functions.contains(&to.0)),
            )
            .map(|(offset, _)| offset)
            .collect();
        for symbol in
            symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Text && !symbol.name.is_empty())
        {
            let range = in_section(symbol, section, INSTRUCTION)?;
            let mut calls = Calls::of(&code[range.clone()]);
            let refers = refers.iter().any(|at| usize::try_from(*at).is_ok_and(|at| range.contains(&at)));
            if calls.subprograms || refers {
                calls.add(text);
            }
            self.programs.push(Program {
                name: symbol.name.clone(),
                section: name.to_owned(),
                kind,
                target: target.map(str::to_owned),
                instructions: range.len() / INSTRUCTION,
                helpers: calls.helpers,
            });
        }
        Ok(Calls::of(code))
    }

    fn add_globals(&mut self, section: &Section<'_, '_>, symbols: &[Symbol]) -> Result<(), ElfError> {
        let Some((start, _)) = section.file_range() else { return Ok(()) };
        for symbol in symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Data && symbol.size > 0) {
            let range = in_section(symbol, section, 1)?;
            let offset = usize::try_from(start).unwrap_or(usize::MAX).saturating_add(range.start);
            self.rodata.insert(symbol.name.clone(), Global { offset, size: range.len() });
        }
        Ok(())
    }

    /// Maps as `struct bpf_map_def` lays them out: a symbol each, four words that matter.
    fn add_legacy_maps(&mut self, section: &Section<'_, '_>, symbols: &[Symbol]) -> Result<(), ElfError> {
        let data = section.data()?;
        for symbol in symbols.iter().filter(|symbol| !symbol.name.is_empty()) {
            let range = in_section(symbol, section, 1)?;
            let (words, _) = data[range].as_chunks::<4>();
            let &[map_type, key_size, value_size, max_entries, ..] = words else {
                return Err(out_of_bounds(symbol, section, "is too short for a map"));
            };
            let [map_type, key_size, value_size, max_entries] =
                [map_type, key_size, value_size, max_entries].map(u32::from_le_bytes);
            self.maps.push(Map { name: symbol.name.clone(), map_type, key_size, value_size, max_entries });
        }
        Ok(())
    }

    fn add_btf_maps(&mut self, btf: &[u8]) {
        let maps = Btf::parse(btf).map(|btf| btf.maps()).unwrap_or_default();
        self.maps.extend(maps.into_iter().map(|map| Map {
            name: map.name,
            map_type: map.map_type,
            key_size: map.key_size,
            value_size: map.value_size,
            max_entries: map.max_entries,
        }));
    }
}

type Elf<'data> = ElfFile64<'data, LittleEndian>;
type Section<'data, 'file> = object::read::elf::ElfSection64<'data, 'file, LittleEndian>;

struct Symbol {
    name: String,
    kind: SymbolKind,
    address: u64,
    size: u64,
}

#[derive(Default)]
struct Symbols {
    by_section: BTreeMap<usize, Vec<Symbol>>,
    /// Functions that the object calls but does not have: the kernel's.
    open: BTreeSet<String>,
    /// Indices of the symbols that stand for functions or for sections of code.
    functions: BTreeSet<usize>,
}

fn symbols(elf: &Elf<'_>) -> Result<Symbols, ElfError> {
    let mut symbols = Symbols::default();
    for symbol in elf.symbols() {
        let name = symbol.name()?.to_owned();
        let kind = symbol.kind();
        if symbol.is_undefined() && !name.is_empty() {
            symbols.open.insert(name);
            continue;
        }
        let Some(section) = symbol.section_index() else { continue };
        if kind == SymbolKind::Text
            || (kind == SymbolKind::Section && elf.section_by_index(section)?.kind() == SectionKind::Text)
        {
            symbols.functions.insert(symbol.index().0);
        }
        let symbol = Symbol { name, kind, address: symbol.address(), size: symbol.size() };
        symbols.by_section.entry(section.0).or_default().push(symbol);
    }
    Ok(symbols)
}

/// What all functions outside of program sections call, together.
fn text_calls(elf: &Elf<'_>) -> Result<Calls, ElfError> {
    let mut calls = Calls::default();
    for section in elf.sections() {
        if section.name()?.starts_with(".text") {
            calls.add(&Calls::of(section.data()?));
        }
    }
    Ok(calls)
}

/// Where in its section a symbol lies, in bytes.
fn in_section(symbol: &Symbol, section: &Section<'_, '_>, align: usize) -> Result<Range<usize>, ElfError> {
    let length = section.data()?.len();
    let start = symbol.address.checked_sub(section.address()).and_then(|start| usize::try_from(start).ok());
    let size = usize::try_from(symbol.size).ok();
    let range = start.zip(size).and_then(|(start, size)| Some(start..start.checked_add(size)?));
    // The loader takes a symbol's address for its offset; that holds only in sections that start at 0.
    let range = range.filter(|range| range.end <= length && section.address() == 0);
    let range = range.ok_or_else(|| out_of_bounds(symbol, section, "points outside of its section"))?;
    if range.start % align != 0 || range.len() % align != 0 {
        return Err(out_of_bounds(symbol, section, "is no whole number of instructions"));
    }
    Ok(range)
}

fn out_of_bounds(symbol: &Symbol, section: &Section<'_, '_>, reason: &'static str) -> ElfError {
    let section = section.name().unwrap_or("?").to_owned();
    ElfError::Bounds { name: symbol.name.clone(), section, reason }
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), ElfError> {
    if found > limit { Err(ElfError::TooMany { what, found, limit }) } else { Ok(()) }
}

fn helper_names(ids: &BTreeSet<u32>) -> Vec<String> {
    ids.iter().map(|id| helper_name(*id).map_or_else(|| format!("#{id}"), str::to_owned)).collect()
}

#[cfg(test)]
mod tests;
