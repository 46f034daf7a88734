//! Event times as text: RFC 3339, UTC, nine digits.
//!
//! Events carry nanoseconds since boot; the host says once per run how far boot lies from 1970. Neighbouring events
//! share their second nearly always, so the twenty characters before the fraction are kept and only the digits
//! after it are made anew.
//!
//! Tools have no events to tell the time by; they ask [`now`], and state `imports = ["clock"]` in their permissions.

use std::cell::Cell;

/// Length of a time as text.
const LEN: usize = "2026-01-02T03:04:05.678901234Z".len();
/// Length of the part that a second shares, the dot included.
const PREFIX: usize = 20;
const SECOND: i64 = 1_000_000_000;

/// Turns times since boot into text.
#[derive(Debug)]
pub struct Clock {
    boot_to_unix: i64,
    second: Cell<i64>,
    prefix: Cell<[u8; PREFIX]>,
}

/// A time as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp([u8; LEN]);

impl Clock {
    /// A clock whose zero lies `boot_to_unix` nanoseconds after 1970.
    pub fn new(boot_to_unix: i64) -> Self {
        Self { boot_to_unix, second: Cell::new(0), prefix: Cell::new(prefix(0)) }
    }

    /// The time `boot` nanoseconds after boot.
    #[inline]
    pub fn at(&self, boot: u64) -> Timestamp {
        let unix = self.boot_to_unix.saturating_add_unsigned(boot).max(0);
        let second = unix / SECOND;
        if second != self.second.get() {
            self.prefix.set(prefix(second));
            self.second.set(second);
        }
        let mut text = [b'Z'; LEN];
        text[..PREFIX].copy_from_slice(&self.prefix.get());
        digits(&mut text[PREFIX..LEN - 1], (unix % SECOND) as u32);
        Timestamp(text)
    }

    /// Nanoseconds since 1970 of the time `boot` nanoseconds after boot.
    pub fn unix_nanos(&self, boot: u64) -> i64 {
        self.boot_to_unix.saturating_add_unsigned(boot)
    }
}

/// Nanoseconds since 1970, UTC. As text: `Clock::new(0).at(now())`. Natively, in tests, what
/// [`testing::now`](crate::testing::now) set.
#[cfg(target_arch = "wasm32")]
pub fn now() -> u64 {
    bindings::gadgetry::gadget::clock::now()
}

/// Nanoseconds since 1970, UTC. As text: `Clock::new(0).at(now())`. Natively, in tests, what
/// [`testing::now`](crate::testing::now) set.
#[cfg(not(target_arch = "wasm32"))]
pub fn now() -> u64 {
    crate::testing::time()
}

/// Waits `ms` milliseconds, or as long as the call may still wait; false when whoever called no longer waits. Natively, in
/// tests, nothing waits: the clock goes on.
#[cfg(target_arch = "wasm32")]
pub fn sleep(ms: u32) -> bool {
    bindings::gadgetry::gadget::clock::sleep(ms)
}

/// Waits `ms` milliseconds, or as long as the call may still wait; false when whoever called no longer waits. Natively, in
/// tests, nothing waits: the clock goes on.
#[cfg(not(target_arch = "wasm32"))]
pub fn sleep(ms: u32) -> bool {
    crate::testing::now(crate::testing::time() + u64::from(ms) * 1_000_000);
    true
}

/// The import, in a world of its own; a component that never calls it loses it when it is made.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package gadgetry:sdk; world timing { import gadgetry:gadget/clock@0.1.0; }",
        world: "gadgetry:sdk/timing",
        generate_all,
    });
}

impl Timestamp {
    /// As text: `2026-01-02T03:04:05.678901234Z`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// Fills `into` with the decimal digits of `value`, zeros first.
#[inline]
fn digits(into: &mut [u8], mut value: u32) {
    let (first, pairs) = into.as_rchunks_mut::<2>();
    for pair in pairs.iter_mut().rev() {
        let two = (value % 100) as u8;
        *pair = [b'0' + two / 10, b'0' + two % 10];
        value /= 100;
    }
    for digit in first {
        *digit = b'0' + (value % 10) as u8;
    }
}

/// `2026-01-02T03:04:05.` of a second since 1970. The date by counting 400-year eras from March, so that the leap
/// day comes last.
fn prefix(second: i64) -> [u8; PREFIX] {
    let (days, time) = (second / 86_400, (second % 86_400) as u32);
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);

    let mut text = *b"0000-00-00T00:00:00.";
    digits(&mut text[..4], year as u32);
    digits(&mut text[5..7], month as u32);
    digits(&mut text[8..10], day as u32);
    digits(&mut text[11..13], time / 3_600);
    digits(&mut text[14..16], time / 60 % 60);
    digits(&mut text[17..19], time % 60);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        // What `date -u -d @SECONDS` says.
        let cases: [(i64, u64, &str); 8] = [
            (0, 0, "1970-01-01T00:00:00.000000000Z"),
            (0, 1, "1970-01-01T00:00:00.000000001Z"),
            (951_782_399 * SECOND, 999_999_999, "2000-02-28T23:59:59.999999999Z"),
            (951_782_400 * SECOND, 0, "2000-02-29T00:00:00.000000000Z"),
            (4_107_542_400 * SECOND, 0, "2100-03-01T00:00:00.000000000Z"),
            (1_767_323_045 * SECOND, 678_901_234, "2026-01-02T03:04:05.678901234Z"),
            (1_735_689_599 * SECOND, SECOND as u64, "2025-01-01T00:00:00.000000000Z"),
            (-5 * SECOND, 1, "1970-01-01T00:00:00.000000000Z"),
        ];
        for (offset, boot, text) in cases {
            let clock = Clock::new(offset);
            assert_eq!(format!("{:?}", clock.at(boot)), text);
            assert_eq!(format!("{:?}", clock.at(boot)), text, "from the kept prefix");
        }
        assert_eq!(format!("{:?}", Clock::new(i64::MAX).at(u64::MAX)), "2262-04-11T23:47:16.854775807Z");
    }

    #[test]
    fn the_kept_prefix_follows_the_seconds_both_ways() {
        let clock = Clock::new(0);
        for second in [59, 60, 3_599, 3_600, 86_399, 86_400, 60, 0] {
            let text = format!("{:?}", clock.at(second * SECOND as u64));
            assert_eq!(text.as_bytes()[..PREFIX], prefix(second as i64));
        }
    }
}
