//! Names of functions, for gadgets whose permissions name `symbols`.

/// One run's: what it has read of programs is given back when the run ends.
#[derive(Default)]
pub(crate) struct Symbols(gadgetry_symbols::Symbols);

impl gadgetry_guest::Symbols for Symbols {
    fn resolve(&mut self, pid: Option<u32>, addresses: &[u64]) -> Vec<String> {
        self.0.resolve(pid, addresses)
    }
}
