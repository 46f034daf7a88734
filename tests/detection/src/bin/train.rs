//! Trains the classifier of ai_security's engine, and writes it to where the engine has it.
//!
//! Usage: `train CORPUS MODEL`, with the texts that `tests/tools/corpus/make.py` writes. The same texts give the same
//! bytes.

use std::path::PathBuf;

use anyhow::{Context, Result};
use gadgetry_detection::corpus::{self, Part};
use gadgetry_detection::train;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let usage = "usage: train CORPUS MODEL";
    let (corpus, model) = (arguments.next().context(usage)?, arguments.next().context(usage)?);
    let texts = corpus::read(&corpus)?;
    let training: Vec<_> = texts.iter().filter(|it| it.part == Part::Training).collect();
    let trained = train::train(&training);
    println!("{}", trained.told);
    std::fs::write(&model, &trained.bytes).with_context(|| model.display().to_string())?;
    println!("{} bytes written to {}", trained.bytes.len(), model.display());
    Ok(())
}
