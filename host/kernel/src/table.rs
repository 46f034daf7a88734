//! Reads the tables of a gadget: hashes in which its kernel half adds things up, each value a whole record.
//!
//! A hash is read while programs change it. Every key that is there from beginning to end is read once; one that is
//! added meanwhile may wait for the next reading. Numbers are read whole, but not all of a value at the same moment.

use std::io;
use std::os::fd::AsFd as _;

use aya::maps::MapData;

use crate::sys::lookup_batch;

/// Bytes of values that are read with one call, as long as they hold [`FEWEST`] entries.
const CHUNK: usize = 1 << 20;
/// Entries that are read with one call at least: all that share a bucket of the hash must fit.
const FEWEST: usize = 256;

/// Most bytes that the values of one table may take.
pub(crate) const MAX_TABLE: usize = 64 << 20;
/// Most bytes of one value: a batch of events must hold it.
pub(crate) const MAX_VALUE: usize = 64 << 10;

/// A table. It can be read after the programs are detached, and then is final.
pub struct Table {
    name: String,
    map: MapData,
    key_size: usize,
    value_size: usize,
    max_entries: usize,
    keys: Vec<u8>,
    values: Vec<u8>,
}

impl Table {
    pub(crate) fn new(name: String, map: MapData, shape: &gadget_registry::elf::Map) -> Self {
        let size = |size: u32| size as usize;
        Self {
            name,
            map,
            key_size: size(shape.key_size),
            value_size: size(shape.value_size),
            max_entries: size(shape.max_entries),
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Its name, without the prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hands on every value, until `value` fails.
    pub fn read<E: From<io::Error>>(
        &mut self,
        mut value: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let at_once = (CHUNK / self.value_size).max(FEWEST).min(self.max_entries.max(FEWEST));
        self.keys.resize(at_once * self.key_size, 0);
        self.values.resize(at_once * self.value_size, 0);
        let (mut count, mut position) = (0, None);
        // A table that grows while it is read has no more entries than fit.
        while count <= self.max_entries {
            let keys = (&mut self.keys[..], self.key_size);
            let values = (&mut self.values[..], self.value_size);
            let (read, next) = lookup_batch(self.map.fd().as_fd(), position, keys, values)?;
            count += read;
            self.values.chunks_exact(self.value_size).take(read).try_for_each(&mut value)?;
            if next.is_none() {
                break;
            }
            position = next;
        }
        Ok(count)
    }
}
