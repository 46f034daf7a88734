//! Which containers a run looks at, by their mount namespaces: a map that programs look in and the host writes.

use std::io;

use aya::maps::{HashMap, MapData, MapError};

use crate::refusal::causes;

/// The mount namespaces whose events are wanted, while the run goes on.
pub struct Scope {
    map: HashMap<MapData, u32, u8>,
}

impl Scope {
    pub(crate) const fn new(map: HashMap<MapData, u32, u8>) -> Self {
        Self { map }
    }

    /// Adds a mount namespace.
    pub fn add(&mut self, mntns: u32) -> io::Result<()> {
        self.map.insert(mntns, 1, 0).map_err(|error| io_error(&error))
    }

    /// Removes a mount namespace; one that is not there is no error.
    pub fn remove(&mut self, mntns: u32) -> io::Result<()> {
        match self.map.remove(&mntns) {
            Err(MapError::KeyNotFound) => Ok(()),
            other => other.map_err(|error| io_error(&error)),
        }
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    }
}

/// What the kernel said of a map.
pub(crate) fn io_error(error: &MapError) -> io::Error {
    match error {
        MapError::SyscallError(failed) => failed.io_error.raw_os_error().map(io::Error::from_raw_os_error),
        _ => None,
    }
    .unwrap_or_else(|| io::Error::other(causes(error)))
}
