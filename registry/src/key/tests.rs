use super::*;

/// Made by `openssl ecparam -name prime256v1 -genkey` (SEC1), and the same key as PKCS#8.
const SEC1: &str = include_str!("../../tests/data/p256.sec1.pem");
const PKCS8: &str = include_str!("../../tests/data/p256.pkcs8.pem");
const PUBLIC: &str = include_str!("../../tests/data/p256.pub.pem");
const P384: &str = include_str!("../../tests/data/p384.pkcs8.pem");
/// Made by `cosign generate-key-pair` with the password `secret`.
const COSIGN: &str = include_str!("../../tests/data/cosign.key");
const COSIGN_PUBLIC: &str = include_str!("../../tests/data/cosign.pub");

fn password(text: &str) -> impl FnOnce() -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(text.to_owned());
    move || Some(text)
}

#[test]
fn reads_every_form_of_a_private_key() {
    let cases = [(SEC1, "", PUBLIC), (PKCS8, "", PUBLIC), (COSIGN, "secret", COSIGN_PUBLIC)];
    for (private, secret, public) in cases {
        let key = PrivateKey::from_pem(private, password(secret)).unwrap();
        let public = PublicKey::from_pem(public).unwrap();
        assert_eq!(key.public(), public);
        let signature = key.sign(b"message").unwrap();
        assert!(public.verifies(b"message", &signature));
        assert!(!public.verifies(b"massage", &signature));
        assert!(!public.verifies(b"message", &signature[1..]));
    }
}

#[test]
fn says_what_is_wrong_with_a_key() {
    let cosign_json = String::from_utf8(pem::parse(COSIGN).unwrap().into_contents()).unwrap();
    let with = |from: &str, to: &str| {
        encode_pem("ENCRYPTED SIGSTORE PRIVATE KEY", cosign_json.replacen(from, to, 1).as_bytes())
    };
    let cases = [
        ("hello", "no key in PEM"),
        (PUBLIC, "holds a `PUBLIC KEY`"),
        (P384, "P-256"),
        (COSIGN, "does not open"),
        (&with("\"N\":", "\"N\":1"), "N=1"),
        (&with("\"N\":", "\"N\":1099511627776,\"M\":"), "N=1099511627776"),
        (&with("\"r\":8", "\"r\":4000000"), "r=4000000"),
        (&with("\"nonce\":\"", "\"nonce\":\"AAAA"), "24 bytes"),
        (&with("scrypt", "bcrypt"), "bcrypt"),
        (&with("{", "["), "malformed"),
    ];
    for (text, reason) in cases {
        let error = PrivateKey::from_pem(text, password("wrong")).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    assert!(matches!(PrivateKey::from_pem(COSIGN, || None), Err(KeyError::NoPassword)));
    let cases = [("", "no key"), (SEC1, "wanted a `PUBLIC KEY`")];
    for (text, reason) in cases {
        let error = PublicKey::from_pem(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    let junk = encode_pem("PUBLIC KEY", b"junk");
    assert!(matches!(PublicKey::from_pem(&junk), Err(KeyError::BadPublic { .. })));
}

#[test]
fn a_new_key_survives_the_file_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = (folder.path().join("k.key"), folder.path().join("k.pub"));
    let key = PrivateKey::generate().unwrap();
    key.write_pair(&private, &public, "pw").unwrap();

    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    let again = PrivateKey::load(&private, password("pw")).unwrap();
    assert_eq!(again.public(), PublicKey::load(&public).unwrap());
    assert!(matches!(PrivateKey::load(&private, password("no")), Err(KeyError::WrongPassword)));

    // Neither a second key nor a slip of the hand replaces the first.
    assert!(matches!(key.write_pair(&private, &public, "pw"), Err(KeyError::Io { .. })));

    let secret = key.0.to_pkcs8v1().unwrap();
    let scalar = &secret.as_ref()[36..68];
    let shown = format!("{key:?}");
    assert!(!shown.contains(&Digest::from_hash(scalar.try_into().unwrap()).hex()), "{shown}");
    assert_eq!(shown, format!("PrivateKey(of {})", key.public().fingerprint()));
}
