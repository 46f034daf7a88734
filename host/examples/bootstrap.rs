//! `gadgetry` without built-in gadgets: what the Makefile builds the built-in gadgets with.

use std::process::ExitCode;

fn main() -> ExitCode {
    gadgetry::main(&[])
}
