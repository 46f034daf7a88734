//! A Sigstore of our own: a certificate authority, a log of signatures, and the file that says to trust them. It
//! makes keyless signatures in both forms, right or wrong in one point.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gadget_registry::digest::Digest;
use gadget_registry::media::{self, Annotations, Link, Manifest};
use gadget_registry::sign::SignatureImage;
use gadget_registry::signature::{BUNDLE, SIMPLE};
use rcgen::{
    CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use serde_json::{Value, json};

/// When signatures are made, and for how long a certificate is good.
const SIGNED_AT: i64 = 1_735_700_000;
const ORIGIN: &str = "log.example - 1";

pub(crate) struct Sigstore {
    authority: Issuer<'static, KeyPair>,
    authority_der: Vec<u8>,
    log: EcdsaKeyPair,
    log_public: Vec<u8>,
}

/// What to get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Logged after the certificate had run out.
    Late,
    /// No entry of the log.
    Unlogged,
    /// The log's promise is for other content.
    Promise,
    /// The log's entry is that of another signature.
    Entry,
    /// Signed with another key than the certificate's.
    Key,
    /// The statement says something else than that the image was signed.
    Purpose,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn sign(key: &EcdsaKeyPair, message: &[u8]) -> Vec<u8> {
    key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

fn ecdsa(key: &KeyPair) -> EcdsaKeyPair {
    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.serialize_der()).unwrap()
}

fn certificate_pem(der: &[u8]) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE", der))
}

