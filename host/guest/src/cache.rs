//! Compiled components, kept in a folder between processes.
//!
//! What lies there is machine code that this process will run, so nobody else may put it there: the folder and each
//! file must belong to this process's user and be closed to others, and each file starts with the SHA-256 of the
//! rest. A file that fails any of this is passed over and written anew; the component is compiled as if there were
//! no cache. A file's name holds everything that the code depends on: the component's digest, wasmtime's version,
//! its settings and the CPU's features.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use wasmtime::Engine;

use crate::error::RuntimeError;

/// First bytes of a file; the digit is the version of this layout.
const MAGIC: &[u8; 8] = b"gdgtcwa1";
/// Bytes before the code: the magic and the SHA-256.
const HEAD: usize = MAGIC.len() + 32;
/// No component accepted here compiles to more.
const LARGEST: u64 = 512 << 20;
/// The folder is kept below this, the oldest files going first.
const FOLDER: u64 = 256 << 20;

/// The folder, checked.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
    /// What the code depends on beside the component.
    host: String,
}

/// A compiled component from a file that passed every check.
pub(crate) struct Compiled {
    file: Vec<u8>,
}

impl Compiled {
    pub(crate) fn code(&self) -> &[u8] {
        &self.file[HEAD..]
    }
}

impl Cache {
    /// Uses `dir`, which is made if it is not there.
    pub(crate) fn open(dir: &Path, engine: &Engine) -> Result<Self, RuntimeError> {
        let failed = |error| RuntimeError::Cache { path: dir.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let meta = fs::symlink_metadata(dir).map_err(failed)?;
        let found = if !meta.is_dir() {
            Some("is no folder".to_owned())
        } else if meta.uid() != me() {
            Some(format!("belongs to user {}", meta.uid()))
        } else if meta.mode() & 0o077 != 0 {
            Some(format!("has mode {:04o}", meta.mode() & 0o7777))
        } else {
            None
        };
        if let Some(found) = found {
            return Err(RuntimeError::CacheNotPrivate { path: dir.to_owned(), found });
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let host = format!("{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish());
        Ok(Self { dir: dir.to_owned(), host })
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(format!("{digest}-{}.cwasm", self.host))
    }

    /// The compiled form of the component whose SHA-256 is `digest`, if it is here and sound.
    pub(crate) fn read(&self, digest: &str) -> Option<Compiled> {
        let path = self.path(digest);
        match read(&path) {
            Ok(compiled) => Some(compiled),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled component not used; compiling it again");
                None
            }
        }
    }

    /// Keeps `code`. A cache that cannot be written slows the next start down and does no other harm.
    pub(crate) fn write(&self, digest: &str, code: &[u8]) {
        let path = self.path(digest);
        if let Err(error) = write(&self.dir, &path, code).and_then(|()| self.prune(&path)) {
            tracing::warn!(path = %path.display(), %error, "compiled component not kept");
        }
    }

    /// Removes a file whose code wasmtime refused.
    pub(crate) fn forget(&self, digest: &str) {
        let _ = fs::remove_file(self.path(digest));
    }

    /// Removes the oldest files (those left behind by crashes and earlier versions among them) beyond [`FOLDER`].
    fn prune(&self, newest: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            // Another process may have removed it meanwhile.
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_file() && entry.path() != newest {
                files.push((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), meta.len(), entry.path()));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|file| file.1).sum();
        for (_, len, path) in files {
            if total <= FOLDER {
                break;
            }
            let _ = fs::remove_file(path);
            total -= len;
        }
        Ok(())
    }
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn read(path: &Path) -> io::Result<Compiled> {
    let nofollow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut file = OpenOptions::new().read(true).custom_flags(nofollow).open(path)?;
    // Of the open file, so that it is the one read below.
    let meta = file.metadata()?;
    let refuse = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    if !meta.is_file() {
        return refuse("it is no plain file");
    }
    if meta.uid() != me() {
        return refuse("it belongs to another user");
    }
    if meta.mode() & 0o022 != 0 {
        return refuse("other users may write it");
    }
    if meta.len() > LARGEST {
        return refuse("it is too large");
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default());
    (&mut file).take(LARGEST).read_to_end(&mut bytes)?;
    let Some((head, code)) = bytes.split_at_checked(HEAD) else { return refuse("it is cut short") };
    let Some(sum) = head.strip_prefix(MAGIC) else { return refuse("it is no compiled component") };
    if sum != Sha256::digest(code).as_slice() {
        return refuse("its checksum does not match");
    }
    Ok(Compiled { file: bytes })
}

fn write(dir: &Path, path: &Path, code: &[u8]) -> io::Result<()> {
    // Made with mode 0600.
    let mut temp = tempfile::Builder::new().prefix(".new-").tempfile_in(dir)?;
    let file: &mut File = temp.as_file_mut();
    file.write_all(MAGIC)?;
    file.write_all(&Sha256::digest(code))?;
    file.write_all(code)?;
    // No fsync: what a power cut leaves is caught by the checksum.
    temp.persist(path)?;
    Ok(())
}
