//! Reading an image: from its digest to the descriptor and the code for one machine.
//!
//! It starts at a digest that someone verified, and every step follows a digest that the step before named, so
//! nothing can be swapped in between. Sizes are checked against their caps before anything is read, and against
//! what was stated afterwards.
//!
//! Strict where it decides what is run: one config, one component, one object, each of its own media type. Lenient
//! where it does not: unknown layers, unknown annotations and manifests for other machines are passed over, so that
//! later versions may add some.

use serde::de::DeserializeOwned;

use crate::component::{ComponentError, Interfaces};
use crate::descriptor::{Descriptor, Invalid, Kind};
use crate::digest::Digest;
use crate::elf::{ElfError, KernelObject};
use crate::media::{self, Annotations, Index, Link, Manifest, cap};
use crate::store::{Store, StoreError};

/// Where blobs are read from: the store, or the bundle in the binary.
pub trait Blobs {
    /// The bytes of a blob, checked against its digest; an error if there are more than `cap`.
    fn read_blob(&self, digest: &Digest, cap: u64) -> Result<Vec<u8>, StoreError>;
}

impl Blobs for Store {
    fn read_blob(&self, digest: &Digest, cap: u64) -> Result<Vec<u8>, StoreError> {
        self.read(digest, cap)
    }
}

/// An image, read for one machine.
#[derive(Clone, Debug)]
pub struct Image {
    /// The image: what its name was resolved to, and what is verified.
    pub digest: Digest,
    /// The manifest for the machine.
    pub manifest: Digest,
    /// The architecture it was read for, in Go's words.
    pub architecture: String,
    /// What the gadget says of itself, validated.
    pub descriptor: Descriptor,
    /// Where the descriptor is.
    pub config: Link,
    /// The component.
    pub component: Vec<u8>,
    /// Where the component is; compiled forms are cached under this digest.
    pub component_link: Link,
    /// What the component imports and exports.
    pub interfaces: Interfaces,
    /// The eBPF object and what was read from it, unless it is a tool.
    pub ebpf: Option<EbpfLayer>,
    /// Where the README is, if there is one.
    pub readme: Option<Link>,
    /// The manifest's annotations.
    pub annotations: Annotations,
}

/// The kernel half.
#[derive(Clone, Debug)]
pub struct EbpfLayer {
    /// Where it is.
    pub link: Link,
    /// The ELF file.
    pub bytes: Vec<u8>,
    /// What is in it.
    pub object: KernelObject,
}

/// Why an image can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The store can't give a blob.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A document that is no JSON of its kind.
    #[error("{what} {digest} can't be read: {source}")]
    Json {
        /// `index`, `manifest`.
        what: &'static str,
        /// Its address.
        digest: Digest,
        /// Why.
        source: serde_json::Error,
    },
    /// Something else than a gadget.
    #[error("{digest} is no gadget image: {reason}")]
    NotAGadget {
        /// The document.
        digest: Digest,
        /// What is wrong with it.
        reason: String,
    },
    /// No manifest for this machine.
    #[error("image {digest} has no manifest for linux/{wanted}; it has: {found}")]
    Platform {
        /// The index.
        digest: Digest,
        /// The architecture wanted.
        wanted: String,
        /// Those there are.
        found: String,
    },
    /// Larger than allowed, by its own word.
    #[error("{what} {digest} states {size} bytes, more than the {cap} allowed for it")]
    TooLarge {
        /// Its media type.
        what: String,
        /// Its address.
        digest: Digest,
        /// The size stated.
        size: u64,
        /// The cap.
        cap: u64,
    },
    /// Not as long as stated.
    #[error("{what} {digest} states {stated} bytes and has {found}")]
    Size {
        /// Its media type.
        what: String,
        /// Its address.
        digest: Digest,
        /// The size stated.
        stated: u64,
        /// The size found.
        found: u64,
    },
    /// A descriptor that makes no sense.
    #[error(transparent)]
    Descriptor(#[from] Invalid),
    /// An eBPF object that can't be used.
    #[error(transparent)]
    Ebpf(#[from] ElfError),
    /// A component that can't be used.
    #[error(transparent)]
    Component(#[from] ComponentError),
}

/// This machine's architecture, in Go's words.
pub const fn host_architecture() -> &'static str {
    if cfg!(target_arch = "x86_64") {
        "amd64"
    } else if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        std::env::consts::ARCH
    }
}

