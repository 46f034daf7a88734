//! What the host lends to a guest: requests over HTTP, settings, a store, the time and random bytes.
//!
//! This crate knows what crosses the border and keeps the guest's time; who may ask whom, and where values are kept, is
//! known by what stands behind the traits. A guest that imports an interface which it was not lent gets an error it can
//! tell, or ends, as the interface says.

pub mod clock;
pub mod config;
pub mod http;
pub mod store;

mod random;

use std::time::{Duration, Instant};

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use self::clock::Pause;
use self::config::Config;
use self::http::Http;
use self::store::Store;
use crate::instance::State;
use crate::ticker;

/// What one run is lent.
#[derive(Default)]
pub struct Lent {
    /// For guests that import `http`.
    pub http: Option<Box<dyn Http>>,
    /// For guests that import `config`.
    pub config: Option<Box<dyn Config>>,
    /// For guests that import `store`.
    pub store: Option<Box<dyn Store>>,
    /// For guests that wait.
    pub pause: Option<Box<dyn Pause>>,
}

pub(crate) fn offer(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    http::offer(linker)?;
    config::offer(linker)?;
    store::offer(linker)?;
    clock::offer(linker)?;
    random::offer(linker)
}

/// Does what is not the guest's work, and gives it back the time that took: it gets no more of its own by asking. What
/// it waited in one call is added up, and has a cap.
fn meanwhile<T>(cx: &mut StoreContextMut<'_, State>, work: impl FnOnce(&mut State, Duration) -> T) -> T {
    let began = Instant::now();
    let state = cx.data_mut();
    let left = state.waits.saturating_sub(state.waited);
    let done = work(state, left);
    let took = began.elapsed();
    state.waited += took;
    state.ends += took;
    let left = state.ends.saturating_duration_since(Instant::now());
    cx.set_epoch_deadline(ticker::ticks(left));
    done
}
