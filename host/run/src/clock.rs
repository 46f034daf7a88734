//! Times: as rows and summaries show them, and as threads use them.

use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds to add to a kernel timestamp (since boot, suspend included) to get one since the epoch.
pub(crate) fn boot_to_unix_ns() -> i64 {
    let nanoseconds = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    };
    nanoseconds(ClockId::Realtime) - nanoseconds(ClockId::Boottime)
}

/// Nanoseconds since boot, suspend included: the kernel half's clock.
pub(crate) fn boot_ns() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    (time.tv_sec * 1_000_000_000 + time.tv_nsec).cast_unsigned()
}

/// For how long this thread has been running, in the kernel's work for it too.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Now, RFC 3339 in UTC.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
