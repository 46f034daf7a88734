//! Signatures made with a key. The key is all there is to trust: log entries and timestamps that a bundle may carry
//! beside it are neither needed nor looked at.

use sigstore_types::bundle::VerificationMaterialContent;
use sigstore_types::{Bundle, SignatureContent};

use super::{Reason, claim};
use crate::digest::Digest;
use crate::key::PublicKey;
use crate::signature::Content;

pub(super) fn check(digest: &Digest, content: &Content, key: &PublicKey) -> Result<(), Reason> {
    let made_with_key = |message: &[u8], signature: &[u8]| {
        if key.verifies(message, signature) {
            Ok(())
        } else {
            Err(Reason::OtherKey { wanted: key.fingerprint() })
        }
    };
    match content {
        Content::Malformed { reason } => Err(Reason::Malformed(reason.clone())),
        Content::SimpleKeyless { .. } => Err(Reason::Keyless),
        Content::Simple { payload, signature } => {
            made_with_key(payload, signature)?;
            claim::simple(digest, payload)
        }
        Content::Bundle(bundle) => {
            let Bundle { verification_material, content, .. } = &**bundle;
            if !matches!(verification_material.content, VerificationMaterialContent::PublicKey(_)) {
                return Err(Reason::Keyless);
            }
            let SignatureContent::DsseEnvelope(envelope) = content else {
                return Err(Reason::OtherPurpose("a signature over a file".into()));
            };
            made_with_key(&envelope.pae(), envelope.signature.sig.as_bytes())?;
            claim::statement(digest, envelope)
        }
    }
}
