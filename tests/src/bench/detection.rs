//! What ai_security finds, on texts from packages and a set of our own (`tests/tools/corpus`), and what it takes for
//! an attack or a secret that is none. The texts are held out: nothing was trained on them.
//!
//! Fetches the packages into the build output when they are not there.

use std::path::Path;

use anyhow::Result;
use gadgetry_detection::corpus::{self, Part};
use gadgetry_detection::injection::{self, Share};
use gadgetry_detection::secrets;

use super::{Figure, Table};

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let texts = corpus::load(&repository, &crate::target().join("corpus"))?;
    let report = injection::measure(&texts, Part::HeldOut, |_, _| {});
    let of = |what: &str, share: Share| format!("{what}: {} of {}", share.found, share.of);
    let mut add = |what: String, measured: f64, mark: &str, reached: Option<bool>| {
        table.add(Figure { what, measured, unit: "%", mark: mark.into(), reached, ..Figure::default() });
    };
    let recall = report.recall.percent();
    add(of("injection: attacks found", report.recall), recall, "at least 60", Some(recall >= 60.0));
    for (class, share) in &report.classes {
        add(of(&format!("  {class}"), *share), share.percent(), "", None);
    }
    add("  classes counted alike".into(), report.of_classes(), "", None);
    let wrong = report.false_positives.percent();
    let what = of("injection: harmless texts taken for attacks", report.false_positives);
    add(what, wrong, "at most 0.3", Some(wrong <= 0.3));
    add(of("  of those that look like attacks", report.look_alikes), report.look_alikes.percent(), "", None);
    let kept = report.kept();
    let what = of("injection: found as well in a disguise", kept);
    add(what, kept.percent(), "at least 95", Some(kept.percent() >= 95.0));
    for (name, share) in &report.disguised {
        add(of(&format!("  {name}"), *share), share.percent(), "", None);
    }

    let samples = secrets::samples();
    let all = samples.iter().fold(Share::default(), |all, (_, share)| Share {
        found: all.found + share.found,
        of: all.of + share.of,
    });
    let what = of(&format!("secrets: samples of {} formats found", samples.len()), all);
    add(what, all.percent(), "at least 99", Some(all.percent() >= 99.0));
    for (name, share) in samples.iter().filter(|(_, share)| share.percent() < 99.0) {
        add(of(&format!("  {name}"), *share), share.percent(), "", None);
    }
    let sources = secrets::sources(&repository)?;
    let what = of("secrets: files of the crates with what is none", sources.files);
    add(what, sources.files.percent(), "at most 0.1", Some(sources.files.percent() <= 0.1));
    Ok(())
}
