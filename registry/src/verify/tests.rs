use super::*;
use crate::key::{PrivateKey, PublicKey};
use crate::media::Link;
use crate::policy::{Pattern, Rule};
use crate::sign::{Format, SignatureImage, sign};
use crate::signature;
use crate::store::Store;

const REPOSITORY: &str = "r.example/me/mine";

struct Fixture {
    key: PrivateKey,
    image: Link,
}

impl Fixture {
    fn new() -> Self {
        Self { key: PrivateKey::generate().unwrap(), image: Link::to(crate::media::INDEX, b"the image") }
    }

    fn signed(&self, format: Format) -> Vec<Signature> {
        read(&sign(&self.image, REPOSITORY, &self.key, format).unwrap())
    }
}

fn read(images: &[SignatureImage]) -> Vec<Signature> {
    let one = |image: &SignatureImage| {
        let layer = &image.manifest.layers[0];
        let bytes = image.blobs.iter().find(|blob| Digest::of(blob) == layer.digest).unwrap();
        signature::read(Digest::of(&image.bytes), layer, bytes.clone())
    };
    images.iter().map(one).collect()
}

fn rule(name: &str, pattern: &str, proof: Proof) -> Rule {
    Rule {
        name: name.into(),
        repositories: vec![Pattern::new(pattern).unwrap()],
        proof,
        grants: Grants { helpers: vec![name.into()], ..Grants::default() },
    }
}

fn by_key(key: &PublicKey) -> Policy {
    Policy::new(vec![rule("ours", "r.example/me/*", Proof::Key(key.clone()))])
}

#[test]
fn either_form_of_our_own_is_accepted() {
    let fixture = Fixture::new();
    let policy = by_key(&fixture.key.public());
    for (format, count) in [(Format::Simple, 1), (Format::Bundle, 1), (Format::Both, 2)] {
        let signatures = fixture.signed(format);
        assert_eq!(signatures.len(), count);
        let verdict = verify(&fixture.image.digest, REPOSITORY, &signatures, &policy).unwrap();
        assert_eq!((verdict.rule.as_str(), verdict.kind), ("ours", Kind::Key));
        assert_eq!(verdict.signer, format!("key {}", fixture.key.public().fingerprint()));
        assert_eq!(verdict.grants.helpers, ["ours"]);
    }
}

#[test]
fn refuses_and_says_why() {
    let fixture = Fixture::new();
    let digest = fixture.image.digest;
    let key = fixture.key.public();
    let policy = by_key(&key);
    let stranger = Fixture::new();
    let other = Fixture { image: Link::to(crate::media::INDEX, b"another"), ..Fixture::new() };
    let misplaced = read(&sign(&other.image, REPOSITORY, &fixture.key, Format::Both).unwrap());
    let wanted = key.fingerprint();
    let why = |signatures: &[Signature], policy: &Policy| {
        verify(&digest, REPOSITORY, signatures, policy).unwrap_err()
    };
    let reasons = |error: &VerifyError| match &error.why {
        Why::Refused(refusals) => refusals.iter().map(|refusal| refusal.reason.clone()).collect(),
        _ => Vec::new(),
    };

    let error = why(&[], &policy);
    assert_eq!(error.why, Why::Unsigned(vec![("ours".into(), format!("key {wanted}"))]));
    assert!(error.to_string().contains("it has no signature"), "{error}");

    let error = why(&stranger.signed(Format::Both), &policy);
    assert_eq!(reasons(&error), vec![Reason::OtherKey { wanted }; 2]);
    assert!(error.to_string().contains("it was not made with the rule's key"), "{error}");

    let error = why(&misplaced, &policy);
    assert_eq!(reasons(&error), vec![Reason::OtherImage(other.image.digest.to_string()); 2]);

    // A signature by the right key over the right image that says something else about it is no signature of it.
    for (kind, text) in [("simple", "vulnerability report"), ("bundle", "https://slsa.dev/provenance/v1")] {
        let error = why(&[claiming(&fixture, kind, text)], &policy);
        assert_eq!(reasons(&error), vec![Reason::OtherPurpose(text.into())], "{error}");
    }

    let malformed = Signature { found_in: digest, content: Content::Malformed { reason: "bits".into() } };
    assert_eq!(
        reasons(&why(std::slice::from_ref(&malformed), &policy)),
        vec![Reason::Malformed("bits".into())]
    );

    // One bad signature does not spoil a good one.
    let mut mixed = stranger.signed(Format::Both);
    mixed.push(malformed);
    mixed.extend(fixture.signed(Format::Bundle));
    assert!(verify(&digest, REPOSITORY, &mixed, &policy).is_ok());

    // The right signature is not enough where no rule speaks of the repository.
    let good = fixture.signed(Format::Both);
    let error = verify(&digest, "r.example/you/yours", &good, &policy).unwrap_err();
    assert_eq!(error.why, Why::NoRule);
    assert!(error.to_string().contains("no rule covers the repository r.example/you/yours"), "{error}");
    assert_eq!(why(&good, &Policy::built_ins_only()).why, Why::NoRule);

    let root =
        crate::policy::TrustRoot::from_json(sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT).unwrap();
    let exact = |text: &str| crate::policy::Matcher::exact(text).unwrap();
    let keyless = crate::policy::Keyless { issuer: exact("i"), subject: exact("s"), root };
    let policy = Policy::new(vec![rule("ci", "**", Proof::Keyless(keyless))]);
    assert_eq!(reasons(&why(&good, &policy)), vec![Reason::Keyed; 2]);
}

