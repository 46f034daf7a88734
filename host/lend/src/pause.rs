//! Waiting, for gadgets that ask again later.

use std::time::{Duration, Instant};

use gadgetry_guest::lent::clock::Pause;
use tokio_util::sync::CancellationToken;

/// How soon a cancelled call is noticed.
const LOOK: Duration = Duration::from_millis(20);

/// One run's pauses. The run has a thread of its own, so it may sleep.
pub(crate) struct Pauses(pub(crate) CancellationToken);

impl Pause for Pauses {
    fn pause(&mut self, wanted: Duration) -> bool {
        let until = Instant::now() + wanted;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.0.is_cancelled() || left.is_zero() {
                return !self.0.is_cancelled();
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_call_waits_no_longer() {
        let stop = CancellationToken::new();
        let began = Instant::now();
        assert!(Pauses(stop.clone()).pause(Duration::from_millis(30)));
        assert!(began.elapsed() >= Duration::from_millis(30));
        stop.cancel();
        assert!(!Pauses(stop).pause(Duration::from_secs(60)));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
