//! The kernel as this process sees it: checked once, with a loader that is made once, beside everything else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use aya::{Ebpf, EbpfError, EbpfLoader, VerifierLogLevel};
use gadget_abi::names;
use gadget_registry::descriptor::Hook;

use crate::btf::KernelTypes;
use crate::environment::{self, KernelError};
use crate::{AttachError, Attached, PrepareError, Prepared, Settings, sys};

/// The running kernel, and what is needed to load into it. One per process; calls may come from any thread.
pub struct Kernel {
    pub(crate) release: String,
    /// Where tracepoints are found, or what to do about it.
    pub(crate) tracefs: Result<PathBuf, String>,
    loader: Arc<OnceLock<Mutex<EbpfLoader<'static>>>>,
}

impl Kernel {
    /// Checks that gadgets can run here: capabilities, type information, tracefs (which is mounted if it is not).
    ///
    /// To be called once. A thread is left behind that makes the loader, in some 30 ms, while gadgets are prepared; a
    /// load that comes before it is done waits for it.
    pub fn new() -> Result<Self, KernelError> {
        let release = environment::release()?;
        environment::check(&release)?;
        let tracefs = environment::tracefs();
        let loader = Arc::new(OnceLock::new());
        let ahead = loader.clone();
        // Without a thread the first load makes it.
        let _ = thread::Builder::new().name("loader".into()).spawn(move || {
            ahead.get_or_init(make_loader);
        });
        Ok(Self { release, tracefs, loader })
    }

    /// The kernel's release: `6.18.44`.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Makes a gadget's object ready for this kernel. Takes milliseconds (some 60 for an object compiled from C with
    /// relocations), so it is done when a gadget is registered and not when it is called.
    pub fn prepare(&self, object: &[u8], hooks: &[Hook]) -> Result<Prepared, PrepareError> {
        self.prepare_with(&KernelTypes::default(), object, hooks)
    }

    /// The same with types that others are prepared with as well: reading them takes longer than all the rest.
    pub fn prepare_with(
        &self,
        types: &KernelTypes,
        object: &[u8],
        hooks: &[Hook],
    ) -> Result<Prepared, PrepareError> {
        Prepared::new(object, hooks, &self.release, types)
    }

    /// Loads and attaches what a run needs. Everything is detached when the result is dropped.
    pub fn attach(&self, prepared: &Prepared, settings: &Settings) -> Result<Attached, AttachError> {
        Attached::new(self, prepared, settings)
    }

    /// Makes the maps and the programs' final code; loads no program yet.
    pub(crate) fn load(&self, object: &[u8], ring_bytes: u32) -> Result<Ebpf, LoadError> {
        let loader = self.loader.get_or_init(make_loader);
        let mut loader = loader.lock().unwrap_or_else(PoisonError::into_inner);
        loader.map_max_entries(names::EVENTS, ring_bytes);
        // A loader keeps no state of a load, so one that panicked can be used again.
        let loaded = catch_unwind(AssertUnwindSafe(|| loader.load(object)));
        loaded.map_err(|_| LoadError::Panicked)?.map_err(|error| LoadError::Failed(Box::new(error)))
    }
}

/// Making a loader parses the kernel's types, whether they are wanted or not; so there is one.
fn make_loader() -> Mutex<EbpfLoader<'static>> {
    let mut loader = EbpfLoader::new();
    // Objects come here with their relocations applied, and attach targets are found otherwise.
    loader.btf(None).verifier_log_level(VerifierLogLevel::DEBUG);
    // Asks the kernel what it can do, which the first load would wait for.
    aya::features();
    sys::return_free_memory();
    Mutex::new(loader)
}

/// Why an object was not loaded.
pub(crate) enum LoadError {
    Failed(Box<EbpfError>),
    Panicked,
}
