//! Programs for functions, loaded for links (`uprobe_multi`, Linux 6.6).
//!
//! The older way is an event of perf for each place. Since 6.16, and in the stable kernels of that time, it takes
//! CAP_SYS_ADMIN, which agents in a cluster do not have: a breakpoint in the middle of an instruction crashes whoever
//! comes by. A link is made by whoever may load the program. aya loads none for such links, so it is done here, of the
//! same object, and on the maps that aya made.

use std::collections::{BTreeMap, HashSet};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use aya::Ebpf;
use aya::maps::{Map, MapData};
use aya_obj::Object;

use crate::refusal::causes;
use crate::sys::uprobe::load as load_program;

/// Programs by their names.
pub(crate) type Linked = BTreeMap<String, OwnedFd>;

/// Loads the programs `wanted` of `object`, which `ebpf` was made of; all maps must still be there. An error says why this
/// kernel takes them not.
pub(crate) fn load(object: &[u8], ebpf: &Ebpf, wanted: &[&str]) -> Result<Linked, String> {
    let mut object = Object::parse(object).map_err(|error| causes(&error))?;
    let maps = std::mem::take(&mut object.maps);
    let made = maps.iter().filter_map(|(name, map)| {
        let fd = data(ebpf.map(name)?)?.fd().as_fd().as_raw_fd();
        Some((name.as_str(), fd, map))
    });
    // Where a call leads: into the sections that have functions.
    let code: HashSet<usize> = object.functions.keys().map(|(section, _)| *section).collect();
    object.relocate_maps(made, &code).map_err(|error| causes(&error))?;
    object.relocate_calls(&code).map_err(|error| causes(&error))?;
    let load = |name: &&str| {
        let program =
            object.programs.get(*name).ok_or_else(|| format!("the object has no program `{name}`"))?;
        let function = object.functions.get(&program.function_key());
        let function = function.ok_or_else(|| format!("the program `{name}` has no code"))?;
        let loaded = load_program(name, &function.instructions, &program.license);
        Ok((
            (*name).to_owned(),
            loaded
                .map_err(|error| format!("the kernel loads no program for links of many places: {error}"))?,
        ))
    };
    wanted.iter().map(load).collect()
}

/// A map of one of the kinds that gadgets have.
const fn data(map: &Map) -> Option<&MapData> {
    match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::LpmTrie(data)
        | Map::LruHashMap(data)
        | Map::PerCpuArray(data)
        | Map::PerCpuHashMap(data)
        | Map::PerCpuLruHashMap(data)
        | Map::ProgramArray(data)
        | Map::Queue(data)
        | Map::RingBuf(data)
        | Map::Stack(data)
        | Map::StackTraceMap(data) => Some(data),
        _ => None,
    }
}
