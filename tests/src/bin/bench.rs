//! `make bench`: the figures of the documents, with the peers' on the same load in the same go. Machines are noisy,
//! so the figure to read is the ratio. Prints a table, and writes `bench.json` beside the build output.
//!
//! Usage: `bench [PART...]`, a part being `opens`, `kernel`, `guest`, `guard`, `query`, `scan`, `detection`, `call`, `memory`, `net`,
//! `profile`, `twenty`, `ten`, `fleet`; all of them by default.

use anyhow::Result;
use gadgetry_tests::bench::{self, Table};

/// A part's name, and what measures it.
type Part = (&'static str, fn(&mut Table) -> Result<()>);

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut table = Table::default();
    let parts: [Part; 14] = [
        ("guard", bench::guard::measure),
        ("guest", bench::guest::measure),
        ("query", bench::query::measure),
        ("scan", bench::scan::measure),
        ("detection", bench::detection::measure),
        ("call", bench::call::measure),
        ("memory", bench::memory::measure),
        ("kernel", bench::kernel::measure),
        ("net", bench::net::measure),
        ("opens", bench::opens::measure),
        ("profile", bench::profile::measure),
        ("twenty", bench::twenty::measure),
        ("fleet", bench::fleet::measure),
        ("ten", bench::ten::measure),
    ];
    for (name, measure) in parts {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            eprintln!("measuring: {name}");
            measure(&mut table)?;
        }
    }
    println!("{}", table.text());
    let file = gadgetry_tests::target().join("bench.json");
    std::fs::write(&file, table.json())?;
    println!("written to {}", file.display());
    Ok(())
}
