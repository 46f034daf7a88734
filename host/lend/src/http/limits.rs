//! How much a gadget may ask: requests at a time and a second, bytes, time.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Requests that one call may hand over.
pub(super) const IN_ONE_CALL: usize = 64;
/// Of these, how many are on their way at a time.
pub(super) const AT_A_TIME: usize = 8;
/// How many a gadget's runs may have on their way together.
pub(super) const TOGETHER: usize = 32;
/// Requests a second, in the long run, and at once after a pause.
const RATE: f64 = 50.0;
const BURST: f64 = 100.0;

/// Bytes of a request's body.
pub(super) const BODY: usize = 8 << 20;
/// Bytes of an answer's body, unless the gadget wants less.
pub(super) const ANSWER: usize = 8 << 20;
/// Bytes of all answers to one call.
const ANSWERS: usize = 32 << 20;
/// Headers of a request, and bytes of them.
pub(super) const HEADERS: usize = 64;
pub(super) const HEADER_BYTES: usize = 32 << 10;
/// Bytes of a URL.
pub(super) const URL: usize = 8 << 10;

/// How long a request may take that does not say, and how long any may.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
pub(super) const LONGEST: Duration = Duration::from_secs(60);
/// How long a connection may take.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept.
pub(super) const IDLE: Duration = Duration::from_secs(60);
/// How often a request is sent that does not say, and how often any is.
pub(super) const TRIES: u32 = 3;
pub(super) const MOST_TRIES: u32 = 5;
/// The pause before a request is sent again: it doubles, with some jitter, up to the longest.
pub(super) const PAUSE: Duration = Duration::from_millis(200);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Redirects followed.
pub(super) const HOPS: usize = 5;

/// The room that the answers to one call have together.
#[derive(Default)]
pub(super) struct Room(AtomicUsize);

impl Room {
    /// Takes `bytes` of it, if there are as many.
    pub(super) fn take(&self, bytes: usize) -> bool {
        self.0.fetch_add(bytes, Ordering::Relaxed) + bytes <= ANSWERS
    }
}

/// A gadget's rate.
pub(super) struct Rate(Mutex<(f64, Instant)>);

impl Rate {
    pub(super) fn new() -> Self {
        Self(Mutex::new((BURST, Instant::now())))
    }

    /// Takes one turn; how long until it comes. The turn is not taken when that is longer than `most`.
    pub(super) fn turn(&self, most: Duration) -> Option<Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (turns, at) = &mut *state;
        let now = Instant::now();
        *turns = (*turns + now.duration_since(*at).as_secs_f64() * RATE).min(BURST);
        *at = now;
        let wait = Duration::from_secs_f64(((1.0 - *turns) / RATE).max(0.0));
        if wait > most {
            return None;
        }
        *turns -= 1.0;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_turns_come_at_the_rate() {
        let rate = Rate::new();
        for _ in 0..100 {
            assert_eq!(rate.turn(Duration::ZERO), Some(Duration::ZERO));
        }
        assert_eq!(rate.turn(Duration::ZERO), None);
        let waits: Vec<_> = (0..10).map(|_| rate.turn(Duration::from_secs(1)).unwrap()).collect();
        assert!(waits.is_sorted() && waits[9] > Duration::from_millis(150), "{waits:?}");
        assert!(waits[9] <= Duration::from_millis(200), "{waits:?}");
    }

    #[test]
    fn answers_have_room_together() {
        let room = Room::default();
        assert!(room.take(ANSWERS - 1) && room.take(1) && !room.take(1));
    }
}
