//! The texts, as `tests/tools/corpus/make.py` writes them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// What a text is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// To be found.
    Attack,
    /// To be passed by.
    Benign,
}

/// What a text is for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Rules may be written for it, and the classifier is trained on it.
    Training,
    /// What is reported.
    HeldOut,
}

/// One text.
#[derive(Clone, Debug, Deserialize)]
pub struct Text {
    /// What it is.
    pub label: Label,
    /// The class of attack, or the kind of harmless text.
    pub class: String,
    /// The package that it is from.
    pub source: String,
    /// ISO 639-1.
    pub language: String,
    /// Texts that are alike have the same.
    pub group: usize,
    /// What it is for.
    pub part: Part,
    /// The text.
    pub text: String,
}

impl Text {
    /// Whether it is harmless and looks like an attack.
    pub fn look_alike(&self) -> bool {
        self.class.starts_with("look-alike/")
    }
}

/// All texts. Fetches the packages that they are from into `folder` unless they are there.
pub fn load(repository: &Path, folder: &Path) -> Result<Vec<Text>> {
    let script = repository.join("tests/tools/corpus/make.py");
    let status = Command::new("python3").arg(&script).arg(folder).status().context("python3")?;
    ensure!(status.success(), "{} failed: see above", script.display());
    read(&folder.join("corpus.jsonl"))
}

/// Reads a file of texts.
pub fn read(path: &Path) -> Result<Vec<Text>> {
    let lines = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    lines.lines().map(|line| serde_json::from_str(line).context("a text")).collect()
}
