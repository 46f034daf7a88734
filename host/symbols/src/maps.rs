//! What a process has mapped where: the executable lines of `/proc/PID/maps`.

/// A mapping with code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Where in the file it begins.
    pub(crate) offset: u64,
    /// Device and inode, as text; `None` for memory without a file.
    pub(crate) file: Option<String>,
    /// Its path, or what the kernel calls it.
    pub(crate) name: String,
}

pub(crate) fn parse(maps: &str) -> Vec<Mapping> {
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
