//! ELF files: where their code is loaded from, and what it is called. Only the parts that are needed are read.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use object::read::ReadCache;
use object::{Object as _, ObjectSegment as _, SymbolKind};

use crate::table::Table;

/// Files whose symbols are kept.
const MOST: usize = 1024;
/// Where distributions put the symbols that they strip off.
const DEBUG: &str = "/usr/lib/debug/.build-id";

/// Files by device and inode.
#[derive(Default)]
pub(crate) struct Images(HashMap<String, Option<Image>>);

impl Images {
    /// The file `id`, read from the first of `paths` that can be opened when it is asked for first.
    pub(crate) fn get(&mut self, id: &str, paths: &[PathBuf]) -> Option<&Image> {
        if self.0.len() >= MOST && !self.0.contains_key(id) {
            self.0.clear();
        }
        if !self.0.contains_key(id) {
            let image = paths.iter().find_map(|path| Image::read(path));
            self.0.insert(id.to_owned(), image);
        }
        self.0.get(id)?.as_ref()
    }
}

/// One file.
pub(crate) struct Image {
    segments: Vec<Segment>,
    symbols: Table,
}

struct Segment {
    offset: u64,
    size: u64,
    address: u64,
}

impl Image {
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let cache = ReadCache::new(File::open(path).ok()?);
        let file = object::File::parse(&cache).ok()?;
        let segment = |it: object::Segment<'_, '_, _>| {
            let (offset, size) = it.file_range();
            Segment { offset, size, address: it.address() }
        };
        let segments = file.segments().map(segment).collect();
        let mut symbols = functions(file.symbols());
        if symbols.is_empty() {
            let id = file.build_id().ok().flatten();
            symbols = id.and_then(stripped_off).unwrap_or_default();
        }
        if symbols.is_empty() {
            symbols = functions(file.dynamic_symbols());
        }
        Some(Self { segments, symbols })
    }

    /// The function at byte `offset` of the file.
    pub(crate) fn name(&self, offset: u64) -> Option<&str> {
        let inside = |it: &&Segment| offset >= it.offset && offset - it.offset < it.size;
        let segment = self.segments.iter().find(inside)?;
        self.symbols.name(segment.address.wrapping_add(offset - segment.offset))
    }
}

/// The symbols of the program with this build id, when its debug package is installed.
fn stripped_off(build_id: &[u8]) -> Option<Table> {
    let hex: String = build_id.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
    let (first, rest) = hex.split_at_checked(2)?;
    let cache = ReadCache::new(File::open(format!("{DEBUG}/{first}/{rest}.debug")).ok()?);
    let file = object::File::parse(&cache).ok()?;
    Some(functions(file.symbols()))
}

fn functions<'a, S: object::ObjectSymbol<'a>>(symbols: impl Iterator<Item = S>) -> Table {
    let functions = symbols.filter(|it| it.kind() == SymbolKind::Text && it.is_definition());
    Table::collect(functions.filter_map(|it| Some((it.address(), it.size(), it.name().ok()?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_program_has_no_symbols() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        for bytes in [&b""[..], b"\x7fELF", b"#!/bin/sh\n", &[0x7f; 4096]] {
            std::fs::write(&file, bytes).unwrap();
            assert!(Image::read(&file).is_none_or(|image| image.name(0).is_none()));
        }
        assert!(Image::read(folder.path()).is_none());
    }

    #[test]
    fn a_damaged_program_is_no_danger() {
        let program = std::fs::read("/bin/true").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        for step in [1, 3, 7] {
            let mut damaged = program.clone();
            damaged.iter_mut().skip(24).step_by(step * 5).for_each(|byte| *byte ^= 0x5a);
            damaged.truncate(program.len() / step);
            std::fs::write(&file, damaged).unwrap();
            assert!(Image::read(&file).is_none_or(|image| image.name(u64::MAX).is_none()));
        }
    }
}