/// What an image's top document points to.
pub enum Top {
    /// Manifests for several machines.
    Index(Index),
    /// One manifest, for whatever machine it is.
    Manifest(Box<Manifest>),
}

impl Top {
    /// Reads and checks the document at `digest`.
    pub fn read(blobs: &impl Blobs, digest: &Digest) -> Result<Self, ImageError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Either {
            media_type: Option<String>,
            manifests: Option<serde::de::IgnoredAny>,
            layers: Option<serde::de::IgnoredAny>,
        }
        let bytes = blobs.read_blob(digest, cap::MANIFEST)?;
        let either: Either = json("index", digest, &bytes)?;
        let wrong = |reason: &str| ImageError::NotAGadget { digest: *digest, reason: reason.into() };
        match (either.manifests, either.layers, either.media_type.as_deref()) {
            (Some(_), Some(_), _) => Err(wrong("it is an index and a manifest at once")),
            (Some(_), None, None | Some(media::INDEX)) => {
                let index: Index = json("index", digest, &bytes)?;
                if index.schema_version != 2 || index.manifests.len() > cap::MANIFESTS {
                    return Err(wrong("its version is not 2, or it has more than 32 manifests"));
                }
                Ok(Self::Index(index))
            }
            (None, Some(_), None | Some(media::MANIFEST)) => {
                Ok(Self::Manifest(Box::new(manifest(digest, &bytes)?)))
            }
            (_, _, media_type) => Err(wrong(&format!(
                "its media type is `{}`; expected an OCI image index or manifest",
                media_type.unwrap_or("unknown")
            ))),
        }
    }
}

impl Image {
    /// Reads the image `digest` for one architecture.
    pub fn open(blobs: &impl Blobs, digest: &Digest, architecture: &str) -> Result<Self, ImageError> {
        match Top::read(blobs, digest)? {
            Top::Manifest(manifest) => Self::from_manifest(blobs, digest, digest, architecture, *manifest),
            Top::Index(index) => {
                let child = for_architecture(digest, &index, architecture)?;
                let bytes = follow(blobs, child)?;
                let manifest = manifest(&child.digest, &bytes)?;
                Self::from_manifest(blobs, digest, &child.digest, architecture, manifest)
            }
        }
    }

    fn from_manifest(
        blobs: &impl Blobs,
        digest: &Digest,
        at: &Digest,
        architecture: &str,
        manifest: Manifest,
    ) -> Result<Self, ImageError> {
        let layer = |media_type| one_layer(at, &manifest, media_type);
        let component_link = layer(media::WASM)?.ok_or_else(|| ImageError::NotAGadget {
            digest: *at,
            reason: format!("it has no layer of type {}", media::WASM),
        })?;
        let component = follow(blobs, component_link)?;
        let interfaces = Interfaces::of(&component)?;
        let ebpf = match layer(media::EBPF)? {
            None => None,
            Some(link) => {
                let bytes = follow(blobs, link)?;
                let object = KernelObject::parse(&bytes)?;
                Some(EbpfLayer { link: link.clone(), bytes, object })
            }
        };
        let descriptor = follow(blobs, &manifest.config)?;
        let descriptor = Descriptor::parse(&descriptor, ebpf.as_ref().map(|ebpf| &ebpf.object))?;
        interfaces.must_offer(descriptor.kind, descriptor.merge)?;
        Ok(Self {
            digest: *digest,
            manifest: *at,
            architecture: architecture.to_owned(),
            component,
            component_link: component_link.clone(),
            interfaces,
            ebpf,
            readme: layer(media::README)?.cloned(),
            descriptor,
            annotations: manifest.annotations.clone(),
            config: manifest.config,
        })
    }

    /// The README's text, if there is one.
    pub fn readme(&self, blobs: &impl Blobs) -> Result<Option<String>, ImageError> {
        let Some(link) = &self.readme else { return Ok(None) };
        Ok(Some(String::from_utf8_lossy(&follow(blobs, link)?).into_owned()))
    }

