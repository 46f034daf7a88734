//! The documents an image is made of, as they stand in JSON, and the media types that tell them apart.
//!
//! The types are our own, although crates have some, for two reasons: digests and sizes are checked while parsing
//! (a size is never negative, a digest never a path), and writing is deterministic (no map without an order), so
//! that the same sources give the same image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// An image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What a manifest and an index say they are: a gadget.
pub const GADGET: &str = "application/vnd.gadgetry.gadget.v1";
/// The config of a manifest: the gadget's descriptor.
pub const DESCRIPTOR: &str = "application/vnd.gadgetry.descriptor.v1+json";
/// A layer: the eBPF object for the manifest's architecture.
pub const EBPF: &str = "application/vnd.gadgetry.ebpf.v1+elf";
/// A layer: the component.
pub const WASM: &str = "application/wasm";
/// A layer: the README.
pub const README: &str = "text/markdown";

/// Annotation by which an index in a layout names an image.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Annotations, in an order of their own so that documents are written the same each time.
pub type Annotations = BTreeMap<String, String>;

/// A pointer to content: what OCI calls a descriptor, a word that here means the gadget's own description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// What it points to.
    pub media_type: String,
    /// Its address.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Which machine it is for; only in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The artifact type of the manifest it points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

impl Link {
    /// A pointer to `bytes`.
    pub fn to(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            platform: None,
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// A machine, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64` or `arm64`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
}

/// An image index: one manifest for each machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`INDEX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// [`GADGET`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifests.
    pub manifests: Vec<Link>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

/// An image manifest: the config and the layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`MANIFEST`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// [`GADGET`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Link,
    /// The layers.
    pub layers: Vec<Link>,
    /// What this one is about; a signature points to what it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Link>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

/// The caps on what an image may hold. They are checked against the sizes a document states before a byte of the
/// content is fetched, and again while reading.
pub mod cap {
    /// An index or a manifest.
    pub const MANIFEST: u64 = 1 << 20;
    /// The descriptor.
    pub const DESCRIPTOR: u64 = 1 << 20;
    /// The eBPF object.
    pub const EBPF: u64 = 16 << 20;
    /// The component.
    pub const WASM: u64 = 16 << 20;
    /// The README.
    pub const README: u64 = 1 << 20;
    /// A layer of a type this version does not know; it is stored, never read.
    pub const OTHER: u64 = 16 << 20;
    /// Entries in an index.
    pub const MANIFESTS: usize = 32;
    /// Layers in a manifest.
    pub const LAYERS: usize = 16;

    /// The cap for content of a media type.
    pub fn of(media_type: &str) -> u64 {
        match media_type {
            super::INDEX | super::MANIFEST => MANIFEST,
            super::DESCRIPTOR => DESCRIPTOR,
            super::EBPF => EBPF,
            super::WASM => WASM,
            super::README => README,
            _ => OTHER,
        }
    }
}
