//! The `clock` import.

use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::instance::State;
use crate::wire::CLOCK;

pub(super) fn offer(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(CLOCK)?.func_wrap("now", |_: StoreContextMut<'_, State>, (): ()| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok((u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),))
    })
}
