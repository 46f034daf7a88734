//! The SDK a gadget is compiled against: the crates `gadget-sdk` and `gadget-ebpf`, of which the binary carries the
//! sources.
//!
//! A gadget's manifest names them by version, as it will once they come from a registry. Until they do, and so that
//! a gadget fits the host it is built with, they are unpacked into the gadget's own `.gadgetry/sdk`, and
//! `.cargo/config.toml` tells cargo to take them from there; both are left out of git. Within the gadget rather than
//! in a common cache, because the compiler puts the way from the workspace to a crate into every symbol: only so does
//! the same gadget give the same image in every place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Hasher};

/// Files of the SDK: names, and contents; the root's `Cargo.toml` among them.
pub type Files = &'static [(&'static str, &'static [u8])];

/// The crates a gadget may name, and where they are in the SDK.
const CRATES: [(&str, &str); 2] = [("gadget-ebpf", "ebpf"), ("gadget-sdk", "sdk")];
/// All crates of the SDK.
const MEMBERS: [&str; 5] = ["ebpf", "ebpf/macros", "sdk", "sdk/abi", "sdk/macros"];

const UNPACKED: &str = ".gadgetry/sdk";
/// The first line of the files that are ours to replace.
const MARK: &str = "# Written by `gadgetry gadget`; not to be committed.";

/// Where the SDK comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sdk {
    /// Carried by the binary.
    Embedded(Files),
    /// From a checkout of the project.
    Checkout(PathBuf),
}

/// Why the SDK can't be put in place.
#[derive(Debug, thiserror::Error)]
pub enum SdkError {
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder given is no checkout.
    #[error("{path} is no checkout of gadgetry: it has no sdk/Cargo.toml and ebpf/Cargo.toml")]
    NoCheckout {
        /// The folder.
        path: PathBuf,
    },
    /// A manifest that is no TOML.
    #[error("{path}: {source}")]
    Syntax {
        /// The manifest.
        path: PathBuf,
        /// What and where.
        source: Box<toml::de::Error>,
    },
    /// A configuration of the author's own.
    #[error("{path} is not ours to replace; add this to it:\n{wanted}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What it must hold.
        wanted: String,
    },
}

impl SdkError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }
}

impl Sdk {
    /// Makes the crates available to the gadget in `gadget`. Nothing is done for those that its manifest names by
    /// path.
    pub fn prepare(&self, gadget: &Path) -> Result<(), SdkError> {
        let wanted = crates_without_path(&gadget.join("Cargo.toml"))?;
        if wanted.is_empty() {
            return Ok(());
        }
        let root = match self {
            Self::Embedded(files) => {
                unpack(files, &gadget.join(UNPACKED))?;
                PathBuf::from(UNPACKED)
            }
            Self::Checkout(path) => {
                let path = path.canonicalize().map_err(SdkError::io(path))?;
                if !CRATES.iter().all(|(_, folder)| path.join(folder).join("Cargo.toml").is_file()) {
                    return Err(SdkError::NoCheckout { path });
                }
                path
            }
        };
        let mut config = format!("{MARK}\n[patch.crates-io]\n");
        for (name, folder) in CRATES.iter().filter(|(name, _)| wanted.contains(name)) {
            let path = toml::Value::from(root.join(folder).display().to_string());
            config.push_str(&format!("{name} = {{ path = {path} }}\n"));
        }
        write_ours(&gadget.join(".cargo/config.toml"), &config)
    }

    /// The checkout's folder, if it is one, as compilers see it.
    pub(crate) fn checkout(&self) -> Option<PathBuf> {
        match self {
            Self::Embedded(_) => None,
            Self::Checkout(path) => path.canonicalize().ok(),
        }
    }
}

fn digest(files: Files) -> Digest {
    let mut hasher = Hasher::default();
    for (name, bytes) in files {
        for part in [name.as_bytes(), bytes] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.digest()
}

/// Which of our crates the manifest names without saying where they are.
fn crates_without_path(manifest: &Path) -> Result<Vec<&'static str>, SdkError> {
    let text = fs::read_to_string(manifest).map_err(SdkError::io(manifest))?;
    let manifest: toml::Table = toml::from_str(&text)
        .map_err(|e| SdkError::Syntax { path: manifest.to_owned(), source: Box::new(e) })?;
    let mut tables = vec![&manifest];
    if let Some(toml::Value::Table(targets)) = manifest.get("target") {
        tables.extend(targets.values().filter_map(toml::Value::as_table));
    }
    let dependencies = tables.iter().filter_map(|table| table.get("dependencies")?.as_table()).flatten();
    let mut wanted = Vec::new();
    for (key, value) in dependencies {
        let field = |name| value.as_table().and_then(|table| table.get(name));
        let name = field("package").and_then(toml::Value::as_str).unwrap_or(key);
        // A workspace's dependency says in the workspace where it is.
        if field("path").is_some() || field("workspace").is_some() || field("git").is_some() {
            continue;
        }
        wanted.extend(CRATES.iter().map(|(ours, _)| *ours).filter(|ours| *ours == name));
    }
    Ok(wanted)
}

