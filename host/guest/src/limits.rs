//! What a run may use, and what it was cut by.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What one run of a post-processor may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long one call may take, by the clock.
    pub deadline_per_call: Duration,
    /// How long one call may wait in all for what the host does for it, beside that.
    pub waits_per_call: Duration,
    /// How far its memory may grow; the runtime's own cap holds as well.
    pub memory_bytes: usize,
    /// Rows it may return in all; further ones are dropped and counted.
    pub rows_per_run: u64,
    /// Bytes of rows it may return from one call; rows beyond are dropped and counted.
    pub bytes_out_per_call: usize,
    /// Log lines in any one second; further ones are dropped and counted.
    pub log_lines_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline_per_call: Duration::from_secs(2),
            waits_per_call: Duration::from_secs(120),
            memory_bytes: 64 << 20,
            rows_per_run: u64::MAX,
            bytes_out_per_call: 16 << 20,
            log_lines_per_second: 20,
        }
    }
}

/// What a run returned so far, and what was cut by its [`Limits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows returned.
    pub rows: u64,
    /// Bytes of these rows.
    pub bytes: u64,
    /// Rows dropped because of [`Limits::rows_per_run`].
    pub cut_by_rows: u64,
    /// Rows dropped because of [`Limits::bytes_out_per_call`].
    pub cut_by_bytes: u64,
    /// Log lines written.
    pub log_lines: u64,
    /// Log lines dropped because of [`Limits::log_lines_per_second`].
    pub log_dropped: u64,
}

/// The memory cap. Growing beyond it ends the call at once: most guests would abort on the failed allocation
/// anyway, only with a message that hides the cause.
#[derive(Debug)]
pub(crate) struct MemoryCap {
    pub(crate) bytes: usize,
}

/// The guest wanted more memory than it may have.
#[derive(Debug, thiserror::Error)]
#[error("wanted {wanted} bytes of memory, {cap} allowed")]
pub(crate) struct OverMemory {
    pub(crate) wanted: usize,
    pub(crate) cap: usize,
}

impl ResourceLimiter for MemoryCap {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.bytes {
            return Err(OverMemory { wanted: desired, cap: self.bytes }.into());
        }
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // The pool's own size of tables is the cap.
        Ok(true)
    }
}
