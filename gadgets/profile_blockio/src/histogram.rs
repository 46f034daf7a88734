//! A histogram whose buckets double, and how it is shown.

use std::fmt::Write as _;

use gadget::serde_json::Value as Json;

use crate::event::SLOTS;

/// Characters of the longest bar.
const WIDTH: u64 = 40;

/// Counts by the logarithm of microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram(pub(crate) [u64; SLOTS]);

/// A bucket as a row has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, gadget::Row)]
pub struct Bucket {
    /// Microseconds at least.
    pub from_us: u64,
    /// Microseconds it stays below.
    pub below_us: u64,
    /// How many.
    pub count: u64,
}

const fn from(slot: usize) -> u64 {
    if slot == 0 { 0 } else { 1 << slot }
}

const fn below(slot: usize) -> u64 {
    2 << slot
}

impl Histogram {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The bound below which `percent` of them are.
    pub(crate) fn within(&self, percent: u64) -> u64 {
        let wanted = (self.count() * percent).div_ceil(100);
        let mut counted = 0;
        let slot = self.0.iter().position(|count| {
            counted += count;
            counted >= wanted
        });
        below(slot.unwrap_or(SLOTS - 1))
    }

    /// From the first that is not empty to the last.
    pub(crate) fn buckets(&self) -> Vec<Bucket> {
        let used = |count: &u64| *count > 0;
        let (Some(first), Some(last)) = (self.0.iter().position(used), self.0.iter().rposition(used)) else {
            return Vec::new();
        };
        (first..=last)
            .map(|slot| Bucket { from_us: from(slot), below_us: below(slot), count: self.0[slot] })
            .collect()
    }

    /// Adds buckets of a row.
    pub(crate) fn add_rows(&mut self, buckets: &[Json]) {
        for bucket in buckets {
            let slot = (0..SLOTS).find(|slot| bucket["from_us"] == from(*slot));
            if let (Some(slot), Some(count)) = (slot, bucket["count"].as_u64()) {
                self.0[slot] = self.0[slot].saturating_add(count);
            }
        }
    }

    /// A line for each bucket: bounds, count, and a bar that is as long as the count is large.
    pub(crate) fn picture(&self) -> String {
        let most = self.0.iter().copied().max().unwrap_or(0).max(1);
        let mut picture = String::new();
        for Bucket { from_us, below_us, count } in self.buckets() {
            // What is there at all shows.
            let length = (count * WIDTH).div_ceil(most);
            let bar: String = (0..length).map(|_| '#').collect();
            let line = writeln!(picture, "{from_us:>10} -> {below_us:<10} {count:>10} |{bar:<40}|");
            debug_assert!(line.is_ok(), "writing to a string");
        }
        picture
    }
}
