//! The hash of a body: HMAC-SHA256 with the credential as the key, in hexadecimal digits.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Of exactly these bytes.
pub(super) fn hmac(key: &[u8], body: &[u8]) -> String {
    // A key may have any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(body);
    let digits = mac.finalize().into_bytes();
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    digits.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::hmac;

    /// Test case 2 of RFC 4231.
    #[test]
    fn it_is_what_the_standard_says() {
        assert_eq!(
            hmac(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
