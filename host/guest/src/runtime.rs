//! The engine: one for the process, with every feature off that a post-processor does not need.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::component::{self, Linker};
use wasmtime::{Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::Cache;
use crate::component::{Component, Origin};
use crate::error::{CompileError, RuntimeError};
use crate::instance::{self, State};
use crate::load;
use crate::ticker::Ticker;

/// How the runtime is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder for compiled components: of this process's user, closed to all others. `None`: compile each time.
    pub cache_dir: Option<PathBuf>,
    /// Memory that any one guest may have at most.
    pub max_memory: usize,
    /// Guests that may be open at the same time.
    pub slots: u32,
    /// Largest component accepted: compiling takes time in proportion.
    pub max_component: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { cache_dir: None, max_memory: 64 << 20, slots: 32, max_component: 16 << 20 }
    }
}

/// Compiles components. Cheap to keep, dear to make: a process has one.
pub struct Runtime {
    shared: Arc<Shared>,
    linker: Linker<State>,
    cache: Option<Cache>,
    max_component: usize,
}

/// What components keep of their runtime.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) max_memory: usize,
    pub(crate) slots: u32,
}

/// Address space for one memory. With all that 32 bits can address reserved, compiled code needs no bounds checks;
/// what a guest may really use is [`Config::max_memory`]. It is address space only: nothing of it is committed.
const RESERVATION: u64 = 4 << 30;

/// Bytes of a memory that a closed guest's slot keeps for the next one.
const KEPT: usize = 4 << 20;

impl Runtime {
    /// Sets the engine up.
    ///
    /// # Errors
    /// When the cache's folder is open to others or cannot be made, or the address space is not to be had.
    pub fn new(config: Config) -> Result<Self, RuntimeError> {
        let Config { cache_dir, max_memory, slots, max_component } = config;
        let failed = |error: wasmtime::Error| RuntimeError::Engine {
            message: format!("{error:#}"),
            reserved_gib: (u64::from(slots) * RESERVATION) >> 30,
        };
        let engine = Engine::new(&settings(max_memory, slots)).map_err(failed)?;
        let linker = instance::linker(&engine).map_err(failed)?;
        let cache = cache_dir.map(|dir| Cache::open(&dir, &engine)).transpose()?;
        let ticker = Arc::new(Ticker::start(engine.clone()).map_err(RuntimeError::Ticker)?);
        let shared = Arc::new(Shared { engine, ticker, max_memory, slots });
        Ok(Self { shared, linker, cache, max_component })
    }

    /// Compiles `wasm`, or takes the compiled form from the cache, and looks it over: what it imports and exports,
    /// and for which version of the contract. Takes a tenth of a second of every core for a large gadget: not for
    /// an async thread. The bytes must have been verified: compiling is not bounded in time.
    ///
    /// # Errors
    /// When it is no component, or not one of a gadget.
    pub fn component(&self, wasm: &[u8]) -> Result<Component, CompileError> {
        if wasm.len() > self.max_component {
            return Err(CompileError::TooLarge { found: wasm.len(), most: self.max_component });
        }
        let digest = hex(&Sha256::digest(wasm));
        let (component, origin) = match self.cached(&digest) {
            Some(component) => (component, Origin::Cache),
            None => (self.compile(&digest, wasm)?, Origin::Compiled),
        };
        Component::new(self.shared.clone(), &self.linker, component, origin)
    }

    fn cached(&self, digest: &str) -> Option<component::Component> {
        let cache = self.cache.as_ref()?;
        let compiled = cache.read(digest)?;
        match load::component(&self.shared.engine, &compiled) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(%digest, %error, "compiled component refused; compiling it again");
                cache.forget(digest);
                None
            }
        }
    }

    fn compile(&self, digest: &str, wasm: &[u8]) -> Result<component::Component, CompileError> {
        let component = component::Component::from_binary(&self.shared.engine, wasm)
            .map_err(|error| CompileError::invalid(&error))?;
        if let Some(cache) = &self.cache {
            match component.serialize() {
                Ok(code) => cache.write(digest, &code),
                Err(error) => tracing::warn!(%digest, %error, "compiled component not kept"),
            }
        }
        Ok(component)
    }
}

fn settings(max_memory: usize, slots: u32) -> wasmtime::Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        // A component is its own module and, when it imports something, two small ones that wit-component adds.
        .total_core_instances(slots.saturating_mul(4))
        .total_tables(slots.saturating_mul(4))
        .total_memories(slots)
        .max_core_instances_per_component(8)
        .max_memories_per_component(1)
        .max_tables_per_component(8)
        .max_memory_size(max_memory)
        .max_unused_warm_slots(4);
    // Where the kernel can say which pages were written, only those are made anew, by copying: the next guest in the slot
    // finds the others in place, and faults for none of them. Elsewhere all of this memory would be copied.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Auto).linear_memory_keep_resident(KEPT);
    }
    let mut config = wasmtime::Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(RESERVATION)
        .memory_init_cow(true)
        .epoch_interruption(true)
        .wasm_component_model(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .native_unwind_info(false);
    config
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
