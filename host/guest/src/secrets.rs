//! Secrets in what a guest says: found and taken out of its log lines, failures, rows and answers.
//!
//! This guards against mistakes: a key in a message, a server that sends back what it was sent. A gadget that is bent
//! on telling what it knows can write it in other letters; whoever binds a secret to a gadget trusts it with that.

use memchr::memmem;
use zeroize::Zeroizing;

/// What stands in a secret's place.
const REDACTED: &[u8] = b"[redacted]";
/// Shorter values would be found everywhere.
pub const SHORTEST: usize = 8;
/// Most forms of values that are looked for; a guest that conceals more ends.
const MOST: usize = 256;

/// What must not be told.
#[derive(Default)]
pub(crate) struct Secrets {
    /// The values, as they are and as they stand in JSON; the longest first, as one may be part of another.
    all: Vec<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.all.len())
    }
}

impl Secrets {
    /// Also keeps `value` back, unless it is too short. False: there are too many already.
    pub(crate) fn add(&mut self, value: String) -> bool {
        let value = Zeroizing::new(value);
        if value.len() < SHORTEST {
            return true;
        }
        if self.all.len() >= MOST {
            return false;
        }
        let json = Zeroizing::new(serde_json::Value::from(value.as_str()).to_string());
        let escaped = Zeroizing::new(json.as_bytes()[1..json.len() - 1].to_vec());
        for form in [value.as_bytes(), &escaped] {
            if !self.all.iter().any(|known| known.as_slice() == form) {
                self.all.push(Zeroizing::new(form.to_vec()));
            }
        }
        self.all.sort_by_key(|known| std::cmp::Reverse(known.len()));
        true
    }

    /// Takes all secrets out of `bytes`.
    pub(crate) fn redact(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.all.iter().fold(bytes, |bytes, secret| {
            let mut found = memmem::find_iter(&bytes, secret.as_slice()).peekable();
            if found.peek().is_none() {
                drop(found);
                return bytes;
            }
            let mut out = Vec::with_capacity(bytes.len());
            let mut from = 0;
            for at in found {
                out.extend_from_slice(&bytes[from..at]);
                out.extend_from_slice(REDACTED);
                from = at + secret.len();
            }
            out.extend_from_slice(&bytes[from..]);
            out
        })
    }

    /// Takes all secrets out of `text`.
    pub(crate) fn redact_text(&self, text: String) -> String {
        if self.all.is_empty() {
            return text;
        }
        String::from_utf8_lossy(&self.redact(text.into_bytes())).into_owned()
    }
}