/// Unpacks the sources, unless these very ones are there.
fn unpack(files: Files, to: &Path) -> Result<(), SdkError> {
    let digest = digest(files).to_string();
    let mark = to.join(".digest");
    if fs::read_to_string(&mark).is_ok_and(|found| found == digest) {
        return Ok(());
    }
    match fs::remove_dir_all(to) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(SdkError::Io { path: to.to_owned(), source: e });
        }
        _ => {}
    }
    for (name, bytes) in files {
        let path = to.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(SdkError::io(folder))?;
        }
        let bytes = if *name == "Cargo.toml" { workspace(bytes)?.into_bytes() } else { bytes.to_vec() };
        fs::write(&path, bytes).map_err(SdkError::io(path))?;
    }
    fs::write(&mark, digest).map_err(SdkError::io(mark))
}

/// The root manifest, cut down to what the SDK's crates inherit from it.
fn workspace(root: &[u8]) -> Result<String, SdkError> {
    let syntax = |e| SdkError::Syntax { path: "Cargo.toml".into(), source: Box::new(e) };
    let mut manifest: toml::Table = toml::from_str(&String::from_utf8_lossy(root)).map_err(syntax)?;
    manifest.retain(|name, _| name == "workspace");
    if let Some(toml::Value::Table(workspace)) = manifest.get_mut("workspace") {
        let members = MEMBERS.map(toml::Value::from).to_vec();
        workspace.insert("members".into(), members.into());
        workspace.remove("default-members");
        workspace.remove("exclude");
        if let Some(toml::Value::Table(dependencies)) = workspace.get_mut("dependencies") {
            dependencies.retain(|_, value| {
                let path = value.get("path").and_then(toml::Value::as_str);
                path.is_none_or(|path| MEMBERS.contains(&path))
            });
        }
    }
    Ok(manifest.to_string())
}

/// Writes a file that only we write.
fn write_ours(path: &Path, text: &str) -> Result<(), SdkError> {
    match fs::read_to_string(path) {
        Ok(found) if found == text => return Ok(()),
        Ok(found) if !found.starts_with(MARK) => {
            let wanted = text.strip_prefix(MARK).unwrap_or(text).trim().to_owned();
            // An author who did as told is left alone.
            let has_all = wanted.lines().all(|line| found.lines().any(|it| it.trim() == line));
            return if has_all { Ok(()) } else { Err(SdkError::Config { path: path.to_owned(), wanted }) };
        }
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(SdkError::Io { path: path.to_owned(), source: e }),
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(SdkError::io(folder))?;
    }
    fs::write(path, text).map_err(SdkError::io(path))
}

#[cfg(test)]
mod tests {
    use gadget_sdk_sources::FILES;

    use super::*;

    #[test]
    fn the_unpacked_sdk_stands_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        unpack(FILES, folder.path()).unwrap();
        for member in MEMBERS {
            assert!(folder.path().join(member).join("Cargo.toml").is_file(), "{member}");
        }
        assert!(folder.path().join("sdk/wit/gadget.wit").is_file());
        let text = fs::read_to_string(folder.path().join("Cargo.toml")).unwrap();
        assert!(!text.contains("host"), "{text}");
        // Unpacked once; replaced when it is another.
        fs::write(folder.path().join("kept"), "").unwrap();
        unpack(FILES, folder.path()).unwrap();
        assert!(folder.path().join("kept").exists());
        fs::write(folder.path().join(".digest"), "older").unwrap();
        unpack(FILES, folder.path()).unwrap();
        assert!(!folder.path().join("kept").exists());
    }

    #[test]
    fn only_what_has_no_path_is_patched_and_foreign_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let config = folder.path().join(".cargo/config.toml");
        write("Cargo.toml", "[dependencies]\ngadget = { package = 'gadget-sdk', path = '../sdk' }\n");
        Sdk::Embedded(FILES).prepare(folder.path()).unwrap();
        assert!(!config.exists());

        write(
            "Cargo.toml",
            "[target.'cfg(not(target_arch = \"bpf\"))'.dependencies]\ngadget = { package = 'gadget-sdk', version = '0.1' }\n",
        );
        Sdk::Embedded(FILES).prepare(folder.path()).unwrap();
        let text = fs::read_to_string(&config).unwrap();
        assert!(
            text.contains("gadget-sdk = { path = \".gadgetry/sdk/sdk\" }") && !text.contains("ebpf"),
            "{text}"
        );

        fs::write(&config, "[build]\n").unwrap();
        let error = Sdk::Embedded(FILES).prepare(folder.path()).unwrap_err().to_string();
        assert!(error.contains("add this to it:\n[patch.crates-io]\ngadget-sdk"), "{error}");
        fs::write(&config, format!("[build]\n{}", text.strip_prefix(MARK).unwrap())).unwrap();
        Sdk::Embedded(FILES).prepare(folder.path()).unwrap();
        let error = Sdk::Checkout(folder.path().into()).prepare(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is no checkout"), "{error}");
    }
}
