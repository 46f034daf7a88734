//! Signatures as they lie in a registry and, copied, in the store: small images whose layers hold them.
//!
//! There are two kinds. The older is a layer with a JSON text, "simple signing", with the signature over that text in
//! an annotation; cosign 2 keeps it under the tag `sha256-<hex>.sig`. The newer is a layer with a Sigstore bundle,
//! whose envelope holds an in-toto statement; cosign 3 makes it a referrer of what it signs. Both kinds are told by
//! the layers alone, because registries differ in what else they keep. Nothing here decides anything.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use sigstore_types::Bundle;

use crate::digest::Digest;
use crate::media::{Link, Manifest, cap};
use crate::store::{Store, StoreError};

mod keyless;

/// Media type of a simple signing layer.
pub const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Media type of a Sigstore bundle, as written; the version at its end is not looked at when reading.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const ANY_BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// Annotation of a simple signing layer: the signature.
pub(crate) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// Role of a signature among the artifacts that the store keeps with an image.
pub const ROLE: &str = "signature";

/// The longest layer: a bundle with its certificates and log proofs has a few tens of kilobytes.
pub(crate) const MAX_LAYER: u64 = 1 << 20;
/// Signatures looked at in one manifest, and manifests looked at for one image. Whoever may push can add more, so
/// the number must be bounded; whoever may push could also remove the good one, so nothing is lost by that.
pub(crate) const MAX_LAYERS: usize = 32;
/// See [`MAX_LAYERS`].
pub(crate) const MAX_MANIFESTS: usize = 32;

/// A signature, not yet checked.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The manifest it was found in.
    pub found_in: Digest,
    /// What it is.
    pub content: Content,
}

/// The kinds of signatures.
#[derive(Clone, Debug)]
pub enum Content {
    /// Simple signing, by a key.
    Simple {
        /// What was signed.
        payload: Vec<u8>,
        /// The signature over it.
        signature: Vec<u8>,
    },
    /// Simple signing by a keyless identity, made into a bundle over the payload.
    SimpleKeyless {
        /// What was signed.
        payload: Vec<u8>,
        /// Certificate, log entry and signature.
        bundle: Box<Bundle>,
    },
    /// A bundle.
    Bundle(Box<Bundle>),
    /// Something that should be a signature and can't be read.
    Malformed {
        /// Why.
        reason: String,
    },
}

impl Signature {
    /// How it is named in messages.
    pub fn title(&self) -> String {
        let kind = match &self.content {
            Content::Simple { .. } | Content::SimpleKeyless { .. } => "simple signing",
            Content::Bundle(_) => "bundle",
            Content::Malformed { .. } => "unreadable",
        };
        format!("{kind}, in {}", self.found_in.short())
    }
}

/// Which layers of `manifest` hold signatures.
pub(crate) fn layers(manifest: &Manifest) -> impl Iterator<Item = &Link> {
    let holds = |link: &&Link| link.media_type == SIMPLE || link.media_type.starts_with(ANY_BUNDLE);
    manifest.layers.iter().filter(holds).take(MAX_LAYERS)
}

/// Reads the signature in one layer.
pub(crate) fn read(found_in: Digest, layer: &Link, bytes: Vec<u8>) -> Signature {
    let content = if layer.media_type == SIMPLE { simple(layer, bytes) } else { bundle(&bytes) };
    Signature { found_in, content: content.unwrap_or_else(|reason| Content::Malformed { reason }) }
}

/// The signatures that the store keeps with the image `subject`. One that is damaged there is still listed, as
/// malformed, so that the reader learns of it.
pub fn stored(store: &Store, subject: &Digest) -> Result<Vec<Signature>, StoreError> {
    let mut found = Vec::new();
    for attached in
        store.attached(subject)?.into_iter().filter(|attached| attached.role == ROLE).take(MAX_MANIFESTS)
    {
        let found_in = attached.link.digest;
        let malformed = |reason| Signature { found_in, content: Content::Malformed { reason } };
        let manifest: Result<Manifest, _> = store
            .read(&found_in, cap::MANIFEST)
            .map_err(|e| e.to_string())
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|e| e.to_string()));
        match manifest {
            Err(reason) => found.push(malformed(reason)),
            Ok(manifest) => {
                found.extend(layers(&manifest).map(|layer| match store.read(&layer.digest, MAX_LAYER) {
                    Ok(bytes) => read(found_in, layer, bytes),
                    Err(e) => malformed(e.to_string()),
                }))
            }
        }
    }
    Ok(found)
}

fn simple(layer: &Link, payload: Vec<u8>) -> Result<Content, String> {
    let text =
        layer.annotations.get(SIGNATURE).ok_or_else(|| format!("the layer has no annotation {SIGNATURE}"))?;
    let signature = BASE64_STANDARD.decode(text).map_err(|e| format!("{SIGNATURE}: {e}"))?;
    Ok(match keyless::bundle(layer, &payload, text)? {
        Some(bundle) => Content::SimpleKeyless { payload, bundle: Box::new(bundle) },
        None => Content::Simple { payload, signature },
    })
}

fn bundle(bytes: &[u8]) -> Result<Content, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    Bundle::from_json(text).map(|bundle| Content::Bundle(Box::new(bundle))).map_err(|e| e.to_string())
}

/// What a simple signing payload says.
#[derive(Deserialize)]
pub(crate) struct SimplePayload {
    pub(crate) critical: Critical,
}

/// The part that must be understood.
#[derive(Deserialize)]
pub(crate) struct Critical {
    pub(crate) image: Image,
    #[serde(rename = "type")]
    pub(crate) purpose: String,
}

/// What was signed.
#[derive(Deserialize)]
pub(crate) struct Image {
    #[serde(rename = "docker-manifest-digest")]
    pub(crate) digest: String,
}
