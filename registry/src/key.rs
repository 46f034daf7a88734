//! Keys: what signs an image and what checks a signature.
//!
//! A private key is ECDSA P-256, as cosign makes them, and exists unencrypted only inside the crypto library, which
//! wipes it. Every buffer that holds it on the way in or out is wiped too, and nothing prints it. A public key may
//! also be P-384, RSA or Ed25519, because others sign with those.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sigstore_crypto::VerificationKey;
use sigstore_types::{DerPublicKey, SignatureBytes};
use zeroize::Zeroizing;

use crate::digest::Digest;

mod encrypted;

/// Environment variable that holds the password of a private key, as for cosign.
pub const PASSWORD_VAR: &str = "COSIGN_PASSWORD";

/// Longest key file that is read.
const MAX_FILE: u64 = 64 << 10;

/// The DER of every P-256 public key up to the point itself.
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// What can go wrong with a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Too long to be a key.
    #[error("{path} has {size} bytes; a key in PEM has a few hundred")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
    },
    /// Not PEM.
    #[error("no key in PEM: {reason}; expected a text that starts with -----BEGIN")]
    NotPem {
        /// Why.
        reason: String,
    },
    /// PEM of something else.
    #[error("this PEM holds a `{found}`, wanted {wanted}")]
    WrongKind {
        /// Its label.
        found: String,
        /// What would do.
        wanted: &'static str,
    },
    /// A private key we can't sign with.
    #[error(
        "this private key can't be used: {reason}; signing takes an ECDSA P-256 key, `gadgetry gadget keygen` makes one"
    )]
    BadPrivate {
        /// Why.
        reason: String,
    },
    /// A public key we can't check with.
    #[error("this public key can't be used: {reason}; expected ECDSA P-256 or P-384, RSA or Ed25519 (PKIX)")]
    BadPublic {
        /// Why.
        reason: String,
    },
    /// An encrypted key without a password.
    #[error("the private key is encrypted and no password was given; set {PASSWORD_VAR}")]
    NoPassword,
    /// The password does not open it.
    #[error("the password does not open the private key, or the file is damaged; check {PASSWORD_VAR}")]
    WrongPassword,
    /// An encrypted key of another make.
    #[error("the encrypted private key is malformed: {reason}")]
    Malformed {
        /// Why.
        reason: String,
    },
    /// The crypto library refused.
    #[error("the crypto library could not {doing}")]
    Crypto {
        /// What it was asked for.
        doing: &'static str,
    },
}

/// A key that checks signatures.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(DerPublicKey);

impl PublicKey {
    /// Reads a PEM file of kind `PUBLIC KEY`.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        Self::from_pem(&read_file(path)?)
    }

    /// Reads PEM of kind `PUBLIC KEY`.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let pem = pem::parse(text).map_err(|e| KeyError::NotPem { reason: e.to_string() })?;
        if pem.tag() != "PUBLIC KEY" {
            return Err(KeyError::WrongKind { found: pem.tag().into(), wanted: "a `PUBLIC KEY`" });
        }
        let der = DerPublicKey::new(pem.into_contents());
        VerificationKey::from_spki(&der).map_err(|e| KeyError::BadPublic { reason: e.to_string() })?;
        Ok(Self(der))
    }

    /// The key as PEM.
    pub fn to_pem(&self) -> String {
        encode_pem("PUBLIC KEY", self.0.as_bytes())
    }

    /// SHA-256 of the key's DER: how it is named in messages and records.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }

    /// How a Sigstore bundle hints at the key that checks it.
    pub fn hint(&self) -> String {
        BASE64_STANDARD.encode(self.fingerprint().as_hash())
    }

    /// Whether `signature` over `message` was made with this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        VerificationKey::from_spki(&self.0)
            .is_ok_and(|key| key.verify(message, &SignatureBytes::from_bytes(signature)).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

/// A key that signs.
pub struct PrivateKey(EcdsaKeyPair);

impl PrivateKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, KeyError> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map(Self)
            .map_err(|_| KeyError::Crypto { doing: "make a key" })
    }

    /// Reads a PEM file: cosign's encrypted form, PKCS#8 or SEC1. `password` is asked only for an encrypted one.
    pub fn load(path: &Path, password: impl FnOnce() -> Option<Zeroizing<String>>) -> Result<Self, KeyError> {
        Self::from_pem(&read_file(path)?, password)
    }

    /// As [`PrivateKey::load`], from text.
    pub fn from_pem(
        text: &str,
        password: impl FnOnce() -> Option<Zeroizing<String>>,
    ) -> Result<Self, KeyError> {
        let pem = pem::parse(text).map_err(|e| KeyError::NotPem { reason: e.to_string() })?;
        let tag = pem.tag().to_owned();
        let contents = Zeroizing::new(pem.into_contents());
        let der = match tag.as_str() {
            "PRIVATE KEY" | "EC PRIVATE KEY" => contents,
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                encrypted::open(&contents, &password().ok_or(KeyError::NoPassword)?)?
            }
            _ => {
                return Err(KeyError::WrongKind {
                    found: tag,
                    wanted: "an `ENCRYPTED SIGSTORE PRIVATE KEY`, `PRIVATE KEY` or `EC PRIVATE KEY`",
                });
            }
        };
        EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, &der)
            .map(Self)
            .map_err(|e| KeyError::BadPrivate { reason: e.to_string() })
    }

    /// The key as cosign keeps it: encrypted with a password, which may be empty.
    pub fn to_encrypted_pem(&self, password: &str) -> Result<String, KeyError> {
        let der = self.0.to_pkcs8v1().map_err(|_| KeyError::Crypto { doing: "write the key" })?;
        Ok(encode_pem("ENCRYPTED SIGSTORE PRIVATE KEY", &encrypted::seal(der.as_ref(), password)?))
    }

    /// Writes the encrypted private key, readable by its owner only, and the public key beside it. Never replaces a
    /// file.
    pub fn write_pair(&self, private: &Path, public: &Path, password: &str) -> Result<(), KeyError> {
        let sealed = self.to_encrypted_pem(password)?;
        create(private, 0o600, sealed.as_bytes())?;
        create(public, 0o644, self.public().to_pem().as_bytes())
    }

    /// The key that checks what this one signs.
    pub fn public(&self) -> PublicKey {
        let mut der = P256_SPKI_PREFIX.to_vec();
        der.extend_from_slice(self.0.public_key().as_ref());
        PublicKey(DerPublicKey::new(der))
    }

    /// Signs `message`: ECDSA over its SHA-256, in DER.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        Ok(signature.map_err(|_| KeyError::Crypto { doing: "sign" })?.as_ref().to_vec())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {})", self.public().fingerprint())
    }
}

/// The password from [`PASSWORD_VAR`], if it is set; it may be empty.
pub fn password_from_env() -> Option<Zeroizing<String>> {
    std::env::var(PASSWORD_VAR).ok().map(Zeroizing::new)
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let io = |source| KeyError::Io { path: path.to_owned(), source };
    let size = fs::metadata(path).map_err(io)?.len();
    if size > MAX_FILE {
        return Err(KeyError::TooLarge { path: path.to_owned(), size });
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(io)
}

fn create(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), KeyError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|source| KeyError::Io { path: path.to_owned(), source })
}

fn encode_pem(tag: &str, contents: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(tag, contents), config)
}

#[cfg(test)]
mod tests;
