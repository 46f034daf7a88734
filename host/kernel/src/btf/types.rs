//! The kernel's types for as long as gadgets are prepared: read when the first one asks, and given back with the last.
//! A server that starts with twenty gadgets reads them once.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::{Btf, BtfError};
use crate::sys;

/// The running kernel's types, read when they are first asked for. They take some six megabytes: to be dropped when the
/// gadgets at hand are prepared.
#[derive(Default)]
pub struct KernelTypes {
    read: OnceLock<Btf>,
    /// Held while they are read, so that whoever comes meanwhile waits and does not read them as well.
    reading: Mutex<()>,
}

impl KernelTypes {
    pub(crate) fn btf(&self) -> Result<&Btf, BtfError> {
        let _reading = match self.read.get() {
            Some(btf) => return Ok(btf),
            None => self.reading.lock().unwrap_or_else(PoisonError::into_inner),
        };
        match self.read.get() {
            Some(btf) => Ok(btf),
            None => {
                let btf = Btf::of_kernel()?;
                Ok(self.read.get_or_init(|| btf))
            }
        }
    }
}

impl Drop for KernelTypes {
    fn drop(&mut self) {
        // What preparing needed besides lies free in small pieces now, even where the types were not asked for.
        drop(self.read.take());
        sys::return_free_memory();
    }
}

impl fmt::Debug for KernelTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelTypes").field("read", &self.read.get().is_some()).finish_non_exhaustive()
    }
}