    /// Whether the kind of gadget needs a kernel.
    pub fn needs_kernel(&self) -> bool {
        self.descriptor.kind != Kind::Tool
    }
}

fn for_architecture<'a>(digest: &Digest, index: &'a Index, wanted: &str) -> Result<&'a Link, ImageError> {
    let platforms = || index.manifests.iter().filter_map(|link| Some((link, link.platform.as_ref()?)));
    let mut ours =
        platforms().filter(|(_, it)| it.os == "linux" && it.architecture == wanted).map(|(link, _)| link);
    match (ours.next(), ours.next()) {
        (Some(link), None) if link.media_type == media::MANIFEST => Ok(link),
        (Some(link), None) => Err(ImageError::NotAGadget {
            digest: *digest,
            reason: format!("its manifest for linux/{wanted} has the type `{}`", link.media_type),
        }),
        (Some(_), Some(_)) => Err(ImageError::NotAGadget {
            digest: *digest,
            reason: format!("it has several manifests for linux/{wanted}"),
        }),
        (None, _) => {
            let found: Vec<_> = platforms().map(|(_, it)| format!("{}/{}", it.os, it.architecture)).collect();
            let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
            Err(ImageError::Platform { digest: *digest, wanted: wanted.to_owned(), found })
        }
    }
}

/// Reads and checks a manifest, as far as that goes without reading what it points to.
fn manifest(digest: &Digest, bytes: &[u8]) -> Result<Manifest, ImageError> {
    let manifest: Manifest = json("manifest", digest, bytes)?;
    let wrong = |reason: String| Err(ImageError::NotAGadget { digest: *digest, reason });
    if manifest.schema_version != 2 {
        return wrong(format!("its version is {}, must be 2", manifest.schema_version));
    }
    if manifest.media_type.as_deref().is_some_and(|it| it != media::MANIFEST) {
        return wrong(format!("its media type is `{}`", manifest.media_type.unwrap_or_default()));
    }
    if manifest.config.media_type != media::DESCRIPTOR {
        return wrong(format!(
            "its config is `{}`, expected `{}`",
            manifest.config.media_type,
            media::DESCRIPTOR
        ));
    }
    if manifest.artifact_type.as_deref().is_some_and(|it| it != media::GADGET) {
        return wrong(format!("its artifact type is `{}`", manifest.artifact_type.unwrap_or_default()));
    }
    if manifest.layers.len() > cap::LAYERS {
        return wrong(format!("it has {} layers; at most {}", manifest.layers.len(), cap::LAYERS));
    }
    for link in manifest.layers.iter().chain([&manifest.config]) {
        within_cap(link)?;
    }
    Ok(manifest)
}

fn one_layer<'a>(
    at: &Digest,
    manifest: &'a Manifest,
    media_type: &str,
) -> Result<Option<&'a Link>, ImageError> {
    let mut layers = manifest.layers.iter().filter(|link| link.media_type == media_type);
    let first = layers.next();
    if layers.next().is_some() {
        let reason = format!("it has several layers of type {media_type}");
        return Err(ImageError::NotAGadget { digest: *at, reason });
    }
    Ok(first)
}

/// Refuses content that by its own word is larger than its kind may be. To be called before fetching or reading it.
pub fn within_cap(link: &Link) -> Result<(), ImageError> {
    let cap = cap::of(&link.media_type);
    if link.size <= cap {
        return Ok(());
    }
    Err(ImageError::TooLarge { what: link.media_type.clone(), digest: link.digest, size: link.size, cap })
}

fn follow(blobs: &impl Blobs, link: &Link) -> Result<Vec<u8>, ImageError> {
    within_cap(link)?;
    let bytes = blobs.read_blob(&link.digest, cap::of(&link.media_type))?;
    let found = bytes.len() as u64;
    if found != link.size {
        let what = link.media_type.clone();
        return Err(ImageError::Size { what, digest: link.digest, stated: link.size, found });
    }
    Ok(bytes)
}

fn json<T: DeserializeOwned>(what: &'static str, digest: &Digest, bytes: &[u8]) -> Result<T, ImageError> {
    serde_json::from_slice(bytes).map_err(|source| ImageError::Json { what, digest: *digest, source })
}

#[cfg(test)]
pub(crate) mod tests;
