//! How much processor time post-processing may take on a node: a budget that all its runs share.
//!
//! A run pays for each batch with the time for which its thread has been running since it last paid. One that finds nothing
//! left stays away from its ring until there is something again. The ring fills meanwhile, the kernel counts what finds no
//! room there, and the answer says so: what is given up under load is events, which are counted, and not the node.
//!
//! The budget is one number, so that paying takes no lock: the moment up to which all time is spent. It moves on by what
//! is paid, and never falls back behind now by more than [`SAVED`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock;

/// For how long time that nobody uses is saved.
const SAVED: Duration = Duration::from_millis(100);

/// The budget of a node.
#[derive(Debug)]
pub(crate) struct Budget {
    cores: f64,
    start: Instant,
    /// Nanoseconds after the start.
    spent_until: AtomicU64,
}

impl Budget {
    /// Of so many cores' time; more than none.
    pub(crate) fn new(cores: f64) -> Self {
        Self { cores, start: Instant::now(), spent_until: AtomicU64::new(0) }
    }

    pub(crate) const fn cores(&self) -> f64 {
        self.cores
    }

    /// Pays for `used` at `now`, since the start; how long it is until there is something left again.
    fn pay(&self, used: Duration, now: Duration) -> Duration {
        let price = nanos(used.div_f64(self.cores));
        let oldest = nanos(now.saturating_sub(SAVED));
        let after = |until: u64| until.max(oldest).saturating_add(price);
        let before = self
            .spent_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| Some(after(until)))
            .unwrap_or_else(|until| until);
        Duration::from_nanos(after(before)).saturating_sub(now)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What one run's thread has paid for. Made and used on that thread.
pub(crate) struct Meter {
    budget: Option<Arc<Budget>>,
    paid: Duration,
    /// Whether the run had to wait.
    pub(crate) held_back: bool,
}

impl Meter {
    /// One that starts now; without a budget it never asks to wait.
    pub(crate) fn start(budget: Option<Arc<Budget>>) -> Self {
        let paid = if budget.is_some() { clock::thread_time() } else { Duration::ZERO };
        Self { budget, paid, held_back: false }
    }

    /// Pays for what was used since the last time; how long to wait before going on, if at all.
    pub(crate) fn wait(&mut self) -> Option<Duration> {
        let wait = self.settle()?;
        self.held_back |= !wait.is_zero();
        (!wait.is_zero()).then_some(wait)
    }

    /// Pays without going on afterwards.
    pub(crate) fn settle(&mut self) -> Option<Duration> {
        let budget = self.budget.as_ref()?;
        let used = clock::thread_time();
        let wait = budget.pay(used.saturating_sub(self.paid), budget.start.elapsed());
        self.paid = used;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn what_is_paid_comes_back_as_time_goes_on() {
        let budget = Budget::new(0.5);
        // Nothing is saved yet, as there was no time before the start.
        assert_eq!(budget.pay(ms(10), ms(0)), ms(20));
        assert_eq!(budget.pay(ms(0), ms(15)), ms(5));
        assert_eq!(budget.pay(ms(0), ms(30)), ms(0));
        // Idle for long: a tenth of a second is saved, of which half is this budget's.
        assert_eq!(budget.pay(ms(50), ms(10_000)), ms(0));
        assert_eq!(budget.pay(ms(1), ms(10_000)), ms(2));
        // More than one core.
        let budget = Budget::new(4.0);
        assert_eq!(budget.pay(ms(400), ms(100)), ms(0));
        assert_eq!(budget.pay(ms(4), ms(100)), ms(1));
    }

    #[test]
    fn many_runs_take_together_what_there_is() {
        let budget = Budget::new(0.25);
        let (mut used, mut now) = (Duration::ZERO, Duration::ZERO);
        // Three runs take turns, a millisecond each.
        while now < ms(10_000) {
            let wait = budget.pay(ms(1), now);
            used += ms(1);
            now += ms(1).max(wait);
        }
        assert!((2_450..=2_550).contains(&used.as_millis()), "{used:?}");
    }

    #[test]
    fn a_thread_pays_for_its_own_time_alone() {
        let budget = Arc::new(Budget::new(0.2));
        let mut meter = Meter::start(Some(budget.clone()));
        // Falling asleep takes some time, and more where the machine is shared: not 20 ms.
        std::thread::sleep(ms(150));
        assert_eq!(meter.wait(), None);
        assert!(!meter.held_back);
        let mut number = 1_u64;
        let start = clock::thread_time();
        while clock::thread_time() - start < ms(400) {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        // 400 ms of a fifth of a core take two seconds, of which some went by.
        let wait = meter.wait().expect("a wait");
        assert!(wait > ms(500) && meter.held_back, "{wait:?}");
        let mut other = Meter::start(Some(budget));
        assert!(other.wait().expect("the budget is shared") > ms(300));
        assert_eq!(Meter::start(None).wait(), None);
    }
}
