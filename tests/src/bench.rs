//! Benchmarks: each part measures one side of the product, and its peers where there are any.

pub mod call;
pub mod detection;
pub mod fleet;
pub mod guard;
pub mod guest;
pub mod kernel;
mod load;
pub mod memory;
pub mod net;
pub mod opens;
mod peer;
pub mod profile;
pub mod query;
pub mod scan;
mod table;
pub mod ten;
pub mod twenty;

pub use table::{Figure, Table};

/// The middle of `samples`, and between what the middle half of them lies: how much it may be the machine's doing.
pub fn middle_and_half(samples: &mut [f64]) -> (f64, String) {
    samples.sort_by(f64::total_cmp);
    let at = |part: f64| samples[((samples.len() - 1) as f64 * part).round() as usize];
    (at(0.5), format!("half of them between {:.1} and {:.1}", at(0.25), at(0.75)))
}

/// The middle of `samples`, and the one that 99 % are below.
pub fn middle_and_p99(samples: &mut [f64]) -> (f64, f64) {
    samples.sort_by(f64::total_cmp);
    let at = |part: f64| samples[((samples.len() - 1) as f64 * part) as usize];
    (at(0.5), at(0.99))
}
