//! The `config` import.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, WasmStr};

use crate::error::line;
use crate::instance::State;
use crate::wire::CONFIG;

/// Knows settings.
pub trait Config: Send {
    /// What is bound to `name`: `Err` when the gadget's permissions state no such setting.
    fn get(&mut self, name: &str) -> Result<Option<String>, NotStated>;
}

/// A setting that the gadget's permissions do not state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotStated;

/// The guest asked for a setting that it may not have.
#[derive(Debug, thiserror::Error)]
#[error("it asked for the setting `{0}`, which its permissions do not state")]
struct Unknown(String);

/// The guest conceals without end.
#[derive(Debug, thiserror::Error)]
#[error("it conceals more values than can be looked for")]
struct TooMany;

pub(super) fn offer(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(CONFIG)?;
    instance.func_wrap("get", |mut cx: StoreContextMut<'_, State>, (name,): (WasmStr,)| {
        let name = name.to_str(&cx)?.into_owned();
        let found = match &mut cx.data_mut().lent.config {
            Some(config) => config.get(&name),
            None => Err(NotStated),
        };
        match found {
            Ok(value) => Ok((value,)),
            Err(NotStated) => Err(Unknown(line(&name, 64)).into()),
        }
    })?;
    instance.func_wrap("conceal", |mut cx: StoreContextMut<'_, State>, (value,): (WasmStr,)| {
        let value = value.to_str(&cx)?.into_owned();
        if cx.data_mut().log.secrets.add(value) { Ok(()) } else { Err(TooMany.into()) }
    })
}
