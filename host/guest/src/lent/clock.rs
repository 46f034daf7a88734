//! The `clock` import.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::meanwhile;
use crate::instance::State;
use crate::wire::CLOCK;

/// Waits, for a guest.
pub trait Pause: Send {
    /// Waits so long; false when whoever called no longer waits.
    fn pause(&mut self, wanted: Duration) -> bool;
}

pub(super) fn offer(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut clock = linker.instance(CLOCK)?;
    clock.func_wrap("sleep", |mut cx: StoreContextMut<'_, State>, (ms,): (u32,)| {
        let waits = meanwhile(&mut cx, |state, left| match &mut state.lent.pause {
            Some(pause) => pause.pause(Duration::from_millis(ms.into()).min(left)),
            // Nobody can call it off, so nobody waits.
            None => false,
        });
        Ok((waits,))
    })?;
    clock.func_wrap("now", |_: StoreContextMut<'_, State>, (): ()| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok((u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),))
    })
}