/// A well made signature by the fixture's key over its image, with another purpose.
fn claiming(fixture: &Fixture, kind: &str, purpose: &str) -> Signature {
    let digest = fixture.image.digest;
    let content = if kind == "simple" {
        let payload = serde_json::json!({
            "critical": { "identity": {}, "image": { "docker-manifest-digest": digest }, "type": purpose },
        });
        let payload = payload.to_string().into_bytes();
        Content::Simple { signature: fixture.key.sign(&payload).unwrap(), payload }
    } else {
        let statement = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "digest": { "sha256": digest.hex() } }],
            "predicateType": purpose,
            "predicate": {},
        });
        let statement = statement.to_string().into_bytes();
        let Content::Bundle(mut bundle) = fixture.signed(Format::Bundle).remove(0).content else {
            unreachable!()
        };
        let signature = fixture.key.sign(&sigstore_types::dsse::pae(claim::IN_TOTO, &statement)).unwrap();
        let sigstore_types::SignatureContent::DsseEnvelope(envelope) = &mut bundle.content else {
            unreachable!()
        };
        envelope.payload = statement.into();
        envelope.signature.sig = signature.into();
        Content::Bundle(bundle)
    };
    Signature { found_in: digest, content }
}

#[test]
fn digests_are_accepted_without_a_signature() {
    let digest = Digest::of(b"image");
    let other = Digest::of(b"other");
    let pin = |digest| rule("pin", "r.example/me/mine", Proof::Digest(digest));
    let verdict = verify(&digest, REPOSITORY, &[], &Policy::new(vec![pin(other), pin(digest)])).unwrap();
    assert_eq!(verdict.kind, Kind::Digest);
    let error = verify(&digest, REPOSITORY, &[], &Policy::new(vec![pin(other)])).unwrap_err();
    assert_eq!(error.why, Why::OtherDigest(vec![("pin".into(), other.to_string())]));
    // Elsewhere the pin means nothing.
    let error = verify(&digest, "r.example/you/mine", &[], &Policy::new(vec![pin(digest)])).unwrap_err();
    assert_eq!(error.why, Why::NoRule);

    let grants = Grants { helpers: vec!["h".into()], ..Grants::default() };
    let policy = Policy::built_ins_only().with_built_in(digest, grants.clone());
    let verdict = verify(&digest, "anywhere.example/x", &[], &policy).unwrap();
    assert_eq!((verdict.kind, verdict.grants), (Kind::BuiltIn, grants));
    assert!(verify(&other, "anywhere.example/x", &[], &policy).is_err());
}

