//! From a gadget's sources to its image: compile both halves, make the component, ask it what it is, check, pack.
//!
//! The same sources, SDK and toolchain give the same digest, wherever they lie and whoever builds: paths are mapped
//! away, nothing reads the clock, every profile setting is ours. What was compiled is kept under a hash of all that
//! went in, so an unchanged gadget costs a few milliseconds.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::component::{ComponentError, Interfaces};
use crate::descriptor::{Descriptor, Invalid};
use crate::elf::{ElfError, KernelObject};
use crate::media::{Link, cap};
use crate::pack::{Parts, pack};
use crate::permissions::{self, DANGEROUS_HELPERS, Refused};
use crate::policy::Grants;
use crate::sdk::{Sdk, SdkError};
use crate::store::{Lease, StoreError};

mod cache;
mod cargo;
mod halves;
mod manifest;
mod package;
mod strip;
mod toolchain;

pub use cargo::CargoError;
pub use manifest::ManifestError;
pub use package::PackageError;
pub use toolchain::{Toolchain, ToolchainError};

use halves::Halves;
use manifest::GadgetToml;
use package::Package;

/// The architectures an image is built for: in Go's words, and as the kernel half's `bpf_target_arch`.
pub const ARCHITECTURES: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "aarch64")];

/// Runs a component's `describe`. The host does it in its sandbox; this crate has none.
pub trait Describe {
    /// What the component's `describe` returns.
    fn describe(&self, component: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
}

impl<F> Describe for F
where
    F: Fn(&[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>,
{
    fn describe(&self, component: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        self(component)
    }
}

/// What to build, and how.
pub struct Build<'a> {
    /// The gadget's folder.
    pub gadget: &'a Path,
    /// Where cargo puts its output; also where compiled halves are kept.
    pub target_dir: &'a Path,
    /// The SDK to compile against, where the gadget's manifest does not say by path.
    pub sdk: &'a Sdk,
    /// Runs the component's `describe`.
    pub describe: &'a dyn Describe,
    /// Told what is going on, a line at a time: cargo's own lines too.
    pub progress: &'a (dyn Fn(&str) + Sync),
}

impl Build<'_> {
    fn absolute(&self) -> Result<(PathBuf, PathBuf), BuildError> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(BuildError::io(path));
        Ok((absolute(self.gadget)?, absolute(self.target_dir)?))
    }
}

/// What was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The image's index.
    pub link: Link,
    /// What the gadget says of itself.
    pub descriptor: Descriptor,
    /// Whether the compiled halves were there already.
    pub cached: bool,
}

