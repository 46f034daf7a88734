//! One process: which file an address is of.

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
        Self { pid, mappings: maps::of_process(pid), perf_map: PerfMap::of(pid) }
    }

    pub(crate) fn name(&mut self, address: u64, images: &mut Images) -> String {
        if self.find(address).is_none() {
            // It may have mapped more since, or run another program.
            let now = maps::of_process(self.pid);
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
        let paths = mapping.paths(self.pid);
        let offset = address - mapping.start + mapping.offset;
        if let Some(name) = images.get(id, &paths).and_then(|image| image.name(offset)) {
            return demangled(name);
        }
        if mapping.in_memory()
            && let Some(name) = self.perf_map.name(address)
        {
            return name.to_owned();
        }
        format!("[{}]", mapping.name.rsplit('/').next().unwrap_or_default())
    }

    fn find(&self, address: u64) -> Option<usize> {
        self.mappings.iter().position(|it| (it.start..it.end).contains(&address))
    }
}