#[test]
fn unsigned_images_need_the_flag_and_get_nothing_else() {
    let digest = Digest::of(b"image");
    let policy = by_key(&PrivateKey::generate().unwrap().public());
    assert!(verify(&digest, REPOSITORY, &[], &policy).is_err());
    let policy = policy.allowing_unsigned();
    let verdict = verify(&digest, REPOSITORY, &[], &policy).unwrap();
    assert_eq!((verdict.kind, &verdict.grants), (Kind::Unsigned, &Grants::default()));
    // What a rule accepts keeps its verdict.
    let fixture = Fixture::new();
    let policy = by_key(&fixture.key.public()).allowing_unsigned();
    let verdict =
        verify(&fixture.image.digest, REPOSITORY, &fixture.signed(Format::Simple), &policy).unwrap();
    assert_eq!(verdict.kind, Kind::Key);
}

#[test]
fn what_is_stored_is_verified_once_for_each_policy() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let fixture = Fixture::new();
    let digest = fixture.image.digest;
    let lease = store.lease().unwrap();
    lease.put(b"the image").unwrap();
    lease.tag("r.example/me/mine:v1", &fixture.image).unwrap();
    let policy = by_key(&fixture.key.public());

    let error = verify_stored(&store, &digest, REPOSITORY, &policy).unwrap_err();
    assert!(matches!(error, TrustError::NothingKept { .. }), "{error}");
    assert!(error.to_string().contains("pull it again"), "{error}");

    let mut kept = Vec::new();
    for signature in sign(&fixture.image, REPOSITORY, &fixture.key, Format::Both).unwrap() {
        kept.push(signature.keep(&lease, &digest).unwrap());
    }
    let verdict = verify_stored(&store, &digest, REPOSITORY, &policy).unwrap();
    assert_eq!(verdict, verify(&digest, REPOSITORY, &fixture.signed(Format::Both), &policy).unwrap());
    let record = store.verification(&digest, &policy.id_for(REPOSITORY)).unwrap().unwrap();
    assert_eq!(record.signer, verdict.signer);

    // Another policy is another question, answered from the signatures that were kept.
    let stricter = by_key(&PrivateKey::generate().unwrap().public());
    let error = verify_stored(&store, &digest, REPOSITORY, &stricter).unwrap_err();
    assert!(matches!(error, TrustError::Refused(_)), "{error}");
    let wider = Policy::new(vec![rule("wide", "**", Proof::Key(fixture.key.public()))]);
    assert_eq!(verify_stored(&store, &digest, REPOSITORY, &wider).unwrap().rule, "wide");

    // Accepted from one repository is not accepted from another.
    let error = verify_stored(&store, &digest, "r.example/you/mine", &policy).unwrap_err();
    assert!(matches!(error, TrustError::Refused(_)), "{error}");

    // Under a policy that accepted it before, the record is the answer; under a new one, what is gone is missed.
    lease.detach_all(&digest).unwrap();
    assert!(verify_stored(&store, &digest, REPOSITORY, &policy).is_ok());
    let renamed = Policy::new(vec![rule("renamed", "**", Proof::Key(fixture.key.public()))]);
    let error = verify_stored(&store, &digest, REPOSITORY, &renamed).unwrap_err();
    assert!(matches!(error, TrustError::NothingKept { .. }), "{error}");

    // A signature that was damaged in the store is named, not passed over.
    for link in &kept {
        lease.attach(&digest, signature::ROLE, link).unwrap();
        std::fs::write(folder.path().join("blobs/sha256").join(link.digest.hex()), b"{}").unwrap();
    }
    let error = verify_stored(&store, &digest, REPOSITORY, &renamed).unwrap_err().to_string();
    assert!(error.contains("was changed on disk"), "{error}");
}
