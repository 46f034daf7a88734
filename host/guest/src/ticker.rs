//! The clock behind deadlines: a thread that counts the engine's epoch up while a guest is open. With none open it
//! sleeps, so that an idle agent wakes nobody.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// One tick.
const TICK: Duration = Duration::from_millis(10);

/// Epochs until `deadline` is surely over.
pub(crate) fn ticks(deadline: Duration) -> u64 {
    u64::try_from(deadline.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX / 2).saturating_add(1)
}

/// Ends its thread when dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: usize,
    stopped: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticker {
    /// Starts the thread for `engine`.
    pub(crate) fn start(engine: Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        thread::Builder::new().name("wasm-ticker".into()).spawn(move || run(&theirs, &engine))?;
        Ok(Self { shared })
    }

    /// Keeps the clock running until the guard is dropped.
    pub(crate) fn keep(self: &Arc<Self>) -> Running {
        self.shared.lock().open += 1;
        self.shared.changed.notify_one();
        Running { ticker: self.clone() }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_one();
    }
}

/// See [`Ticker::keep`].
#[derive(Debug)]
pub(crate) struct Running {
    ticker: Arc<Ticker>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ticker.shared.lock().open -= 1;
    }
}

fn run(shared: &Shared, engine: &Engine) {
    loop {
        {
            let mut state = shared.lock();
            while state.open == 0 && !state.stopped {
                state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stopped {
                return;
            }
        }
        thread::sleep(TICK);
        engine.increment_epoch();
    }
}
