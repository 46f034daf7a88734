//! What cargo knows of a gadget: its version and license, which halves it has, and everything that goes into them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::Toolchain;

/// A gadget's Cargo package.
#[derive(Clone, Debug)]
pub(super) struct Package {
    /// As cargo names it in messages.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) homepage: Option<String>,
    /// Whether it has a kernel half: a binary named `kernel`.
    pub(super) kernel: bool,
    pub(super) workspace_root: PathBuf,
    /// The folders of all packages it is made of that lie here, by name.
    pub(super) folders: BTreeMap<String, PathBuf>,
    /// All packages it is made of that come from a registry, with their features.
    pub(super) registry: BTreeSet<String>,
}

/// Why a folder is no gadget.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// There is no `Cargo.toml`.
    #[error("{path} is no gadget: it has no Cargo.toml; make one with `gadgetry gadget new`")]
    None {
        /// The folder.
        path: PathBuf,
    },
    /// Cargo can't read it.
    #[error("cargo can't read {path}:\n{message}")]
    Metadata {
        /// The manifest.
        path: PathBuf,
        /// What cargo said.
        message: String,
    },
    /// It has no library.
    #[error("{path} has no library: the post-processor is src/lib.rs")]
    NoLibrary {
        /// The manifest.
        path: PathBuf,
    },
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    resolve: Resolve,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    homepage: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    features: Vec<String>,
}

impl Package {
    pub(super) fn read(toolchain: &Toolchain, gadget: &Path) -> Result<Self, PackageError> {
        let path = gadget.join("Cargo.toml");
        if !path.is_file() {
            return Err(PackageError::None { path: gadget.to_owned() });
        }
        let failed = |message: String| PackageError::Metadata { path: path.clone(), message };
        let output = Command::new(&toolchain.cargo)
            .args(["metadata", "--format-version=1", "--quiet"])
            .current_dir(gadget)
            .env("RUSTC", &toolchain.rustc)
            .env_remove("RUSTUP_TOOLCHAIN")
            .output()
            .map_err(|e| failed(e.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|e| failed(e.to_string()))?;
        let manifest = path.canonicalize().map_err(|e| failed(e.to_string()))?;
        Self::from_metadata(metadata, &manifest).ok_or(PackageError::NoLibrary { path })
    }

    fn from_metadata(metadata: Metadata, manifest: &Path) -> Option<Self> {
        let Metadata { packages, resolve, workspace_root } = metadata;
        let is_ours =
            |it: &&MetadataPackage| it.manifest_path.canonicalize().is_ok_and(|path| path == manifest);
        let own = packages.iter().find(is_ours)?;
        let has = |kind: &str, name: Option<&str>| {
            own.targets.iter().any(|target| {
                target.kind.iter().any(|it| it.as_str() == kind)
                    && name.is_none_or(|name| target.name == name)
            })
        };
        if !["lib", "cdylib", "rlib"].into_iter().any(|kind| has(kind, None)) {
            return None;
        }
        let nodes: HashMap<_, _> = resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let by_id: HashMap<_, _> = packages.iter().map(|it| (it.id.as_str(), it)).collect();
        let (mut folders, mut registry) = (BTreeMap::new(), BTreeSet::new());
        let (mut seen, mut open) = (BTreeSet::new(), vec![own.id.as_str()]);
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let (Some(node), Some(package)) = (nodes.get(id), by_id.get(id)) else { continue };
            match (&package.source, package.manifest_path.parent()) {
                (None, Some(folder)) => {
                    folders
                        .insert(format!("{} {}", package.name, node.features.join(",")), folder.to_owned());
                }
                _ => {
                    registry.insert(format!("{id} {}", node.features.join(",")));
                }
            }
            open.extend(node.dependencies.iter().map(String::as_str));
        }
        Some(Self {
            id: own.id.clone(),
            name: own.name.clone(),
            version: own.version.clone(),
            license: own.license.clone(),
            repository: own.repository.clone(),
            homepage: own.homepage.clone(),
            kernel: has("bin", Some("kernel")),
            workspace_root,
            folders,
            registry,
        })
    }
}
