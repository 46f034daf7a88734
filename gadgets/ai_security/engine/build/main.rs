//! Makes the tables: rules become automata, Unicode becomes a folding table. A rule with an error stops the build with
//! its file and line, so that what is shipped needs no checking when it starts.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

mod automaton;
mod emit;
mod fold;
mod pattern;
mod rules;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=build");
    match make() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            message.lines().for_each(|line| println!("cargo::error={line}"));
            ExitCode::FAILURE
        }
    }
}

fn make() -> Result<(), String> {
    let out = PathBuf::from(env::var("OUT_DIR").map_err(|e| e.to_string())?);
    let rules = rules::load("rules".as_ref()).map_err(|e| e.to_string())?;
    let (source, tables) = emit::rules(&rules);
    for (name, bytes) in
        [("rules.rs", source.into_bytes()), ("tables.bin", tables), ("fold.rs", fold::source().into_bytes())]
    {
        fs::write(out.join(name), bytes).map_err(|e| format!("{name}: {e}"))?;
    }
    Ok(())
}
