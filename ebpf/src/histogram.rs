//! Histograms whose buckets double: which slot a number counts in. The post-processor's half is the SDK's `histogram`.

pub use gadget_abi::histogram::{SLOTS, log2};
