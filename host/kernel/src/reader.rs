//! The reading end of the ring, for one thread.
//!
//! The kernel wakes the reader when an event lands in a ring that was empty. At high rates a reader that sleeps as
//! soon as the ring is empty is woken for every few events, and each wake-up costs the traced process. So after
//! something was found the reader stays away from the ring for about a millisecond, as a network card holds back
//! interrupts: the first event after a quiet time is read at once, and under load events come in bulk. A ring that
//! fills fast gets shorter pauses, down to none.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aya::maps::{MapData, RingBuf};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// The longest time to stay away from the ring.
const PAUSE: Duration = Duration::from_millis(1);
/// A pause shorter than what the kernel's timers are good for is none.
const NO_PAUSE: Duration = Duration::from_micros(50);
/// Bytes that an event takes in the ring beside its own.
const RECORD_HEAD: usize = 8;

/// Why [`Reader::wait`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// There is something in the ring.
    Events,
    /// The time is over.
    Timeout,
    /// [`Waker::stop`] was called.
    Stopped,
}

/// Reads events out of the ring.
pub struct Reader {
    ring: RingBuf<MapData>,
    /// Bytes that may gather during a pause.
    budget: usize,
    pause: Duration,
    /// The last drain was broken off.
    more: bool,
    stop: Arc<OwnedFd>,
}

/// Ends a [`Reader::wait`] from another thread.
#[derive(Clone, Debug)]
pub struct Waker {
    stop: Arc<OwnedFd>,
}

impl Waker {
    /// Makes this and every later [`Reader::wait`] return [`Woken::Stopped`] at once.
    pub fn stop(&self) {
        // The counter can only be full if it was raised 2^64 - 2 times.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
    }
}

impl Reader {
    pub(crate) fn new(ring: RingBuf<MapData>, ring_bytes: u32) -> io::Result<Self> {
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let budget = ring_bytes as usize / 8;
        Ok(Self { ring, budget, pause: Duration::ZERO, more: false, stop })
    }

    /// What another thread stops this reader with.
    pub fn waker(&self) -> Waker {
        Waker { stop: Arc::clone(&self.stop) }
    }

    /// Waits until there are events, at most for `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<Woken> {
        let start = Instant::now();
        let pause = if self.more { Duration::ZERO } else { std::mem::take(&mut self.pause).min(timeout) };
        let stop = PollFd::new(&*self.stop, PollFlags::IN);
        if !wait_for(&mut [stop.clone()], pause)?[0].is_empty() {
            return Ok(Woken::Stopped);
        }
        if self.more {
            return Ok(Woken::Events);
        }
        let rest = timeout.saturating_sub(start.elapsed());
        let ring = self.ring.as_fd();
        let [stopped, ready] = wait_for(&mut [stop, PollFd::new(&ring, PollFlags::IN)], rest)?;
        Ok(match (stopped.is_empty(), ready.is_empty()) {
            (false, _) => Woken::Stopped,
            (true, false) => Woken::Events,
            (true, true) => Woken::Timeout,
        })
    }

    /// Leaves the ring alone for `time`, or until [`Waker::stop`]; whether it was that.
    pub fn leave(&mut self, time: Duration) -> io::Result<bool> {
        let [stopped] = wait_for(&mut [PollFd::new(&*self.stop, PollFlags::IN)], time)?;
        Ok(!stopped.is_empty())
    }

    /// Hands on what is in the ring, event by event, until it is empty or `event` breaks off; the event it breaks
    /// off at is taken. Returns the number of events. Nothing is allocated or locked.
    pub fn drain(&mut self, mut event: impl FnMut(&[u8]) -> ControlFlow<()>) -> usize {
        let (mut count, mut bytes) = (0, 0);
        self.more = false;
        while let Some(item) = self.ring.next() {
            count += 1;
            bytes += item.len() + RECORD_HEAD;
            if event(&item).is_break() {
                self.more = true;
                break;
            }
        }
        self.pause = pause_after(bytes, self.budget);
        count
    }
}

/// How long to stay away when this many bytes were found, so that about `budget` bytes gather at most.
fn pause_after(bytes: usize, budget: usize) -> Duration {
    if bytes <= budget {
        return PAUSE;
    }
    let pause = PAUSE.mul_f64(budget as f64 / bytes as f64);
    if pause < NO_PAUSE { Duration::ZERO } else { pause }
}

/// Waits for any of the descriptors; which are ready. A signal counts as nothing being ready.
fn wait_for<const N: usize>(fds: &mut [PollFd<'_>; N], timeout: Duration) -> io::Result<[PollFlags; N]> {
    let timeout = Timespec::try_from(timeout).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 });
    match poll(fds, Some(&timeout)) {
        Ok(_) => Ok(fds.each_ref().map(PollFd::revents)),
        Err(rustix::io::Errno::INTR) => Ok([PollFlags::empty(); N]),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_that_fills_fast_is_left_alone_for_less_time() {
        for (bytes, budget, micros) in
            [(0, 8192, 1000), (8192, 8192, 1000), (16384, 8192, 500), (1 << 20, 8192, 0)]
        {
            assert_eq!(pause_after(bytes, budget), Duration::from_micros(micros), "{bytes} of {budget}");
        }
    }
}
