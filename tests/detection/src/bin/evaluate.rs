//! Prints what `bench detection` measures in detail, and the texts that were judged wrongly.
//!
//! Usage: `evaluate CORPUS [training|held-out] [--wrong]`. Rules are written from the texts for training; those held out
//! are looked at in figures only, or the figures would mean nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use gadgetry_detection::corpus::{self, Label, Part};
use gadgetry_detection::injection::{self, Share};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path: PathBuf =
        arguments.first().context("usage: evaluate CORPUS [training|held-out] [--wrong]")?.into();
    let has = |flag: &str| arguments.iter().any(|it| it == flag);
    let part = if has("training") { Part::Training } else { Part::HeldOut };
    let texts = corpus::read(&path)?;
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    let report = injection::measure(&texts, part, |text, found| {
        if found == (text.label == Label::Attack) {
            return;
        }
        let findings = injection::scan(&text.text);
        for finding in findings.all.iter().filter(|_| found) {
            *rules.entry(finding.rule).or_default() += 1;
        }
        if has("--wrong") {
            let told: Vec<_> = findings
                .all
                .iter()
                .map(|it| format!("{} {:?}", it.rule, &text.text[it.start..it.end]))
                .collect();
            let begin: String = text.text.chars().take(300).collect();
            println!(
                "{:?} {} {} {}: {begin:?} {}",
                text.label,
                text.class,
                text.source,
                text.language,
                told.join(", ")
            );
        }
    });
    let row = |name: &str, share: Share| {
        println!("{name:30} {:5} of {:5} {:7.2} %", share.found, share.of, share.percent())
    };
    row("recall", report.recall);
    println!("{:30} {:24.2} %", "classes counted alike", report.of_classes());
    for (name, share) in report.classes.iter().chain(&report.sources).chain(&report.languages) {
        row(&format!("  {name}"), *share);
    }
    row("false positives", report.false_positives);
    row("  look-alikes", report.look_alikes);
    for (name, share) in &report.kinds {
        row(&format!("  {name}"), *share);
    }
    row("kept under disguises", report.kept());
    for (name, share) in &report.disguised {
        row(&format!("  {name}"), *share);
    }
    println!("rules in false positives: {rules:?}");
    Ok(())
}
