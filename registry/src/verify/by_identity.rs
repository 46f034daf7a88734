//! Keyless signatures: made with a key that lived for minutes, which a certificate ties to an identity.
//!
//! Cryptography is sigstore-verify's part: the certificate chains to the rule's root and was valid when the signature
//! was made, which a log entry or a timestamp proves; certificate and signature stand in the logs that the root
//! names; the entry is about this signature. Who may sign is ours.

use sigstore_types::bundle::VerificationMaterialContent;
use sigstore_types::{Artifact, Bundle, Sha256Hash, SignatureContent};
use sigstore_verify::{Error, VerificationPolicy};

use super::{Reason, claim};
use crate::digest::Digest;
use crate::policy::{Keyless, TrustRoot};
use crate::signature::Content;

/// An identity that a trust root vouches for.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) subject: String,
    pub(super) issuer: String,
}

/// Checks a signature; returns who made it, in words.
pub(super) fn check(digest: &Digest, content: &Content, wanted: &Keyless) -> Result<String, Reason> {
    let identity = match content {
        Content::Malformed { reason } => return Err(Reason::Malformed(reason.clone())),
        Content::Simple { .. } => return Err(Reason::Keyed),
        Content::SimpleKeyless { payload, bundle } => {
            let identity = vouched(bundle, Artifact::from_blob(payload), &wanted.root)?;
            claim::simple(digest, payload)?;
            identity
        }
        Content::Bundle(bundle) => {
            if matches!(bundle.verification_material.content, VerificationMaterialContent::PublicKey(_)) {
                return Err(Reason::Keyed);
            }
            let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
                return Err(Reason::OtherPurpose("a signature over a file".into()));
            };
            let artifact = Artifact::from_digest(Sha256Hash::new(*digest.as_hash()));
            // The library compares digests too, but says less about it.
            let identity = vouched(bundle, artifact, &wanted.root).or_else(|reason| {
                claim::statement(digest, envelope)?;
                Err(reason)
            })?;
            claim::statement(digest, envelope)?;
            identity
        }
    };
    let Identity { subject, issuer } = identity;
    if wanted.issuer.matches(&issuer) && wanted.subject.matches(&subject) {
        return Ok(format!("{subject}, as {issuer} says"));
    }
    let wanted = format!("{}, as {} says", wanted.subject, wanted.issuer);
    Err(Reason::OtherIdentity { subject, issuer, wanted })
}

/// Who signed, as far as `root` vouches for it. What the root names is required: with a certificate log, certificates
/// must be in it; with a signature log, signatures. A root without them must have a timestamp authority.
pub(super) fn vouched(bundle: &Bundle, artifact: Artifact<'_>, root: &TrustRoot) -> Result<Identity, Reason> {
    let untrusted = |reason: String| Reason::Untrusted(reason);
    // Named `any_identity` because the comparison, which may be by expression, comes after.
    let mut policy = VerificationPolicy::any_identity();
    if !root.has_certificate_log() {
        policy = policy.skip_sct();
    }
    if !root.has_signature_log() {
        policy = policy.skip_tlog_unsafe();
    } else if bundle.verification_material.tlog_entries.is_empty() {
        return Err(untrusted("it has no entry of a signature log".into()));
    }
    let result = root.verifier().verify(artifact, bundle, &policy).map_err(|e| match e {
        Error::InvalidBundle(_) | Error::UnsupportedBundle(_) | Error::Types(_) | Error::Bundle(_) => {
            Reason::Malformed(e.to_string())
        }
        e => untrusted(e.to_string()),
    })?;
    let proven = result.certificate_verified()
        && (result.sct_verified() || !root.has_certificate_log())
        && (result.tlog_verified() || !root.has_signature_log());
    if !proven {
        return Err(untrusted("the check was not complete".into()));
    }
    match (result.identity(), result.issuer()) {
        (Some(subject), Some(issuer)) => {
            Ok(Identity { subject: subject.as_str().to_owned(), issuer: issuer.to_owned() })
        }
        _ => Err(untrusted("the certificate names no subject or no issuer".into())),
    }
}

#[cfg(test)]
mod tests {
    use sigstore_trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT};

    use super::*;
    use crate::policy::Matcher;

    /// Made by the public Sigstore instance; see `tests/data/README.md`.
    const PUBLIC: &str = include_str!("../../tests/data/public-instance.sigstore.json");
    const SIGNED: &str = "sha256:54303491a8418fbed24344b513546182c29b43bf282ceb433af65e2299f9271f";
    const SUBJECT: &str =
        "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main";
    const ISSUER: &str = "https://token.actions.githubusercontent.com";

    fn artifact(digest: &Digest) -> Artifact<'static> {
        Artifact::from_digest(Sha256Hash::new(*digest.as_hash()))
    }

    #[test]
    fn the_public_instance_vouches_offline() {
        let bundle = Bundle::from_json(PUBLIC).unwrap();
        let signed: Digest = SIGNED.parse().unwrap();
        let root = TrustRoot::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT).unwrap();
        assert!(root.has_certificate_log() && root.has_signature_log());
        let Identity { subject, issuer } = vouched(&bundle, artifact(&signed), &root).unwrap();
        assert_eq!((subject.as_str(), issuer.as_str()), (SUBJECT, ISSUER));

        // Another artifact, another root.
        assert!(vouched(&bundle, artifact(&Digest::of(b"x")), &root).is_err());
        let staging = TrustRoot::from_json(SIGSTORE_STAGING_TRUSTED_ROOT).unwrap();
        assert!(matches!(vouched(&bundle, artifact(&signed), &staging), Err(Reason::Untrusted(_))));

        // By the right identity and about the right digest, and still no image signature.
        let wanted = Keyless {
            issuer: Matcher::exact(ISSUER).unwrap(),
            subject: Matcher::exact(SUBJECT).unwrap(),
            root,
        };
        let found = check(&signed, &Content::Bundle(Box::new(bundle)), &wanted).unwrap_err();
        assert!(matches!(&found, Reason::OtherPurpose(kind) if kind.contains("conda")), "{found}");
    }
}
