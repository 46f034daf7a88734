//! Prints which samples of secrets are found, and what is taken for one in the sources of the crates.
//!
//! Usage: `secrets REPOSITORY`

use anyhow::{Context, Result};
use gadgetry_detection::secrets;

fn main() -> Result<()> {
    let repository = std::env::args().nth(1).context("usage: secrets REPOSITORY")?;
    for (name, share) in secrets::samples() {
        println!("{name:30} {:4} of {:4}", share.found, share.of);
    }
    let sources = secrets::sources(repository.as_ref())?;
    for (what, share) in [("files", sources.files), ("lines", sources.lines)] {
        println!("{what:30} {:6} of {:8} {:.4} %", share.found, share.of, share.percent());
    }
    println!("files with a private key: {}", sources.keys);
    for (rule, (count, place)) in &sources.rules {
        println!("{rule:30} {count:4}, such as {place}");
    }
    Ok(())
}
