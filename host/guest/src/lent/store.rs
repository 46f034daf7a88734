//! The `store` import.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower, WasmList, WasmStr};

use crate::instance::State;
use crate::wire::STORE;

/// Keeps values.
pub trait Store: Send {
    /// The value of `key`.
    fn get(&mut self, key: &str) -> Option<Vec<u8>>;
    /// Keeps `value`, for `ttl` seconds or for good; how many entries were dropped for that, which may be if `evict`.
    fn set(&mut self, key: String, value: Vec<u8>, ttl: Option<u64>, evict: bool) -> Result<u32, Error>;
    /// Forgets `key`; whether there was one.
    fn delete(&mut self, key: &str) -> bool;
    /// The keys that begin with `prefix`, sorted.
    fn keys(&mut self, prefix: &str) -> Vec<String>;
}

/// Why a value was not kept.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lower)]
#[component(variant)]
pub enum Error {
    /// No room.
    #[component(name = "full")]
    Full(String),
    /// A key or value that is too large.
    #[component(name = "too-large")]
    TooLarge(String),
}

/// A guest that was lent none.
#[derive(Debug, thiserror::Error)]
#[error("the host lends it no store here")]
struct NotLent;

fn store<'a>(cx: &'a mut StoreContextMut<'_, State>) -> wasmtime::Result<&'a mut Box<dyn Store>> {
    Ok(cx.data_mut().lent.store.as_mut().ok_or(NotLent)?)
}

type Set = (WasmStr, WasmList<u8>, Option<u64>, bool);

pub(super) fn offer(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(STORE)?;
    instance.func_wrap("get", |mut cx: StoreContextMut<'_, State>, (key,): (WasmStr,)| {
        let key = key.to_str(&cx)?.into_owned();
        Ok((store(&mut cx)?.get(&key),))
    })?;
    instance.func_wrap("set", |mut cx: StoreContextMut<'_, State>, (key, value, ttl, evict): Set| {
        let key = key.to_str(&cx)?.into_owned();
        let value = value.as_le_slice(&cx).to_vec();
        Ok((store(&mut cx)?.set(key, value, ttl, evict),))
    })?;
    instance.func_wrap("delete", |mut cx: StoreContextMut<'_, State>, (key,): (WasmStr,)| {
        let key = key.to_str(&cx)?.into_owned();
        Ok((store(&mut cx)?.delete(&key),))
    })?;
    instance.func_wrap("keys", |mut cx: StoreContextMut<'_, State>, (prefix,): (WasmStr,)| {
        let prefix = prefix.to_str(&cx)?.into_owned();
        Ok((store(&mut cx)?.keys(&prefix),))
    })
}
