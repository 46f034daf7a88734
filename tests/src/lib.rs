//! What the end-to-end tests share: the built binary with folders of its own, a real registry, a real MCP client.

pub mod airs;
pub mod bench;
pub mod calls;
pub mod client;
pub mod cluster;
pub mod container;
pub mod host;
pub mod image;
pub mod kubelet;
pub mod listener;
pub mod nodes;
pub mod registry;
pub mod rows;
pub mod seccomp;
pub mod shell;
pub mod suite;

use std::path::PathBuf;

/// The root of the checkout.
pub fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// The folder of build output, as the Makefile sets it.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program of this package, such as `load`.
pub fn tool(name: &str) -> PathBuf {
    target().join("release").join(name)
}
