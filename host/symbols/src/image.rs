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
            let image = paths.iter().find_map(|path| Image::read(path, Path::new(DEBUG)));
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
    /// `debug`: the folder of symbols that were stripped off.
    fn read(path: &Path, debug: &Path) -> Option<Self> {
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
            symbols = id.and_then(|id| stripped_off(id, debug)).unwrap_or_default();
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
fn stripped_off(build_id: &[u8], debug: &Path) -> Option<Table> {
    let hex: String = build_id.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
    let (first, rest) = hex.split_at_checked(2)?;
    let cache = ReadCache::new(File::open(debug.join(first).join(format!("{rest}.debug"))).ok()?);
    let file = object::File::parse(&cache).ok()?;
    Some(functions(file.symbols()))
}

fn functions<'a, S: object::ObjectSymbol<'a>>(symbols: impl Iterator<Item = S>) -> Table {
    let functions = symbols.filter(|it| it.kind() == SymbolKind::Text && it.is_definition());
    Table::collect(functions.filter_map(|it| Some((it.address(), it.size(), it.name().ok()?))))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use object::ObjectSymbol as _;

    use super::*;

    #[test]
    fn what_is_no_program_has_no_symbols() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        for bytes in [&b""[..], b"\x7fELF", b"#!/bin/sh\n", &[0x7f; 4096]] {
            std::fs::write(&file, bytes).unwrap();
            assert!(Image::read(&file, folder.path()).is_none_or(|image| image.name(0).is_none()));
        }
        assert!(Image::read(folder.path(), folder.path()).is_none());
    }

    /// A program's symbols are its own, or lie in a file of their own that is found by its build id; without either, only
    /// what other files may call has a name.
    #[test]
    fn symbols_are_found_in_the_program_or_by_its_build_id() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let run = |program: &str, arguments: &[&str]| {
            let done = Command::new(program).args(arguments).current_dir(folder.path()).status();
            assert!(
                done.expect("the test needs a C compiler and binutils").success(),
                "{program} {arguments:?}"
            );
        };
        let source = "static __attribute__((noinline)) int hidden(int n) { return n * 3; }\n\
                      __attribute__((noinline)) int offered(int n) { return hidden(n) + 1; }\n\
                      int main(int n, char **a) { return offered(n); }\n";
        std::fs::write(path("it.c"), source).unwrap();
        run("cc", &["-O1", "-rdynamic", "-Wl,--build-id=0xabcdef0123456789", "-o", "it", "it.c"]);
        let file = |name: &str| std::fs::read(path(name)).unwrap();
        let whole = file("it");
        let parsed = object::File::parse(&*whole).unwrap();
        let offset = |name: &str| {
            let address = parsed.symbols().find(|it| it.name() == Ok(name)).unwrap().address();
            let segment =
                parsed.segments().find(|it| (it.address()..it.address() + it.size()).contains(&address));
            let segment = segment.unwrap();
            address - segment.address() + segment.file_range().0
        };
        let (hidden, offered) = (offset("hidden"), offset("offered"));
        let names = |name: &str, debug: &Path| {
            let image = Image::read(&path(name), debug).unwrap();
            [hidden, offered].map(|offset| image.name(offset + 1).map(str::to_owned))
        };
        let both = ["hidden", "offered"].map(|name| Some(name.to_owned()));
        assert_eq!(names("it", &path("absent")), both);

        run("objcopy", &["--only-keep-debug", "it", "it.debug"]);
        run("objcopy", &["--strip-all", "it", "stripped"]);
        assert_eq!(names("stripped", &path("absent")), [None, Some("offered".to_owned())]);
        std::fs::create_dir_all(path("debug/ab")).unwrap();
        std::fs::rename(path("it.debug"), path("debug/ab/cdef0123456789.debug")).unwrap();
        assert_eq!(names("stripped", &path("debug")), both);
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
            assert!(Image::read(&file, folder.path()).is_none_or(|image| image.name(u64::MAX).is_none()));
        }
    }
}
