//! The `symbols` import: names for the addresses of a stack. What knows them is the host's; it is asked at once, since
//! a process that is sampled may be gone a moment later.

use std::time::Instant;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, WasmList};

use crate::instance::State;
use crate::ticker;
use crate::wire::SYMBOLS;

/// Most addresses of one call: a kernel stack and a user stack have 127 each.
const MOST: usize = 4096;
/// Bytes of a name that are passed on; C++ has names without end.
const LONGEST: usize = 512;

/// Knows names for addresses.
pub trait Symbols: Send {
    /// The function that each address lies in, empty where it is not known. `pid`: the process whose addresses they are,
    /// or `None` for the kernel.
    fn resolve(&mut self, pid: Option<u32>, addresses: &[u64]) -> Vec<String>;
}

/// A guest that imports it, in a host that offers none, or for more addresses than are taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the host offers no symbols here")]
    None,
    #[error("wanted names for {0} addresses in one call, {MOST} allowed")]
    TooMany(usize),
}

pub(crate) fn offer(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(SYMBOLS)?.func_wrap(
        "resolve",
        |mut cx: StoreContextMut<'_, State>, (pid, addresses): (u32, WasmList<u64>)| {
            if addresses.len() > MOST {
                return Err(Refused::TooMany(addresses.len()).into());
            }
            let addresses: Vec<u64> = addresses.iter(&mut cx)?.collect::<wasmtime::Result<_>>()?;
            let began = Instant::now();
            let symbols = cx.data_mut().symbols.as_mut().ok_or(Refused::None)?;
            let mut names = symbols.resolve((pid != 0).then_some(pid), &addresses);
            for name in &mut names {
                name.truncate(name.floor_char_boundary(LONGEST));
            }
            names.resize(addresses.len(), String::new());
            // Reading a large program's symbols is not the guest's time, of which it gets no more by asking.
            let state = cx.data_mut();
            state.ends += began.elapsed();
            let left = state.ends.saturating_duration_since(Instant::now());
            cx.set_epoch_deadline(ticker::ticks(left));
            Ok((names,))
        },
    )
}
