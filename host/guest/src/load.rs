//! The one unsafe step of this crate: machine code read from a file becomes a component.
#![allow(unsafe_code, reason = "wasmtime cannot check compiled code; the cache does, before it gets here")]

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::Compiled;

/// The component whose compiled form `compiled` is.
pub(crate) fn component(engine: &Engine, compiled: &Compiled) -> wasmtime::Result<Component> {
    // SAFETY: the bytes must be what this version of wasmtime serialized. A `Compiled` is only made by the cache,
    // from a file that belongs to this process's user, that no other user can write, in a folder that no other user
    // can enter, and whose SHA-256 is the one this process's user noted when writing it. wasmtime itself refuses
    // other versions, settings and CPU features.
    unsafe { Component::deserialize(engine, compiled.code()) }
}
