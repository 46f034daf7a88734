//! `gadget new`: a gadget that builds and runs, small enough to be read in a minute, to start from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::sdk::{Sdk, SdkError};

const FILES: &[(&str, &str)] = &[
    (".gitignore", include_str!("../templates/gadget/gitignore.in")),
    ("Cargo.toml", include_str!("../templates/gadget/Cargo.toml.in")),
    ("README.md", include_str!("../templates/gadget/README.md.in")),
    ("gadget.toml", include_str!("../templates/gadget/gadget.toml.in")),
    ("src/event.rs", include_str!("../templates/gadget/src/event.rs.in")),
    ("src/kernel.rs", include_str!("../templates/gadget/src/kernel.rs.in")),
    ("src/lib.rs", include_str!("../templates/gadget/src/lib.rs.in")),
];

/// Names that cargo or the compiler would not take for a package.
const TAKEN: &[&str] =
    &["core", "std", "alloc", "test", "proc_macro", "gadget", "kernel", "event", "build", "deps"];

/// Why no gadget was made.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// A name that a gadget can't have.
    #[error("`{name}` can't be a gadget's name: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// Something is there already.
    #[error("{path} is there already and not empty; choose another name or folder")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A file can't be written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The SDK can't be put in place.
    #[error(transparent)]
    Sdk(#[from] SdkError),
}

/// Makes a gadget `name` in `folder`, which must not be there or be empty.
pub fn create(name: &str, folder: &Path, sdk: &Sdk) -> Result<(), ScaffoldError> {
    check_name(name)?;
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        return Err(ScaffoldError::Exists { path: folder.to_owned() });
    }
    for (file, template) in FILES {
        let path = folder.join(file);
        let text = template.replace("{{name}}", name).replace("{{sdk_version}}", env!("CARGO_PKG_VERSION"));
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|source| ScaffoldError::Io { path, source })?;
    }
    Ok(sdk.prepare(folder)?)
}

fn check_name(name: &str) -> Result<(), ScaffoldError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let reason = if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
        "it must begin with a letter and have only lower-case letters, digits and `_`"
    } else if name.len() > 48 {
        "it has more than 48 letters"
    } else if TAKEN.contains(&name) {
        "cargo or the compiler has another use for it"
    } else {
        return Ok(());
    };
    Err(ScaffoldError::Name { name: name.chars().take(80).collect(), reason })
}

#[cfg(test)]
mod tests {
    use gadget_sdk_sources::FILES as SDK;

    use super::*;

    #[test]
    fn names_and_folders_are_checked_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "Mine", "my-gadget", "1st", "std", "a/b", &"x".repeat(49)] {
            let error = create(name, &folder.path().join("new"), &Sdk::Embedded(SDK)).unwrap_err();
            assert!(matches!(error, ScaffoldError::Name { .. }), "{name}");
        }
        assert!(!folder.path().join("new").exists());
        fs::write(folder.path().join("file"), "").unwrap();
        let error = create("mine", folder.path(), &Sdk::Embedded(SDK)).unwrap_err();
        assert!(matches!(error, ScaffoldError::Exists { .. }));
    }

    #[test]
    fn no_placeholder_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let gadget = folder.path().join("mine");
        create("mine", &gadget, &Sdk::Embedded(SDK)).unwrap();
        for (file, _) in FILES {
            let text = fs::read_to_string(gadget.join(file)).unwrap();
            assert!(!text.contains("{{name}}") && !text.contains("{{sdk"), "{file}");
        }
        assert!(gadget.join(".gadgetry/sdk/sdk/Cargo.toml").is_file());
        assert!(gadget.join(".cargo/config.toml").is_file());
    }
}
