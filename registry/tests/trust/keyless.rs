//! Keyless signatures, by issuer and subject, against a trust root in a file: with a Sigstore of our own, of which
//! the test has all keys and can get each point wrong.

use std::path::Path;

use gadget_registry::media::{self, Link};
use gadget_registry::policy::Policy;
use gadget_registry::sign::SignatureImage;
use gadget_registry::verify::{Kind, Reason, TrustError, Verdict, VerifyError, Why, verify_stored};

use super::image::{TestImage, key, policy, store};
use super::sigstore::{Flaw, Sigstore};

const ISSUER: &str = "https://token.example";
const SUBJECT: &str = "https://git.example/me/gadgets/release.yml@refs/tags/v1.2";
const REPOSITORY: &str = "r.example/me/mine";

fn identity(folder: &Path, fields: &str) -> Policy {
    let text = format!(
        "version = 1\n[[rule]]\nname = \"ci\"\nrepositories = [\"r.example/me/*\"]\nkeyless = {{ {fields}, trusted_root = \"root.json\" }}\n"
    );
    Policy::parse(&text, &folder.join("policy.toml")).unwrap()
}

fn exact() -> String {
    format!(r#"issuer = "{ISSUER}", subject = "{SUBJECT}""#)
}

/// Keeps the signature with an image in a fresh store and asks for the verdict.
fn verdict(image: &Link, signature: &SignatureImage, policy: &Policy) -> Result<Verdict, VerifyError> {
    let (_folder, store) = store();
    let lease = store.lease().unwrap();
    signature.keep(&lease, &image.digest).unwrap();
    verify_stored(&store, &image.digest, REPOSITORY, policy).map_err(|e| match e {
        TrustError::Refused(refused) => *refused,
        e => panic!("{e}"),
    })
}

fn reason(refused: VerifyError) -> Reason {
    match refused.why {
        Why::Refused(mut refusals) => refusals.remove(0).reason,
        why => panic!("{why:?}"),
    }
}

#[test]
fn the_identity_that_the_rule_names_is_accepted() {
    let sigstore = Sigstore::new();
    let folder = tempfile::tempdir().unwrap();
    sigstore.write_root(&folder.path().join("root.json"));
    let image = TestImage::new("keyless").link;
    let regex =
        format!(r#"issuer = "{ISSUER}", subject_regex = 'https://git\.example/me/.*@refs/tags/v[0-9.]+'"#);
    let mail = format!(r#"issuer = "{ISSUER}", subject = "me@mail.example""#);
    for (subject, fields) in [(SUBJECT, exact()), (SUBJECT, regex), ("me@mail.example", mail)] {
        let policy = identity(folder.path(), &fields);
        for signature in [
            sigstore.bundle(&image, subject, ISSUER, Flaw::None),
            sigstore.simple(&image, subject, ISSUER, Flaw::None),
        ] {
            let verdict = verdict(&image, &signature, &policy).unwrap();
            assert_eq!((verdict.rule.as_str(), verdict.kind), ("ci", Kind::Keyless));
            assert_eq!(verdict.signer, format!("{subject}, as {ISSUER} says"));
        }
    }
}

#[test]
fn everyone_else_is_not() {
    let sigstore = Sigstore::new();
    let folder = tempfile::tempdir().unwrap();
    sigstore.write_root(&folder.path().join("root.json"));
    let wanted = identity(folder.path(), &exact());
    let image = TestImage::new("keyless").link;
    let other = Link::to(media::INDEX, b"another image");

    type Make = fn(&Sigstore, &Link, &str, &str, Flaw) -> SignatureImage;
    for make in [Sigstore::bundle as Make, Sigstore::simple as Make] {
        let refused = |signed: &Link, subject: &str, issuer: &str, flaw: Flaw| {
            reason(verdict(&image, &make(&sigstore, signed, subject, issuer, flaw), &wanted).unwrap_err())
        };
        for (subject, issuer) in [
            ("https://git.example/me/gadgets/release.yml@refs/heads/evil", ISSUER),
            (SUBJECT, "https://evil.example"),
            ("someone@mail.example", ISSUER),
        ] {
            let found = refused(&image, subject, issuer, Flaw::None);
            let Reason::OtherIdentity { subject: who, issuer: says, .. } = &found else { panic!("{found}") };
            assert_eq!((who.as_str(), says.as_str()), (subject, issuer));
        }
        let found = refused(&other, SUBJECT, ISSUER, Flaw::None);
        assert_eq!(found, Reason::OtherImage(other.digest.to_string()));
        let found = refused(&image, SUBJECT, ISSUER, Flaw::Purpose);
        assert!(matches!(found, Reason::OtherPurpose(_)), "{found}");
        for (flaw, said) in [
            (Flaw::Late, "CertExpired"),
            (Flaw::Unlogged, "no entry of a signature log"),
            (Flaw::Promise, "inclusion promise"),
            (Flaw::Entry, "hash mismatch"),
            (Flaw::Key, "signature verification failed"),
        ] {
            let found = refused(&image, SUBJECT, ISSUER, flaw);
            assert!(matches!(&found, Reason::Untrusted(why) if why.contains(said)), "{flaw:?}: {found}");
        }

        // All in order, but vouched for by an authority and a log of someone else's.
        let stranger = Sigstore::new();
        let found = reason(
            verdict(&image, &make(&stranger, &image, SUBJECT, ISSUER, Flaw::None), &wanted).unwrap_err(),
        );
        assert!(matches!(found, Reason::Untrusted(_)), "{found}");

        // And an identity is no key.
        let good = make(&sigstore, &image, SUBJECT, ISSUER, Flaw::None);
        let found = reason(verdict(&image, &good, &policy(&key().public())).unwrap_err());
        assert_eq!(found, Reason::Keyless);
    }
}
