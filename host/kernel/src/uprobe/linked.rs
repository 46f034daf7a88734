//! Programs for functions, loaded for links (`uprobe_multi`, Linux 6.6).
//!
//! The older way is an event of perf for each place. Since CVE-2025-38466 was mended (6.16, 6.12.39, 6.6.99, 6.1.146,
//! 5.15.189) it takes CAP_SYS_ADMIN, which agents in a cluster do not have: a breakpoint in the middle of an instruction
//! crashes whoever comes by. A link is made by whoever may load the program. aya loads none for such links, so it is done here, of the
//! same object, and on the maps that aya made.

use std::collections::{BTreeMap, HashSet};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use aya::Ebpf;
use aya::maps::{Map, MapData};
use aya_obj::Object;

use crate::environment;
use crate::prepare::PreparedHook;
use crate::refusal::causes;
use crate::sys::uprobe::load as load_program;

/// Programs by their names.
pub(crate) type Linked = BTreeMap<String, OwnedFd>;

/// The programs of functions in `hooks`, loaded for links, where events of perf may not be made; else none. `ebpf` was made
/// of `object`, and all its maps must still be there. An error says why the kernel loads none.
pub(crate) fn linked(object: &[u8], ebpf: &Ebpf, hooks: &[&PreparedHook]) -> Result<Linked, String> {
    let alternatives = hooks.iter().flat_map(|hook| &hook.alternatives);
    let wanted: Vec<&str> =
        alternatives.filter(|it| it.functions.is_some()).map(|it| it.program.as_str()).collect();
    if wanted.is_empty() || environment::is_admin() {
        return Ok(Linked::new());
    }
    load(object, ebpf, &wanted)
}

fn load(object: &[u8], ebpf: &Ebpf, wanted: &[&str]) -> Result<Linked, String> {
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
