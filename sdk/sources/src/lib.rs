//! The sources of the SDK as data: what `gadgetry gadget new` and `build` unpack beside a gadget.
//!
//! A crate of its own, on which only the binary depends, so that an edit of the SDK rebuilds no library of the host.

/// Names, relative to the root of the workspace, and contents; the root's `Cargo.toml` among them.
pub const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));
