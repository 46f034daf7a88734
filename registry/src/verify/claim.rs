//! What a signature claims: that an image was signed, and which.

use sigstore_types::dsse::DsseEnvelope;
use sigstore_types::{Sha256Hash, Statement};

use super::Reason;
use crate::digest::Digest;
use crate::signature::SimplePayload;

/// The purpose in a simple signing payload.
pub(crate) const SIMPLE_PURPOSE: &str = "cosign container image signature";
/// The predicate type of a signature among in-toto statements.
pub(crate) const PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
/// The payload type of an in-toto statement.
pub(crate) const IN_TOTO: &str = "application/vnd.in-toto+json";

/// That a simple signing payload signs this image.
pub(super) fn simple(digest: &Digest, payload: &[u8]) -> Result<(), Reason> {
    let payload: SimplePayload =
        serde_json::from_slice(payload).map_err(|e| Reason::Malformed(e.to_string()))?;
    if payload.critical.purpose != SIMPLE_PURPOSE {
        return Err(Reason::OtherPurpose(payload.critical.purpose));
    }
    let found = payload.critical.image.digest;
    if found == digest.to_string() { Ok(()) } else { Err(Reason::OtherImage(found)) }
}

/// That an envelope holds a statement that signs this image.
pub(super) fn statement(digest: &Digest, envelope: &DsseEnvelope) -> Result<(), Reason> {
    if envelope.payload_type != IN_TOTO {
        return Err(Reason::OtherPurpose(envelope.payload_type.clone()));
    }
    let statement: Statement =
        serde_json::from_slice(envelope.payload.as_bytes()).map_err(|e| Reason::Malformed(e.to_string()))?;
    if statement.type_ != Statement::TYPE_V1 {
        return Err(Reason::OtherPurpose(statement.type_));
    }
    if statement.predicate_type != PREDICATE {
        return Err(Reason::OtherPurpose(statement.predicate_type));
    }
    if statement.matches_sha256(&Sha256Hash::new(*digest.as_hash())) {
        return Ok(());
    }
    let found = statement.subject.iter().filter_map(|subject| subject.digest.sha256.as_ref());
    let found: Vec<_> = found.map(|hash| format!("sha256:{}", hash.to_hex())).collect();
    Err(Reason::OtherImage(if found.is_empty() {
        "one it does not name by SHA-256".into()
    } else {
        found.join(", ")
    }))
}
