//! One process: which file an address is of.

use std::fs;
use std::path::PathBuf;

use crate::demangled;
use crate::image::Images;
use crate::maps::{self, Mapping};
use crate::perf_map::PerfMap;

/// What is known of a process.
pub(crate) struct Process {
    pid: u32,
    mappings: Vec<Mapping>,
    perf_map: PerfMap,
}

impl Process {
    pub(crate) fn read(pid: u32) -> Self {
        Self { pid, mappings: mappings(pid), perf_map: PerfMap::of(pid) }
    }

    pub(crate) fn name(&mut self, address: u64, images: &mut Images) -> String {
        if self.find(address).is_none() {
            // It may have mapped more since, or run another program.
            let now = mappings(self.pid);
            if now.is_empty() || now == self.mappings {
                return String::new();
            }
            self.mappings = now;
        }
        let Some(at) = self.find(address) else { return String::new() };
        let mapping = &self.mappings[at];
        let Some(id) = &mapping.file else {
            let name = self.perf_map.name(address).map(str::to_owned);
            return name.unwrap_or_else(|| mapping.name.clone());
        };
        let paths = self.paths(mapping);
        let offset = address - mapping.start + mapping.offset;
        match images.get(id, &paths).and_then(|image| image.name(offset)) {
            Some(name) => demangled(name),
            None => format!("[{}]", mapping.name.rsplit('/').next().unwrap_or_default()),
        }
    }

    fn find(&self, address: u64) -> Option<usize> {
        self.mappings.iter().position(|it| (it.start..it.end).contains(&address))
    }

    /// Where the file may be opened: by the mapping itself, which takes a capability; else by its path.
    fn paths(&self, mapping: &Mapping) -> [PathBuf; 2] {
        let Mapping { start, end, name, .. } = mapping;
        let pid = self.pid;
        [format!("/proc/{pid}/map_files/{start:x}-{end:x}").into(), format!("/proc/{pid}/root{name}").into()]
    }
}

fn mappings(pid: u32) -> Vec<Mapping> {
    // A path need not be UTF-8.
    let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    maps::parse(&String::from_utf8_lossy(&maps))
}
