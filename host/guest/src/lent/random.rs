//! The `random` import.

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::instance::State;
use crate::wire::RANDOM;

/// Most bytes of one call.
const MOST: u32 = 4096;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("wanted {0} random bytes in one call, {MOST} allowed")]
    TooMany(u32),
    #[error("the kernel gives no random bytes: {0}")]
    Kernel(String),
}

pub(super) fn offer(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(RANDOM)?.func_wrap("bytes", |_: StoreContextMut<'_, State>, (count,): (u32,)| {
        if count > MOST {
            return Err(Failed::TooMany(count).into());
        }
        let mut bytes = vec![0; count as usize];
        getrandom::fill(&mut bytes).map_err(|error| Failed::Kernel(error.to_string()))?;
        Ok((bytes,))
    })
}
