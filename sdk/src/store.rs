//! Values kept between runs, for this gadget alone.
//!
//! ```toml
//! [permissions]
//! imports = ["store"]
//!
//! [permissions.store]    # both may be left out; more than these needs the operator's grant
//! bytes = 4194304
//! entries = 4096
//! ```
//!
//! What is set may be gone when the host starts anew, unless the operator gave it a folder for state. Natively, in
//! tests, values are kept for the test's thread, without a quota.

use std::fmt;

/// Why a value was not kept. The texts are the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No room within the quota.
    Full(String),
    /// This key or value is larger than one may be.
    TooLarge(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(text) | Self::TooLarge(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for crate::Failure {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

/// Keeps `value`, for `ttl_seconds` or for good. What does not fit into the quota is refused.
pub fn set(key: &str, value: &[u8], ttl_seconds: Option<u64>) -> Result<(), Error> {
    import::set(key, value, ttl_seconds, false).map(|_| ())
}

/// As [`set`], but when there is no room, the entries set longest ago make some. Returns how many were dropped for that.
pub fn set_evicting(key: &str, value: &[u8], ttl_seconds: Option<u64>) -> Result<u32, Error> {
    import::set(key, value, ttl_seconds, true)
}

/// The value of `key`; none when it was never set, was deleted, or is too old.
pub fn get(key: &str) -> Option<Vec<u8>> {
    import::get(key)
}

/// Forgets `key`. Whether there was one.
pub fn delete(key: &str) -> bool {
    import::delete(key)
}

/// The keys that begin with `prefix`, sorted.
pub fn keys(prefix: &str) -> Vec<String> {
    import::keys(prefix)
}

/// The import, in a world of its own; a component that never calls it loses it when it is made.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package gadgetry:sdk; world storing { import gadgetry:gadget/store@0.1.0; }",
        world: "gadgetry:sdk/storing",
        generate_all,
    });
}

#[cfg(target_arch = "wasm32")]
mod import {
    use super::Error;
    use super::bindings::gadgetry::gadget::store;

    pub(super) use store::{delete, get, keys};

    pub(super) fn set(key: &str, value: &[u8], ttl_seconds: Option<u64>, evict: bool) -> Result<u32, Error> {
        store::set(key, value, ttl_seconds, evict).map_err(|error| match error {
            store::Error::Full(text) => Error::Full(text),
            store::Error::TooLarge(text) => Error::TooLarge(text),
        })
    }
}

#[cfg(not(target_arch = "wasm32"))]
use crate::testing::store as import;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn values_are_kept_until_they_are_old() {
        testing::now(1_000_000_000);
        set("a/1", b"one", None).unwrap();
        set("a/2", b"two", Some(5)).unwrap();
        assert_eq!(set_evicting("b", b"", None), Ok(0));
        assert_eq!(keys("a/"), ["a/1", "a/2"]);
        testing::now(6_000_000_001);
        assert_eq!((get("a/1"), get("a/2")), (Some(b"one".to_vec()), None));
        assert_eq!(keys(""), ["a/1", "b"]);
        assert!(delete("a/1") && !delete("a/1"));
    }
}
