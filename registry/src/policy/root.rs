//! Trust roots: the certificate authorities, logs and timestamp authorities that a keyless signature is checked
//! against. Always from a file, never from the network: a root that is fetched while loading makes every load fail
//! when it can't be.

use std::fmt;
use std::sync::Arc;

use sigstore_trust_root::TrustedRoot;
use sigstore_verify::Verifier;

use crate::digest::Digest;

/// A trust root that was read and checked.
#[derive(Clone)]
pub struct TrustRoot(Arc<Inner>);

struct Inner {
    verifier: Verifier,
    fingerprint: Digest,
    certificate_log: bool,
    signature_log: bool,
}

impl TrustRoot {
    /// Reads Sigstore's `trusted_root.json`.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let root = TrustedRoot::from_json(json).map_err(|e| e.to_string())?;
        if root.certificate_authorities.is_empty() {
            return Err("it has no certificate authority, so it can't vouch for anyone".into());
        }
        if root.tlogs.is_empty() && root.timestamp_authorities.is_empty() {
            return Err(
                "it has neither a log nor a timestamp authority, so no time of signing can be known".into()
            );
        }
        let verifier = Verifier::new(&root).map_err(|e| e.to_string())?;
        Ok(Self(Arc::new(Inner {
            verifier,
            fingerprint: Digest::of(json.as_bytes()),
            certificate_log: !root.ctlogs.is_empty(),
            signature_log: !root.tlogs.is_empty(),
        })))
    }

    /// SHA-256 of the file.
    pub fn fingerprint(&self) -> Digest {
        self.0.fingerprint
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Whether it names a log of certificates; then every certificate must be in it.
    pub fn has_certificate_log(&self) -> bool {
        self.0.certificate_log
    }

    /// Whether it names a log of signatures; then every signature must be in it.
    pub fn has_signature_log(&self) -> bool {
        self.0.signature_log
    }
}

impl fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustRoot({})", self.fingerprint())
    }
}
