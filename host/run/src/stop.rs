//! Ends a run from outside: its caller cancelled, or is gone. The run's thread may be waiting for events, so a flag
//! is not enough: the reader has to be woken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use gadgetry_kernel::Waker;
use tokio_util::sync::CancellationToken;

/// Shared by a run's thread and whoever waits for it.
#[derive(Default)]
pub(crate) struct Stop {
    stopped: AtomicBool,
    waker: OnceLock<Waker>,
    /// For what the run waits for elsewhere: what it was lent.
    token: CancellationToken,
}

impl Stop {
    /// Ends the run. Whichever of this and [`Self::arm`] comes second wakes the reader.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.token.cancel();
        if let Some(waker) = self.waker.get() {
            waker.stop();
        }
    }

    /// The run's thread is about to wait.
    pub(crate) fn arm(&self, waker: Waker) {
        let waker = self.waker.get_or_init(|| waker);
        if self.stopped() {
            waker.stop();
        }
    }

    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

/// Stops a run when it is dropped: a caller that goes away takes its run along.
pub(crate) struct StopOnDrop(pub(crate) Arc<Stop>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
