//! Content addresses. Everything the store holds and the registry serves is named by the SHA-256 of its bytes, so a
//! digest is a type of its own: a string that merely looks like one never reaches a path or a comparison.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 content address, written `sha256:<64 lower-case hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is no digest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{found}` is no digest: {reason}; expected sha256:<64 lower-case hex digits>")]
pub struct DigestError {
    /// The text as given, cut to a length that can be shown.
    pub found: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads `reader` to its end; returns the digest and how many bytes there were.
    pub fn of_reader(reader: &mut impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::default();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => return Ok((hasher.digest(), hasher.len())),
                Ok(n) => hasher.update(&chunk[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// A digest from the hash itself.
    pub const fn from_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The hash itself.
    pub const fn as_hash(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash as 64 hex digits, without `sha256:`.
    pub fn hex(&self) -> String {
        let mut out = String::with_capacity(64);
        for byte in self.0 {
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        out
    }

    /// The first twelve hex digits: enough for a person to tell images apart.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

/// A digest in the making.
#[derive(Clone, Default)]
pub struct Hasher {
    state: Sha256,
    len: u64,
}

impl Hasher {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// How many bytes were taken in.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was taken in yet.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The digest of all bytes so far.
    pub fn digest(&self) -> Digest {
        Digest(self.state.clone().finalize().into())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("len", &self.len).finish_non_exhaustive()
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let wrong = |reason| DigestError { found: text.chars().take(80).collect(), reason };
        let (algorithm, hex) = text.split_once(':').ok_or_else(|| wrong("it names no algorithm"))?;
        if algorithm != "sha256" {
            return Err(wrong("only sha256 is supported"));
        }
        if hex.len() != 64 {
            return Err(wrong("it does not have 64 digits"));
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let (Some(high), Some(low)) = (nibble(pair[0]), nibble(pair[1])) else {
                return Err(wrong("it has a character that is no lower-case hex digit"));
            };
            *byte = high << 4 | low;
        }
        Ok(Self(hash))
    }
}

const fn nibble(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn hashes_and_prints() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        let bytes = vec![7; 200_000];
        let (digest, len) = Digest::of_reader(&mut bytes.as_slice()).unwrap();
        assert_eq!((digest, len), (Digest::of(&bytes), 200_000));
        assert_eq!(EMPTY.parse::<Digest>().unwrap().short(), "e3b0c44298fc");
    }

    #[test]
    fn refuses_what_is_no_digest() {
        let cases = [
            ("", "names no algorithm"),
            ("sha512:00", "only sha256"),
            ("sha256:00", "64 digits"),
            (&EMPTY.to_uppercase().replace("SHA", "sha"), "lower-case"),
            (&format!("sha256:{}", "../".repeat(21) + "."), "lower-case"),
            (&format!("sha256:{}", "é".repeat(32)), "lower-case"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<Digest>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
