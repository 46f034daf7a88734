//! Definitions of gadgets that the operator has approved, by the reference they were asked for by.
//!
//! A signature says who made an image; it doesn't say that a tag's new image tells a model the same as the one before. So
//! where a guard is wanted, the definition that a reference had when it was first seen is noted, and another one under
//! the same reference is refused until it is approved. What is pinned needs no note: built-ins by the binary,
//! references with a digest by themselves.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gadget_registry::descriptor::Descriptor;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The file in the store's folder.
const FILE: &str = "approved.json";

/// The notes.
pub(crate) struct Approved(PathBuf);

/// How a definition stands to the one noted for its reference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing was noted.
    New,
    /// It is the one noted.
    Same,
    /// Another one is noted.
    Changed(String),
}

impl Approved {
    /// The notes in the store at `root`.
    pub(crate) fn at(root: &Path) -> Self {
        Self(root.join(FILE))
    }

    fn read(&self) -> Result<BTreeMap<String, String>> {
        let name = self.0.display();
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
        };
        serde_json::from_str(&text)
            .with_context(|| format!("{name} is damaged; remove it to have all definitions approved anew"))
    }

    /// Compares `definition` with what is noted for `reference`.
    pub(crate) fn look(&self, reference: &str, definition: &str) -> Result<Verdict> {
        Ok(match self.read()?.remove(reference) {
            None => Verdict::New,
            Some(noted) if noted == definition => Verdict::Same,
            Some(noted) => Verdict::Changed(noted),
        })
    }

    /// Notes `definition` for `reference`.
    pub(crate) fn note(&self, reference: &str, definition: &str) -> Result<()> {
        let mut notes = self.read()?;
        notes.insert(reference.to_owned(), definition.to_owned());
        let Some(folder) = self.0.parent() else { bail!("{} is in no folder", self.0.display()) };
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, &notes)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&self.0)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write {}", self.0.display()))
    }
}

/// What a definition is known by: a digest of all that a model is told of the gadget, and of what it may do.
pub(crate) fn digest(descriptor: &Descriptor) -> Result<String> {
    let mut told = serde_json::to_value(descriptor)?;
    if let Value::Object(fields) = &mut told {
        // A new version that says and may do the same is no other definition.
        for field in ["version", "links", "hooks", "contract"] {
            fields.remove(field);
        }
    }
    told.sort_all_objects();
    let hash = Sha256::digest(told.to_string());
    Ok(format!("sha256:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_definition_is_told_until_it_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        let approved = Approved::at(folder.path());
        assert_eq!(approved.look("a", "1").unwrap(), Verdict::New);
        approved.note("a", "1").unwrap();
        approved.note("b", "2").unwrap();
        assert_eq!(approved.look("a", "1").unwrap(), Verdict::Same);
        assert_eq!(approved.look("a", "2").unwrap(), Verdict::Changed("1".into()));
        approved.note("a", "2").unwrap();
        assert_eq!(approved.look("a", "2").unwrap(), Verdict::Same);
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(approved.look("a", "2").unwrap_err().to_string().contains("damaged"));
    }
}
