//! The keyless form of simple signing: certificate and log entry lie in annotations of the layer. They are put
//! together as a bundle, version 0.1, so that there is one way to check a keyless signature and not two.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::json;
use sigstore_types::Bundle;

use crate::digest::Digest;
use crate::media::Link;

const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LogEntry {
    signed_entry_timestamp: String,
    payload: Logged,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logged {
    body: String,
    integrated_time: i64,
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Timestamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    signed: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    kind: String,
    api_version: String,
}

/// The bundle, if the layer carries a certificate.
pub(super) fn bundle(layer: &Link, payload: &[u8], signature: &str) -> Result<Option<Bundle>, String> {
    let note = |name: &str| layer.annotations.get(name).filter(|text| !text.is_empty());
    let Some(certificate) = note(CERTIFICATE) else { return Ok(None) };
    let mut certificates = Vec::new();
    for text in [Some(certificate), note(CHAIN)].into_iter().flatten() {
        for pem in pem::parse_many(text).map_err(|e| format!("the certificate: {e}"))? {
            certificates.push(json!({ "rawBytes": BASE64_STANDARD.encode(pem.contents()) }));
        }
    }
    let entries: Vec<_> = note(LOG_ENTRY).map(|text| entry(text)).transpose()?.into_iter().collect();
    let timestamps: Vec<_> = note(TIMESTAMP)
        .map(|text| serde_json::from_str(text))
        .transpose()
        .map_err(|e| format!("{TIMESTAMP}: {e}"))?
        .into_iter()
        .map(|timestamp: Timestamp| json!({ "signedTimestamp": timestamp.signed }))
        .collect();
    let made = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {
            "x509CertificateChain": { "certificates": certificates },
            "tlogEntries": entries,
            "timestampVerificationData": { "rfc3161Timestamps": timestamps },
        },
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": BASE64_STANDARD.encode(Digest::of(payload).as_hash()),
            },
            "signature": signature,
        },
    });
    Bundle::from_json(&made.to_string()).map(Some).map_err(|e| format!("the certificate or log entry: {e}"))
}

fn entry(text: &str) -> Result<serde_json::Value, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("{LOG_ENTRY}: {e}");
    let LogEntry { signed_entry_timestamp, payload } = serde_json::from_str(text).map_err(|e| wrong(&e))?;
    let body = BASE64_STANDARD.decode(&payload.body).map_err(|e| wrong(&e))?;
    let Entry { kind, api_version } = serde_json::from_slice(&body).map_err(|e| wrong(&e))?;
    let id: Digest = format!("sha256:{}", payload.log_id).parse().map_err(|e| wrong(&e))?;
    Ok(json!({
        "logIndex": payload.log_index.to_string(),
        "logId": { "keyId": BASE64_STANDARD.encode(id.as_hash()) },
        "kindVersion": { "kind": kind, "version": api_version },
        "integratedTime": payload.integrated_time.to_string(),
        "inclusionPromise": { "signedEntryTimestamp": signed_entry_timestamp },
        "canonicalizedBody": payload.body,
    }))
}
