//! What a process has mapped where: the executable lines of `/proc/PID/maps`.

use std::fs;
use std::path::PathBuf;

/// A mapping with code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// First address after.
    pub end: u64,
    /// Where in the file it begins.
    pub offset: u64,
    /// Device and inode, as text (`fe:00 1234`); `None` for memory without a file.
    pub file: Option<String>,
    /// Its path, or what the kernel calls it.
    pub name: String,
}

impl Mapping {
    /// Where the file may be opened, of a mapping of the process `pid`: by the mapping itself, which takes a capability,
    /// and finds a file that was replaced or is another container's; else by its path.
    pub fn paths(&self, pid: u32) -> [PathBuf; 2] {
        let Self { start, end, name, .. } = self;
        [format!("/proc/{pid}/map_files/{start:x}-{end:x}").into(), format!("/proc/{pid}/root{name}").into()]
    }

    /// Whether the file is none on a disk, but memory that the kernel shows as one: shared without a file, or made by
    /// `memfd_create`, as compilers do that map their code twice, to write it and to run it.
    pub(crate) fn in_memory(&self) -> bool {
        let name = self.name.strip_suffix(" (deleted)").unwrap_or(&self.name);
        name == "/dev/zero" || ["/memfd:", "/SYSV", "/dev/shm/"].iter().any(|it| name.starts_with(it))
    }
}

/// Those of a process; none when it has ended.
pub fn of_process(pid: u32) -> Vec<Mapping> {
    // A path need not be UTF-8.
    let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    parse(&String::from_utf8_lossy(&maps))
}

fn parse(maps: &str) -> Vec<Mapping> {
    maps.lines().filter_map(mapping).collect()
}

/// `start-end rwxp offset dev inode   path`.
fn mapping(line: &str) -> Option<Mapping> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let executable = words.next()?.contains('x');
    let (offset, device, inode) = (words.next()?, words.next()?, words.next()?);
    let name = words.next().unwrap_or_default().trim_start().to_owned();
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let file = (inode != "0").then(|| format!("{device} {inode}"));
    executable.then_some(Mapping { start: hex(start)?, end: hex(end)?, offset: hex(offset)?, file, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let maps = "55d0a0000000-55d0a0002000 r--p 00000000 fe:00 1234                       /usr/bin/cat\n\
                    55d0a0002000-55d0a0007000 r-xp 00002000 fe:00 1234                       /usr/bin/my cat (deleted)\n\
                    7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n\
                    7ffd1b7fe000-7ffd1b800000 r-xp 00000000 00:00 0                          [vdso]\n\
                    garbage\n";
        let found = parse(maps);
        assert_eq!(found.len(), 3);
        let cat = &found[0];
        assert_eq!((cat.start, cat.end, cat.offset), (0x55d0_a000_2000, 0x55d0_a000_7000, 0x2000));
        assert_eq!(
            (cat.file.as_deref(), cat.name.as_str()),
            (Some("fe:00 1234"), "/usr/bin/my cat (deleted)")
        );
        assert_eq!((found[1].file.as_deref(), found[1].name.as_str()), (None, ""));
        assert_eq!(found[2].name, "[vdso]");
    }
}
