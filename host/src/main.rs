//! The `gadgetry` binary: its library, and the built-in gadgets. Only this file holds them, so that a change of a
//! gadget costs a link and not a compile of the host.

use std::process::ExitCode;

/// The built-in gadgets: an OCI image layout as a tar file, named by the build through an environment variable
/// (see `.cargo/config.toml` for the empty default).
static BUILTINS: &[u8] = include_bytes!(env!("GADGETRY_BUILTINS"));

fn main() -> ExitCode {
    gadgetry::main(BUILTINS)
}
