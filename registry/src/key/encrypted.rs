//! Cosign's encrypted private key: a JSON document inside PEM, with scrypt to make a key of the password and NaCl's
//! secretbox around the PKCS#8 document.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KeyError;

/// What cosign writes; 64 MiB of memory and about a tenth of a second.
const LOG_N: u8 = 16;
/// The most that is accepted: 1 GiB of memory for r = 8. A file must not be able to ask for more.
const MAX_LOG_N: u32 = 20;
const R: u32 = 8;
const P: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Opens the JSON document; the result is PKCS#8.
pub(super) fn open(json: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let sealed: Sealed = serde_json::from_slice(json).map_err(|e| malformed(e.to_string()))?;
    let Sealed { kdf, cipher, ciphertext } = sealed;
    if kdf.name != "scrypt" || cipher.name != "nacl/secretbox" {
        return Err(malformed(format!(
            "it uses {} and {}; expected scrypt and nacl/secretbox",
            kdf.name, cipher.name
        )));
    }
    let Params { n, r, p } = kdf.params;
    if !n.is_power_of_two() || n.trailing_zeros() > MAX_LOG_N || r != R || p != P {
        return Err(malformed(format!("scrypt parameters N={n} r={r} p={p} are not accepted")));
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|e| malformed(e.to_string()))?;
    let key = derive(password, &decode("salt", &kdf.salt)?, log_n)?;
    let nonce: [u8; 24] = decode("nonce", &cipher.nonce)?
        .try_into()
        .map_err(|_| malformed("the nonce does not have 24 bytes".into()))?;
    XSalsa20Poly1305::new((&*key).into())
        .decrypt((&nonce).into(), decode("ciphertext", &ciphertext)?.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::WrongPassword)
}

/// Encrypts a PKCS#8 document.
pub(super) fn seal(pkcs8: &[u8], password: &str) -> Result<Vec<u8>, KeyError> {
    let salt: [u8; 32] = random()?;
    let nonce: [u8; 24] = random()?;
    let key = derive(password, &salt, LOG_N)?;
    let ciphertext = XSalsa20Poly1305::new((&*key).into())
        .encrypt((&nonce).into(), pkcs8)
        .map_err(|_| KeyError::Crypto { doing: "encrypt the key" })?;
    let sealed = Sealed {
        kdf: Kdf {
            name: "scrypt".into(),
            params: Params { n: 1 << LOG_N, r: R, p: P },
            salt: BASE64_STANDARD.encode(salt),
        },
        cipher: Cipher { name: "nacl/secretbox".into(), nonce: BASE64_STANDARD.encode(nonce) },
        ciphertext: BASE64_STANDARD.encode(ciphertext),
    };
    serde_json::to_vec(&sealed).map_err(|e| malformed(e.to_string()))
}

fn derive(password: &str, salt: &[u8], log_n: u8) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let params = scrypt::Params::new(log_n, R, P).map_err(|e| malformed(e.to_string()))?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password.as_bytes(), salt, &params, &mut *key).map_err(|e| malformed(e.to_string()))?;
    Ok(key)
}

fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| KeyError::Crypto { doing: "draw random bytes" })?;
    Ok(bytes)
}

fn decode(what: &str, text: &str) -> Result<Vec<u8>, KeyError> {
    BASE64_STANDARD.decode(text).map_err(|e| malformed(format!("{what}: {e}")))
}

fn malformed(reason: String) -> KeyError {
    KeyError::Malformed { reason }
}
