//! Making signatures, in the two forms that others understand.
//!
//! A signature is itself a small image: a manifest and its blobs. Making one needs the key and nothing else; it is
//! then kept with the image in the store, published, or both. By default both forms are made, because cosign 2 looks
//! only for the one and cosign 3 first for the other.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use sigstore_types::bundle::{PublicKeyIdentifier, VerificationMaterial, VerificationMaterialContent};
use sigstore_types::dsse::{DsseEnvelope, DsseSignature, pae};
use sigstore_types::{Bundle, KeyId, MediaType, PayloadBytes, SignatureBytes, SignatureContent, Statement};

use crate::digest::Digest;
use crate::key::{KeyError, PrivateKey};
use crate::media::{self, Annotations, Link, Manifest};
use crate::signature::{BUNDLE, ROLE, SIGNATURE, SIMPLE};
use crate::store::{Lease, StoreError};
use crate::verify::claim::{IN_TOTO, PREDICATE, SIMPLE_PURPOSE};

/// Media type of an ordinary image's config, which a `.sig` image has.
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a config that says nothing: `{}`.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Which forms to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Simple signing under the tag `sha256-<hex>.sig`: what cosign 2 understands.
    Simple,
    /// A Sigstore bundle as a referrer: what cosign 3 writes.
    Bundle,
    /// Both.
    #[default]
    Both,
}

/// What can go wrong while signing.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A document could not be written.
    #[error("the signature could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A signature as an image: its manifest and the blobs the manifest names.
#[derive(Clone, Debug)]
pub struct SignatureImage {
    /// The manifest.
    pub manifest: Manifest,
    /// The manifest as written.
    pub bytes: Vec<u8>,
    /// The config and the layer.
    pub blobs: Vec<Vec<u8>>,
}

/// Signs the image `subject`. `repository` (host and path) is written into the older form for people to read; no one
/// checks it, since images are copied.
pub fn sign(
    subject: &Link,
    repository: &str,
    key: &PrivateKey,
    format: Format,
) -> Result<Vec<SignatureImage>, SignError> {
    let mut made = Vec::new();
    if matches!(format, Format::Simple | Format::Both) {
        made.push(simple(&subject.digest, repository, key)?);
    }
    if matches!(format, Format::Bundle | Format::Both) {
        made.push(bundle(subject, key)?);
    }
    Ok(made)
}

impl SignatureImage {
    fn new(manifest: Manifest, blobs: Vec<Vec<u8>>) -> Result<Self, SignError> {
        let bytes = serde_json::to_vec(&manifest)?;
        Ok(Self { manifest, bytes, blobs })
    }

    /// Keeps the signature in the store, with the image it signs.
    pub fn keep(&self, lease: &Lease, subject: &Digest) -> Result<Link, StoreError> {
        for blob in &self.blobs {
            lease.put(blob)?;
        }
        lease.put(&self.bytes)?;
        let link = Link::to(media::MANIFEST, &self.bytes);
        lease.attach(subject, ROLE, &link)?;
        Ok(link)
    }
}

fn simple(digest: &Digest, repository: &str, key: &PrivateKey) -> Result<SignatureImage, SignError> {
    let payload = serde_json::to_vec(&json!({
        "critical": {
            "identity": { "docker-reference": repository },
            "image": { "docker-manifest-digest": digest },
            "type": SIMPLE_PURPOSE,
        },
        "optional": null,
    }))?;
    let mut layer = Link::to(SIMPLE, &payload);
    layer.annotations.insert(SIGNATURE.into(), BASE64_STANDARD.encode(key.sign(&payload)?));
    let (manifest, config) = simple_manifest(vec![layer])?;
    SignatureImage::new(manifest, vec![config, payload])
}

/// The manifest of a `.sig` image and its config. Also used to add a signature to those that are published already.
pub(crate) fn simple_manifest(layers: Vec<Link>) -> Result<(Manifest, Vec<u8>), serde_json::Error> {
    let ids: Vec<_> = layers.iter().map(|layer| layer.digest).collect();
    let history: Vec<_> = ids.iter().map(|_| json!({ "created": "0001-01-01T00:00:00Z" })).collect();
    let config = serde_json::to_vec(&json!({
        "architecture": "",
        "created": "0001-01-01T00:00:00Z",
        "history": history,
        "os": "",
        "rootfs": { "type": "layers", "diff_ids": ids },
        "config": {},
    }))?;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.into()),
        artifact_type: None,
        config: Link::to(CONFIG, &config),
        layers,
        subject: None,
        annotations: Annotations::new(),
    };
    Ok((manifest, config))
}

fn bundle(subject: &Link, key: &PrivateKey) -> Result<SignatureImage, SignError> {
    // Written out rather than by the library's type, whose empty name cosign would show.
    let statement = serde_json::to_vec(&json!({
        "_type": Statement::TYPE_V1,
        "subject": [{ "digest": { "sha256": subject.digest.hex() } }],
        "predicateType": PREDICATE,
        "predicate": {},
    }))?;
    let signature = key.sign(&pae(IN_TOTO, &statement))?;
    let envelope = DsseEnvelope::new(
        IN_TOTO,
        PayloadBytes::new(statement),
        DsseSignature::new(SignatureBytes::new(signature), KeyId::default()),
    );
    let hint = PublicKeyIdentifier::new(key.public().hint());
    let bundle = Bundle::new(
        MediaType::Bundle0_3,
        VerificationMaterial::new(VerificationMaterialContent::PublicKey(hint)),
        SignatureContent::DsseEnvelope(envelope),
    );
    let bundle = serde_json::to_vec(&bundle)?;
    let config = b"{}".to_vec();
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.into()),
        artifact_type: Some(BUNDLE.into()),
        config: Link::to(EMPTY, &config),
        layers: vec![Link::to(BUNDLE, &bundle)],
        subject: Some(Link {
            platform: None,
            artifact_type: None,
            annotations: Annotations::new(),
            ..subject.clone()
        }),
        annotations: BTreeMap::from([
            ("dev.sigstore.bundle.content".into(), "dsse-envelope".into()),
            ("dev.sigstore.bundle.predicateType".into(), PREDICATE.into()),
        ]),
    };
    SignatureImage::new(manifest, vec![config, bundle])
}
