//! Histograms of microseconds whose buckets double: what a kernel half counts by the logarithm (`gadget::histogram` of
//! `gadget-ebpf`), told as numbers and as a picture, the same in every gadget that profiles.

use std::fmt::Write as _;

use serde_json::Value as Json;

pub use gadget_abi::histogram::SLOTS;

use crate::{
    Row, Schema, Value, json,
    row::{Fields, Look},
};

/// Characters of the longest bar.
const WIDTH: u64 = 40;

/// Counts by the logarithm of microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram(
    /// How many are in each slot.
    pub [u64; SLOTS],
);

/// A bucket: in a row an object of its three fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Microseconds at least.
    pub from_us: u64,
    /// Microseconds it stays below.
    pub below_us: u64,
    /// How many.
    pub count: u64,
}

/// A histogram as fields of a row: `p50_us`, `p95_us`, `p99_us`, `buckets` and `picture`. Flattened into a gadget's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    p50_us: u64,
    p95_us: u64,
    p99_us: u64,
    buckets: Vec<Bucket>,
    picture: String,
}

const fn from(slot: usize) -> u64 {
    if slot == 0 { 0 } else { 1 << slot }
}

const fn below(slot: usize) -> u64 {
    2 << slot
}

impl Histogram {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The bound below which `percent` of them are.
    pub fn within(&self, percent: u64) -> u64 {
        let wanted = (self.count() * percent).div_ceil(100);
        let mut counted = 0;
        let slot = self.0.iter().position(|count| {
            counted += count;
            counted >= wanted
        });
        below(slot.unwrap_or(SLOTS - 1))
    }

    /// From the first that is not empty to the last.
    pub fn buckets(&self) -> Vec<Bucket> {
        let used = |count: &u64| *count > 0;
        let (Some(first), Some(last)) = (self.0.iter().position(used), self.0.iter().rposition(used)) else {
            return Vec::new();
        };
        (first..=last)
            .map(|slot| Bucket { from_us: from(slot), below_us: below(slot), count: self.0[slot] })
            .collect()
    }

    /// As fields of a row.
    pub fn told(&self) -> Told {
        Told {
            p50_us: self.within(50),
            p95_us: self.within(95),
            p99_us: self.within(99),
            buckets: self.buckets(),
            picture: self.picture(),
        }
    }

    /// Adds those of a row: its field `buckets`.
    pub fn add_row(&mut self, row: &Json) {
        self.add_buckets(row["buckets"].as_array().map_or(&[], Vec::as_slice));
    }

    fn add_buckets(&mut self, buckets: &[Json]) {
        for bucket in buckets {
            let slot = (0..SLOTS).find(|slot| bucket["from_us"] == from(*slot));
            if let (Some(slot), Some(count)) = (slot, bucket["count"].as_u64()) {
                self.0[slot] = self.0[slot].saturating_add(count);
            }
        }
    }

    /// A line for each bucket: bounds, count, and a bar that is as long as the count is large.
    pub fn picture(&self) -> String {
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

impl Value for Bucket {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"from_us\":");
        json::integer(out, self.from_us);
        out.extend_from_slice(b",\"below_us\":");
        json::integer(out, self.below_us);
        out.extend_from_slice(b",\"count\":");
        json::integer(out, self.count);
        out.push(b'}');
    }

    fn schema() -> Schema {
        let number = |description: &str| u64::schema().with_text("description", description);
        let fields = [
            ("from_us", number("Microseconds at least")),
            ("below_us", number("Microseconds it stays below")),
            ("count", number("How many")),
        ];
        Schema::object(&fields, &["from_us", "below_us", "count"], false)
    }
}

impl Row for Told {
    fn write_fields(&self, out: &mut Vec<u8>) {
        macro_rules! field {
            ($key:literal, $value:expr) => {
                out.extend_from_slice(concat!(",\"", $key, "\":").as_bytes());
                $value.write(out);
            };
        }
        field!("p50_us", self.p50_us);
        field!("p95_us", self.p95_us);
        field!("p99_us", self.p99_us);
        field!("buckets", self.buckets);
        field!("picture", self.picture);
    }

    fn fields(into: &mut Fields) {
        let narrow = Look { width: Some(8), ..Look::default() };
        into.field::<u64>(
            "p50_us",
            "Microseconds that half of them stay below: the upper bound of a bucket, as the next two",
            narrow,
        );
        into.field::<u64>("p95_us", "What 95 of a hundred stay below", narrow);
        into.field::<u64>("p99_us", "What 99 of a hundred stay below", narrow);
        into.field::<Vec<Bucket>>(
            "buckets",
            "How many by microseconds; empty buckets before the first and after the last are left out",
            Look { skip: true, ..Look::default() },
        );
        into.field::<String>(
            "picture",
            "The buckets as text, a line for each",
            Look { hidden: true, ..Look::default() },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_upper_bounds() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.count(), histogram.buckets()), (0, Vec::new()));
        histogram.0[4] = 90;
        histogram.0[7] = 10;
        assert_eq!([50, 90, 91, 100].map(|percent| histogram.within(percent)), [32, 32, 256, 256]);
        assert_eq!(histogram.buckets().len(), 4);
        let row =
            serde_json::json!({"buckets": [{"from_us": 16, "below_us": 32, "count": 5}, {"from_us": 3}]});
        histogram.add_row(&row);
        assert_eq!((histogram.0[4], histogram.count()), (95, 105), "a bucket that is none is passed over");
    }
}
