//! Perf maps: what a just-in-time compiler says of the code it makes, in `/tmp/perf-PID.map` of its own mount and pid
//! namespace. It goes on writing, so the file is read again when it has grown.

use std::fs::{self, File};
use std::io::Read as _;

use crate::table::Table;

/// Largest file that is read; beyond, functions have no names.
const MOST: u64 = 256 << 20;

/// One process'.
pub(crate) struct PerfMap {
    path: String,
    len: u64,
    table: Table,
}

impl PerfMap {
    pub(crate) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        // The last is the number that the process knows itself by.
        let own = line.and_then(|pids| pids.split_ascii_whitespace().last()?.parse().ok()).unwrap_or(pid);
        Self { path: format!("/proc/{pid}/root/tmp/perf-{own}.map"), len: 0, table: Table::default() }
    }

    pub(crate) fn name(&mut self, address: u64) -> Option<&str> {
        if self.table.name(address).is_none() {
            self.read_again();
        }
        self.table.name(address)
    }

    fn read_again(&mut self) {
        let Ok(file) = File::open(&self.path) else { return };
        // Anyone may put something there that is no file, and would never end.
        let Some(found) = file.metadata().ok().filter(fs::Metadata::is_file) else { return };
        if found.len() == self.len {
            return;
        }
        self.len = found.len();
        let mut bytes = Vec::new();
        if file.take(MOST).read_to_end(&mut bytes).is_ok() {
            self.table = parse(&String::from_utf8_lossy(&bytes));
        }
    }
}

/// Lines of start and size, hexadecimal, and a name that may have blanks.
fn parse(text: &str) -> Table {
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    Table::collect(text.lines().filter_map(|line| {
        let mut words = line.splitn(3, ' ');
        Some((hex(words.next()?)?, hex(words.next()?)?, words.next()?.trim()))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_again_when_it_has_grown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("perf-1.map");
        let mut map = PerfMap { path: path.display().to_string(), len: 0, table: Table::default() };
        assert_eq!(map.name(0x1000), None);
        fs::write(&path, "1000 20 LazyCompile:~one a.js:1\ngarbage\n").unwrap();
        assert_eq!(map.name(0x101f), Some("LazyCompile:~one a.js:1"));
        assert_eq!(map.name(0x2000), None);
        fs::write(&path, "1000 20 one\n0x2000 0x10 two\n").unwrap();
        assert_eq!(map.name(0x2000), Some("two"));
    }
}
