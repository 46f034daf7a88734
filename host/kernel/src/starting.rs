//! How many runs have their programs loaded at once. The kernel checks a program on a CPU of its own, and in memory that
//! counts against the container's limit, some ten megabytes for a large one: more at once take longer each, and may take
//! more than there is.

use std::sync::{Condvar, Mutex, PoisonError};

/// Runs that load at once.
const MOST: usize = 4;

static STARTING: Starting = Starting { now: Mutex::new(0), left: Condvar::new() };

struct Starting {
    now: Mutex<usize>,
    left: Condvar,
}

/// One that loads, until it is dropped.
pub(crate) struct Turn(&'static Starting);

/// Waits for its turn.
pub(crate) fn turn() -> Turn {
    let now = STARTING.now.lock().unwrap_or_else(PoisonError::into_inner);
    let mut now = STARTING.left.wait_while(now, |now| *now >= MOST).unwrap_or_else(PoisonError::into_inner);
    *now += 1;
    Turn(&STARTING)
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.now.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_load_at_once_and_no_more() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 * MOST {
                scope.spawn(|| {
                    let _turn = turn();
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(20));
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), MOST);
    }
}
