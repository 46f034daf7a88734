//! Maps that no program of an object uses take no room.
//!
//! A library's maps are in every object that is linked with it, used or not, and the kernel sets memory aside for each: eleven
//! megabytes a run, which count against the limit of the agent's container. They are made all the same, with room for one
//! entry, as the loader wants to know them.

use std::collections::BTreeSet;

use gadget_abi::names;
use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionKind};

/// Where maps are defined, each by a record that begins with four numbers: type, sizes of key and value, entries.
const SECTION: &str = "maps";
const RECORD: usize = 16;
/// Where the entries are, behind the type.
const ENTRIES: usize = 8;
/// Types, by the kernel's numbers, that can have one entry: hashes, arrays, and their kinds for each CPU or by use.
const SHRINKABLE: [u32; 6] = [1, 2, 5, 6, 9, 10];

/// Leaves room for one entry in each map that nothing uses. An object that is not as expected stays as it is.
pub(crate) fn shrink(bytes: &mut [u8]) {
    for at in unused(bytes).unwrap_or_default() {
        let Some(record) = bytes.get_mut(at..).and_then(|it| it.first_chunk_mut::<RECORD>()) else {
            continue;
        };
        let (kind, rest) = record.split_at_mut(4);
        if SHRINKABLE.iter().any(|it| *kind == it.to_le_bytes()) {
            rest[ENTRIES..].copy_from_slice(&1_u32.to_le_bytes());
        }
    }
}

/// Where in the file the records of maps are that nothing uses; `None` if that can't be said.
fn unused(bytes: &[u8]) -> Option<Vec<usize>> {
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    let maps = file.section_by_name(SECTION)?;
    let (begin, _) = maps.file_range()?;
    let of_maps =
        |symbol: &object::read::elf::ElfSymbol64<'_, '_>| symbol.section_index() == Some(maps.index());
    let mut used = BTreeSet::new();
    let loaded = file.sections().filter(|section| {
        matches!(section.kind(), SectionKind::Text | SectionKind::Data | SectionKind::ReadOnlyData)
    });
    for (_, relocation) in loaded.flat_map(|section| section.relocations()) {
        let RelocationTarget::Symbol(symbol) = relocation.target() else { return None };
        let symbol = file.symbol_by_index(symbol).ok()?;
        if of_maps(&symbol) {
            // By the section alone it can't be said which map is meant.
            if symbol.kind() == object::SymbolKind::Section {
                return None;
            }
            used.insert(symbol.address());
        }
    }
    let defined = file.symbols().filter(|it| of_maps(it) && it.kind() != object::SymbolKind::Section);
    let left = defined.filter(|it| !used.contains(&it.address()) && !it.name().is_ok_and(is_the_host_s));
    left.map(|it| usize::try_from(begin.checked_add(it.address())?).ok()).collect()
}

/// Maps that the host reads or writes, whatever the programs do.
fn is_the_host_s(name: &str) -> bool {
    [names::EVENTS, names::LOST, names::SCOPE].contains(&name) || name.starts_with(names::TABLE)
}
