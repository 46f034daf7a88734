//! Compiled halves, kept under a hash of all that went into them: every file of every package that lies here, the
//! versions and features of those that do not, the toolchain, the flags. Cargo's own freshness goes by the times of
//! files, which a new checkout changes; this does not.

use std::fs;
use std::path::{Path, PathBuf};

use super::halves::Halves;
use super::{ARCHITECTURES, BuildError, Package, Toolchain};
use crate::digest::{Digest, Hasher};

/// Raised when what is kept changes its shape.
const VERSION: &str = "1";
/// Folders that hold nothing of a package's own.
const NOT_SOURCES: &[&str] = &["target", ".git", ".cargo", ".gadgetry", "node_modules"];
/// Files that the compiler does not read.
const NOT_COMPILED: &[&str] = &["gadget.toml", "README.md", "Cargo.lock"];
/// What a folder that is not a package would have; the walk must end.
const MAX_FILES: usize = 10_000;

/// The hash of all that goes into the halves.
pub(super) fn key(toolchain: &Toolchain, package: &Package, settings: &str) -> Result<Digest, BuildError> {
    let mut hasher = Hasher::default();
    let texts = [
        VERSION,
        env!("CARGO_PKG_VERSION"),
        settings,
        &toolchain.version,
        &toolchain.bpf_linker_version,
        &package.name,
        &package.version,
    ];
    for text in texts.into_iter().chain(package.registry.iter().map(String::as_str)) {
        add(&mut hasher, text.as_bytes());
    }
    for (name, folder) in &package.folders {
        add(&mut hasher, name.as_bytes());
        let mut files = Vec::new();
        walk(folder, &mut files)?;
        files.sort();
        for path in files {
            let relative = path.strip_prefix(folder).unwrap_or(&path);
            add(&mut hasher, relative.as_os_str().as_encoded_bytes());
            add(&mut hasher, &fs::read(&path).map_err(BuildError::io(&path))?);
        }
    }
    Ok(hasher.digest())
}

/// Each part with its length, so that no two lists of parts look the same.
fn add(hasher: &mut Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), BuildError> {
    for entry in fs::read_dir(folder).map_err(BuildError::io(folder))? {
        let entry = entry.map_err(BuildError::io(folder))?;
        let name = entry.file_name();
        let is = |list: &[&str]| name.to_str().is_some_and(|name| list.contains(&name));
        let kind = entry.file_type().map_err(BuildError::io(entry.path()))?;
        if kind.is_dir() {
            if !is(NOT_SOURCES) {
                walk(&entry.path(), files)?;
            }
        } else if kind.is_file() && !is(NOT_COMPILED) {
            files.push(entry.path());
            if files.len() > MAX_FILES {
                let source = std::io::Error::other("the package has more than 10000 files");
                return Err(BuildError::Io { path: folder.to_owned(), source });
            }
        }
    }
    Ok(())
}

/// What was kept under the key, if it is all there.
pub(super) fn load(target_dir: &Path, key: &Digest, kernel: bool) -> Option<Halves> {
    let folder = folder(target_dir, key);
    let read = |name: &str| fs::read(folder.join(name)).ok();
    let mut objects = Vec::new();
    if kernel {
        for (architecture, _) in ARCHITECTURES {
            objects.push(read(&format!("{architecture}.bpf.o"))?);
        }
    }
    Some(Halves { objects, component: read("gadget.wasm")?, described: read("described.json")? })
}

/// Keeps the halves under the key.
pub(super) fn save(target_dir: &Path, key: &Digest, halves: &Halves) -> Result<(), BuildError> {
    let folder = folder(target_dir, key);
    let parent = folder.parent().unwrap_or(target_dir);
    fs::create_dir_all(parent).map_err(BuildError::io(parent))?;
    let fresh = tempfile::tempdir_in(parent).map_err(BuildError::io(parent))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = fresh.path().join(name);
        fs::write(&path, bytes).map_err(BuildError::io(path))
    };
    for ((architecture, _), object) in ARCHITECTURES.iter().zip(&halves.objects) {
        write(&format!("{architecture}.bpf.o"), object)?;
    }
    write("gadget.wasm", &halves.component)?;
    write("described.json", &halves.described)?;
    // A folder that is there already was written by another build of the same sources.
    match fs::rename(fresh.path(), &folder) {
        Err(_) if folder.is_dir() => Ok(()),
        Err(e) => Err(BuildError::Io { path: folder, source: e }),
        Ok(()) => {
            let _moved = fresh.keep();
            Ok(())
        }
    }
}

fn folder(target_dir: &Path, key: &Digest) -> PathBuf {
    target_dir.join("gadget-cache").join(key.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_again_and_only_whole() {
        let folder = tempfile::tempdir().unwrap();
        let key = Digest::of(b"key");
        let halves =
            Halves { objects: vec![vec![1], vec![2]], component: vec![3], described: b"{}".to_vec() };
        assert_eq!(load(folder.path(), &key, true), None);
        save(folder.path(), &key, &halves).unwrap();
        save(folder.path(), &key, &halves).unwrap();
        assert_eq!(load(folder.path(), &key, true), Some(halves));
        assert_eq!(load(folder.path(), &Digest::of(b"other"), true), None);
        fs::remove_file(super::folder(folder.path(), &key).join("arm64.bpf.o")).unwrap();
        assert_eq!(load(folder.path(), &key, true), None);
        assert_eq!(fs::read_dir(folder.path().join("gadget-cache")).unwrap().count(), 1);
    }
}
