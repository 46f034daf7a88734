//! The parts of an ELF file by which functions are found. Of a file with a hundred thousand symbols, only the names are
//! searched, as one text; the symbols are looked at when one of the names is there.

use memchr::memmem;
use object::LittleEndian;
use object::elf::{
    FileHeader64, PF_X, PT_LOAD, ProgramHeader64, SHN_UNDEF, SHT_DYNSYM, SHT_STRTAB, SHT_SYMTAB, STT_FUNC,
    SectionHeader64, Sym64,
};
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _, SectionTable, Sym as _};
use object::read::{ReadRef, SectionIndex};

use super::{MAX_PLACES, MAX_TABLE, Unread, returns};

/// `EM_*` of this machine: what runs here.
const MACHINE: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
/// Most sections and segments.
const MAX_SECTIONS: usize = 1 << 16;
const MAX_SEGMENTS: usize = 1 << 10;
/// Where Go keeps its table, in programs that are loaded where they say and in those that are moved.
const PCLNTAB: [&[u8]; 2] = [b".gopclntab", b".data.rel.ro.gopclntab"];

type Header = FileHeader64<LittleEndian>;
const ENDIAN: LittleEndian = LittleEndian;

/// A 64-bit file for this machine.
pub(super) struct Elf<'d, R: ReadRef<'d>> {
    file: R,
    sections: SectionTable<'d, Header, R>,
    segments: &'d [ProgramHeader64<LittleEndian>],
}

/// A symbol that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) function: usize,
    pub(super) address: u64,
    pub(super) size: u64,
}

fn damaged<E>(_: E) -> Unread {
    Unread::Damaged
}

impl<'d, R: ReadRef<'d>> Elf<'d, R> {
    pub(super) fn parse(file: R) -> Result<Self, Unread> {
        let start: &[u8; 5] =
            file.read_bytes_at(0, 5).ok().and_then(|it| it.first_chunk()).ok_or(Unread::NoProgram)?;
        if !start.starts_with(b"\x7fELF") {
            return Err(Unread::NoProgram);
        }
        // `ELFCLASS64`.
        if start[4] != 2 {
            return Err(Unread::Foreign);
        }
        let header = Header::parse(file).map_err(damaged)?;
        if header.endian().is_err() || header.e_machine.get(ENDIAN) != MACHINE {
            return Err(Unread::Foreign);
        }
        let counts =
            (header.shnum(ENDIAN, file).map_err(damaged)?, header.phnum(ENDIAN, file).map_err(damaged)?);
        if counts.0 > MAX_SECTIONS || counts.1 > MAX_SEGMENTS {
            return Err(Unread::TooLarge);
        }
        let sections = header.sections(ENDIAN, file).map_err(damaged)?;
        let segments = header.program_headers(ENDIAN, file).map_err(damaged)?;
        Ok(Self { file, sections, segments })
    }

    /// The symbols of functions with these names, each with the number beside its name.
    pub(super) fn symbols(&self, wanted: &[(usize, &str)]) -> Result<Vec<Symbol>, Unread> {
        let mut found: Vec<Symbol> = Vec::new();
        for kind in [SHT_DYNSYM, SHT_SYMTAB] {
            for section in self.sections.iter().filter(|it| it.sh_type(ENDIAN) == kind) {
                let missing = wanted.iter().filter(|(at, _)| found.iter().all(|it| it.function != *at));
                let missing: Vec<_> = missing.copied().collect();
                self.search(section, &missing, &mut found)?;
            }
        }
        Ok(found)
    }

    fn search(
        &self,
        table: &SectionHeader64<LittleEndian>,
        wanted: &[(usize, &str)],
        found: &mut Vec<Symbol>,
    ) -> Result<(), Unread> {
        let strings = SectionIndex(table.sh_link(ENDIAN) as usize);
        let strings = self.sections.section(strings).map_err(damaged)?;
        if strings.sh_type(ENDIAN) != SHT_STRTAB {
            return Err(Unread::Damaged);
        }
        let names = self.bytes(strings)?;
        // A linker lets one name be the end of another; so a name is wherever its bytes are.
        let mut places = Vec::new();
        for (function, name) in wanted {
            let with_end = [name.as_bytes(), b"\0"].concat();
            places.extend(memmem::find_iter(names, &with_end).take(1 << 10).map(|at| (at as u64, *function)));
        }
        if places.is_empty() {
            return Ok(());
        }
        if table.sh_size(ENDIAN) > MAX_TABLE {
            return Err(Unread::TooLarge);
        }
        let symbols = table.data_as_array::<Sym64<LittleEndian>, R>(ENDIAN, self.file).map_err(damaged)?;
        for symbol in symbols {
            let name = u64::from(symbol.st_name(ENDIAN));
            let Some((_, function)) = places.iter().find(|(at, _)| *at == name) else { continue };
            let (address, size) = (symbol.st_value(ENDIAN), symbol.st_size(ENDIAN));
            let defined =
                symbol.st_shndx(ENDIAN) != SHN_UNDEF && address != 0 && symbol.st_type() == STT_FUNC;
            let same = |it: &&Symbol| it.function == *function;
            if defined
                && found.iter().filter(same).all(|it| it.address != address)
                && found.iter().filter(same).count() < MAX_PLACES
            {
                found.push(Symbol { function: *function, address, size });
            }
        }
        Ok(())
    }

    /// Go's table of functions; `None` for a program that is not made with Go.
    pub(super) fn pclntab(&self) -> Result<Option<&'d [u8]>, Unread> {
        self.section(&PCLNTAB).map(|it| self.bytes(it)).transpose()
    }

    /// Where the code begins in memory.
    pub(super) fn text(&self) -> Option<u64> {
        self.section(&[b".text"]).map(|it| it.sh_addr(ENDIAN))
    }

    fn section(&self, names: &[&[u8]]) -> Option<&'d SectionHeader64<LittleEndian>> {
        self.sections
            .iter()
            .find(|it| self.sections.section_name(ENDIAN, it).is_ok_and(|name| names.contains(&name)))
    }

    fn bytes(&self, section: &SectionHeader64<LittleEndian>) -> Result<&'d [u8], Unread> {
        if section.sh_size(ENDIAN) > MAX_TABLE {
            return Err(Unread::TooLarge);
        }
        section.data(ENDIAN, self.file).map_err(damaged)
    }

    /// Where in the file the code at `address` lies.
    pub(super) fn offset(&self, address: u64) -> Option<u64> {
        self.place(address).map(|(offset, _)| offset)
    }

    /// Offset in the file, and how many bytes of code there are from there on.
    fn place(&self, address: u64) -> Option<(u64, u64)> {
        self.segments.iter().find_map(|segment| {
            if segment.p_type(ENDIAN) != PT_LOAD || segment.p_flags(ENDIAN) & PF_X == 0 {
                return None;
            }
            let into = address.checked_sub(segment.p_vaddr(ENDIAN))?;
            let left = segment.p_filesz(ENDIAN).checked_sub(into).filter(|left| *left > 0)?;
            Some((segment.p_offset(ENDIAN).checked_add(into)?, left))
        })
    }

    /// The code at `address`; all of the `size` bytes, or nothing.
    pub(super) fn code(&self, address: u64, size: u64) -> Option<&'d [u8]> {
        let (offset, left) = self.place(address)?;
        if size > left { None } else { self.file.read_bytes_at(offset, size).ok() }
    }

    /// Whether a Go function that needs a stack begins at `address`.
    pub(super) fn is_go_function(&self, address: u64) -> bool {
        self.code(address, returns::BEGINNING).is_some_and(returns::is_go_beginning)
    }
}