impl Sigstore {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        params.not_before = rcgen::date_time_ymd(2024, 1, 1);
        params.not_after = rcgen::date_time_ymd(2034, 1, 1);
        let authority_der = params.self_signed(&key).unwrap().der().to_vec();
        let log = KeyPair::generate().unwrap();
        Self {
            authority: Issuer::new(params, key),
            authority_der,
            log_public: rcgen::PublicKeyData::subject_public_key_info(&log),
            log: ecdsa(&log),
        }
    }

    /// Writes the file that says to trust it.
    pub(crate) fn write_root(&self, path: &Path) {
        let root = json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [{
                "baseUrl": "https://log.example",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": b64(&self.log_public),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": { "start": "2024-01-01T00:00:00Z" },
                },
                "logId": { "keyId": b64(self.log_id().as_hash()) },
            }],
            "certificateAuthorities": [{
                "subject": { "organization": "x", "commonName": "authority" },
                "uri": "https://ca.example",
                "certChain": { "certificates": [{ "rawBytes": b64(&self.authority_der) }] },
                "validFor": { "start": "2024-01-01T00:00:00Z" },
            }],
            "ctlogs": [],
            "timestampAuthorities": [],
        });
        std::fs::write(path, root.to_string()).unwrap();
    }

    fn log_id(&self) -> Digest {
        Digest::of(&self.log_public)
    }

    /// A certificate that was good for a day, and its key.
    fn identity(&self, subject: &str, issuer: &str) -> (Vec<u8>, EcdsaKeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let text = subject.try_into().unwrap();
        params.subject_alt_names =
            vec![if subject.contains("://") { SanType::URI(text) } else { SanType::Rfc822Name(text) }];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params.not_before = rcgen::date_time_ymd(2025, 1, 1);
        params.not_after = rcgen::date_time_ymd(2025, 1, 2);
        // A UTF8String of less than 128 bytes.
        let mut value = vec![0x0c, u8::try_from(issuer.len()).unwrap()];
        value.extend_from_slice(issuer.as_bytes());
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 8], value)];
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        (certificate.der().to_vec(), ecdsa(&key))
    }

    /// The log's promise that it took in `body`.
    fn promise(&self, body: &str, at: i64) -> String {
        // Canonical JSON: sorted, without blanks.
        let text = format!(
            r#"{{"body":"{}","integratedTime":{at},"logID":"{}","logIndex":0}}"#,
            b64(body),
            self.log_id().hex()
        );
        b64(sign(&self.log, text.as_bytes()))
    }

    /// A log of one entry.
    fn proof(&self, body: &str) -> Value {
        let root = Digest::of(&[&[0], body.as_bytes()].concat());
        let note = format!("{ORIGIN}\n1\n{}\n", b64(root.as_hash()));
        let hint = &self.log_id().as_hash()[..4].to_vec();
        let signature = b64([hint.as_slice(), &sign(&self.log, note.as_bytes())].concat());
        json!({
            "logIndex": "0",
            "rootHash": b64(root.as_hash()),
            "treeSize": "1",
            "hashes": [],
            "checkpoint": { "envelope": format!("{note}\n\u{2014} log.example {signature}\n") },
        })
    }

    /// A keyless signature as a bundle.
    pub(crate) fn bundle(&self, image: &Link, subject: &str, issuer: &str, flaw: Flaw) -> SignatureImage {
        let predicate = match flaw {
            Flaw::Purpose => "https://slsa.dev/provenance/v1",
            _ => "https://sigstore.dev/cosign/sign/v1",
        };
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "digest": { "sha256": image.digest.hex() } }],
            "predicateType": predicate,
            "predicate": {},
        })
        .to_string();
        let (certificate, key) = self.identity(subject, issuer);
        let key = if flaw == Flaw::Key { self.identity(subject, issuer).1 } else { key };
        let kind = "application/vnd.in-toto+json";
        let message = format!("DSSEv1 {} {kind} {} {statement}", kind.len(), statement.len());
        let signature = sign(&key, message.as_bytes());
        let logged = if flaw == Flaw::Entry { "something else" } else { &statement };
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": { "algorithm": "sha256", "value": Digest::of(b"").hex() },
                "payloadHash": { "algorithm": "sha256", "value": Digest::of(logged.as_bytes()).hex() },
                "signatures": [{ "signature": b64(&signature), "verifier": b64(certificate_pem(&certificate)) }],
            },
        })
        .to_string();
        let at = if flaw == Flaw::Late { SIGNED_AT + 200_000 } else { SIGNED_AT };
        let promised = if flaw == Flaw::Promise { "other content" } else { &body };
        let entry = json!({
            "logIndex": "0",
            "logId": { "keyId": b64(self.log_id().as_hash()) },
            "kindVersion": { "kind": "dsse", "version": "0.0.1" },
            "integratedTime": at.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": self.promise(promised, at) },
            "inclusionProof": self.proof(&body),
            "canonicalizedBody": b64(&body),
        });
        let entries = if flaw == Flaw::Unlogged { vec![] } else { vec![entry] };
        let bundle = json!({
            "mediaType": BUNDLE,
            "verificationMaterial": { "certificate": { "rawBytes": b64(&certificate) }, "tlogEntries": entries },
            "dsseEnvelope": {
                "payload": b64(&statement),
                "payloadType": kind,
                "signatures": [{ "sig": b64(&signature) }],
            },
        });
        wrap(Link::to(BUNDLE, bundle.to_string().as_bytes()), bundle.to_string())
    }

    /// A keyless signature as simple signing, with what proves it in annotations.
    pub(crate) fn simple(&self, image: &Link, subject: &str, issuer: &str, flaw: Flaw) -> SignatureImage {
        let purpose =
            if flaw == Flaw::Purpose { "something else" } else { "cosign container image signature" };
        let payload = json!({
            "critical": {
                "identity": { "docker-reference": "" },
                "image": { "docker-manifest-digest": image.digest },
                "type": purpose,
            },
            "optional": null,
        })
        .to_string();
        let (certificate, key) = self.identity(subject, issuer);
        let key = if flaw == Flaw::Key { self.identity(subject, issuer).1 } else { key };
        let signature = b64(sign(&key, payload.as_bytes()));
        let logged = if flaw == Flaw::Entry { "something else" } else { &payload };
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": { "hash": { "algorithm": "sha256", "value": Digest::of(logged.as_bytes()).hex() } },
                "signature": {
                    "content": signature,
                    "publicKey": { "content": b64(certificate_pem(&certificate)) },
                },
            },
        })
        .to_string();
        let at = if flaw == Flaw::Late { SIGNED_AT + 200_000 } else { SIGNED_AT };
        let promised = if flaw == Flaw::Promise { "other content" } else { &body };
        let entry = json!({
            "SignedEntryTimestamp": self.promise(promised, at),
            "Payload": { "body": b64(&body), "integratedTime": at, "logIndex": 0, "logID": self.log_id().hex() },
        });
        let mut layer = Link::to(SIMPLE, payload.as_bytes());
        let mut note = |name: &str, text: String| layer.annotations.insert(name.into(), text);
        note("dev.cosignproject.cosign/signature", signature.clone());
        note("dev.sigstore.cosign/certificate", certificate_pem(&certificate));
        note("dev.sigstore.cosign/chain", certificate_pem(&self.authority_der));
        if flaw != Flaw::Unlogged {
            note("dev.sigstore.cosign/bundle", entry.to_string());
        }
        wrap(layer, payload)
    }
}

fn wrap(layer: Link, content: String) -> SignatureImage {
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.into()),
        artifact_type: None,
        config: Link::to("application/vnd.oci.empty.v1+json", b"{}"),
        layers: vec![layer],
        subject: None,
        annotations: Annotations::new(),
    };
    let bytes = serde_json::to_vec(&manifest).unwrap();
    SignatureImage { manifest, bytes, blobs: vec![b"{}".to_vec(), content.into_bytes()] }
}
