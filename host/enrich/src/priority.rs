//! The watching thread's scheduling. What it does takes microseconds, but is a race against a container's only
//! process: on a loaded machine a fair scheduler lets it run when the container is over and its state deleted. So it
//! runs ahead of all fair threads, within a budget: who makes it work without end gets a fair thread.

#![allow(unsafe_code, reason = "no safe wrapper sets a scheduling policy")]

use rustix::{
    process::setpriority_process,
    time::{ClockId, clock_gettime},
};

use crate::{proc::now, table::SECOND};

/// CPU time per second that is spent ahead of all others.
const BUDGET: u64 = SECOND / 10;
/// Nice value otherwise.
const NICE: i32 = -20;

/// The calling thread's.
pub(crate) struct Priority {
    ahead: bool,
    since: u64,
    spent: u64,
}

impl Priority {
    /// Puts the calling thread ahead of others, as far as the system lets it.
    pub(crate) fn raise() -> Self {
        // Where real time is not to be had, this may be; and if not, the thread is one as any other.
        let _ = setpriority_process(None, NICE);
        Self { ahead: set_policy(libc::SCHED_RR, 1), since: now(), spent: cpu_time() }
    }

    /// To be called now and then: falls back when the budget of this second is spent.
    pub(crate) fn keep_to_budget(&mut self) {
        let (time, spent) = (now(), cpu_time());
        if time.saturating_sub(self.since) >= SECOND {
            (self.since, self.spent) = (time, spent);
            self.ahead = self.ahead || set_policy(libc::SCHED_RR, 1);
        } else if self.ahead && spent.saturating_sub(self.spent) > BUDGET {
            set_policy(libc::SCHED_OTHER, 0);
            self.ahead = false;
        }
    }
}

fn cpu_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}

fn set_policy(policy: i32, priority: i32) -> bool {
    let param = libc::sched_param { sched_priority: priority };
    // SAFETY: the call reads `param` and nothing else; 0 is the calling thread.
    unsafe { libc::sched_setscheduler(0, policy | libc::SCHED_RESET_ON_FORK, &param) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_falls_back() {
        std::thread::spawn(|| {
            let mut priority = Priority::raise();
            let start = cpu_time();
            while cpu_time() < start + 2 * BUDGET && now() < priority.since + SECOND {
                priority.keep_to_budget();
            }
            assert!(!priority.ahead, "ahead after twice its budget");
        })
        .join()
        .unwrap();
    }
}