/// Why a gadget can't be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file of the gadget, or of the build's, can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No compiler that can make both halves.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// The folder is no gadget.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// `gadget.toml` can't be read, or does not fit the component.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The SDK can't be unpacked.
    #[error(transparent)]
    Sdk(#[from] SdkError),
    /// The compiler failed.
    #[error(transparent)]
    Cargo(#[from] CargoError),
    /// What the compiler made is no module of a gadget.
    #[error(
        "the compiled post-processor can't be made a component: {reason}; does src/lib.rs end in `gadget::export!`?"
    )]
    Encode {
        /// Why.
        reason: String,
    },
    /// The component's `describe` failed.
    #[error("the gadget's `describe` failed: {0}")]
    Describe(Box<dyn Error + Send + Sync>),
    /// The component can't be used.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The eBPF object can't be used.
    #[error(transparent)]
    Ebpf(#[from] ElfError),
    /// The eBPF object can't be stripped.
    #[error("the eBPF object can't be rewritten without its debugging sections: {0}")]
    Strip(#[from] object::build::Error),
    /// The descriptor does not make sense.
    #[error("{0} (from gadget.toml and the doc comments in src/lib.rs)")]
    Descriptor(#[from] Invalid),
    /// It does more than `gadget.toml` states.
    #[error("the gadget {}; name it under [permissions] in gadget.toml, or do without", listed(.0))]
    Permissions(Vec<Refused>),
    /// A part is larger than an image's may be.
    #[error("the {what} has {size} bytes, more than the {cap} allowed for it")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size.
        size: u64,
        /// The cap.
        cap: u64,
    },
    /// The image can't be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BuildError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }
}

fn listed(refused: &[Refused]) -> String {
    refused.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Builds a gadget into the store; it has no name there until it is tagged, under the same lease.
pub fn build(build: &Build<'_>, lease: &Lease) -> Result<Built, BuildError> {
    // Cargo runs in the gadget's folder, so nothing may be told it by a path relative to ours.
    let (gadget, target_dir) = build.absolute()?;
    let build = &Build { gadget: &gadget, target_dir: &target_dir, ..*build };
    let gadget_toml = GadgetToml::read(build.gadget)?;
    let toolchain = Toolchain::find()?;
    build.sdk.prepare(build.gadget)?;
    let package = Package::read(&toolchain, build.gadget)?;
    let (halves, cached) = Halves::get(build, &toolchain, &package)?;
    let objects: Vec<_> =
        halves.objects.iter().map(|bytes| KernelObject::parse(bytes)).collect::<Result<_, _>>()?;

    let descriptor = gadget_toml.descriptor(&package, &halves.described)?;
    check(&descriptor, &halves, &objects)?;
    let readme = read_optional(&build.gadget.join("README.md"))?;
    let sizes = [
        ("README", readme.as_ref().map_or(0, Vec::len), cap::README),
        ("component", halves.component.len(), cap::WASM),
        ("eBPF object", halves.objects.iter().map(Vec::len).max().unwrap_or(0), cap::EBPF),
    ];
    for (what, size, cap) in sizes {
        if size as u64 > cap {
            return Err(BuildError::TooLarge { what, size: size as u64, cap });
        }
    }
    let mut objects = halves.objects.into_iter();
    let parts = Parts {
        objects: ARCHITECTURES.map(|(name, _)| (name.to_owned(), objects.next())).into(),
        component: halves.component,
        descriptor,
        readme,
    };
    let link = pack(lease, &parts)?;
    Ok(Built { link, descriptor: parts.descriptor, cached })
}

/// What any host would refuse is refused here, where the author can mend it. What an operator must grant is not.
fn check(descriptor: &Descriptor, halves: &Halves, objects: &[KernelObject]) -> Result<(), BuildError> {
    let interfaces = Interfaces::of(&halves.component)?;
    interfaces.must_offer(descriptor.kind, descriptor.merge)?;
    let everything = Grants {
        helpers: DANGEROUS_HELPERS.iter().map(|name| (*name).to_owned()).collect(),
        imports: descriptor.permissions.imports.clone(),
        http: descriptor.permissions.http.iter().flat_map(|http| http.hosts.clone()).collect(),
        store: descriptor.permissions.store,
        ..Grants::default()
    };
    let each = if objects.is_empty() { vec![None] } else { objects.iter().map(Some).collect() };
    for object in each {
        descriptor.validate(object)?;
        let refused =
            permissions::check(descriptor, object, &interfaces, &everything, &|_| Some(String::new()));
        if !refused.is_empty() {
            return Err(BuildError::Permissions(refused));
        }
    }
    Ok(())
}

/// Runs the unit tests of the gadget's post-processor, natively.
pub fn test(build: &Build<'_>) -> Result<(), BuildError> {
    let (gadget, target_dir) = build.absolute()?;
    let build = &Build { gadget: &gadget, target_dir: &target_dir, ..*build };
    let toolchain = Toolchain::find()?;
    build.sdk.prepare(build.gadget)?;
    let package = Package::read(&toolchain, build.gadget)?;
    cargo::Cargo::new(&toolchain, build)
        .args(["test", "--lib", "--package", &package.id])
        .env(&BTreeMap::new())
        .run()
        .map(|_| ())
        .map_err(Into::into)
}

fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, BuildError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(BuildError::Io { path: path.to_owned(), source: e }),
    }
}
