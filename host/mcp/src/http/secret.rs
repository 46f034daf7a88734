//! The bearer token: read once, kept as a digest only, compared in constant time, and shown nowhere.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access::{Access, Principal, Refusal};

/// The shortest token taken: what can be guessed protects nothing.
const SHORTEST: usize = 16;

/// A bearer token. Only its digest is kept, which also makes all comparisons equally long.
#[derive(Clone)]
pub struct Secret([u8; 32]);

/// Why a token is not taken. Never says what it is.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its file cannot be read.
    #[error("cannot read the bearer token from {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It cannot stand in a header, or is too easy to guess.
    #[error(
        "the bearer token must be at least {SHORTEST} visible ASCII characters without white space, found \
         {length}: `openssl rand -hex 32` makes a good one"
    )]
    Unfit {
        /// Its length.
        length: usize,
    },
}

impl Secret {
    /// Takes `token`, without white space around it.
    pub fn new(token: &str) -> Result<Self, SecretError> {
        let token = token.trim();
        if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SecretError::Unfit { length: token.len() });
        }
        Ok(Self(hash(token.as_bytes())))
    }

    /// Reads the token from a file.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        match fs::read_to_string(path) {
            Ok(token) => Self::new(&token),
            Err(source) => Err(SecretError::Read { path: path.to_owned(), source }),
        }
    }

    fn is(&self, token: &[u8]) -> bool {
        self.0.ct_eq(&hash(token)).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// How callers prove who they are: by the server's own token, or by one that somebody else checks.
#[derive(Clone)]
pub(super) struct Proof {
    pub(super) token: Option<Secret>,
    pub(super) access: Option<Arc<dyn Access>>,
    /// Where clients learn who gives out tokens.
    pub(super) metadata: Option<Arc<str>>,
}

/// Lets a request through that carries a token which is somebody's.
pub(super) async fn require(State(proof): State<Proof>, mut request: Request, next: Next) -> Response {
    let mut body = "send this server's token as `Authorization: Bearer <token>`\n".to_owned();
    let mut challenge = r#"Bearer realm="gadgetry""#.to_owned();
    if let Some(token) = bearer(request.headers()).map(<[u8]>::to_vec) {
        if proof.token.as_ref().is_some_and(|it| it.is(&token)) {
            request.extensions_mut().insert(Principal::operator());
            return next.run(request).await;
        }
        let checked = match (&proof.access, std::str::from_utf8(&token)) {
            (Some(access), Ok(token)) => access.authenticate(token).await,
            _ => Err(Refusal::Invalid(body.clone())),
        };
        match checked {
            Ok(principal) => {
                request.extensions_mut().insert(principal);
                return next.run(request).await;
            }
            Err(Refusal::Unchecked(why)) => {
                return (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response();
            }
            Err(Refusal::Invalid(why)) => body = format!("{}\n", why.trim_end()),
        }
        challenge.push_str(r#", error="invalid_token""#);
    }
    if let Some(metadata) = &proof.metadata {
        challenge.push_str(&format!(r#", resource_metadata="{metadata}""#));
    }
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)], body).into_response()
}

/// The token that a request carries.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn only_fit_tokens_are_taken() {
        for (token, fit) in [
            (TOKEN, true),
            ("  0123456789abcdef\n", true),
            ("0123456789abcde", false),
            ("0123456789 abcdef", false),
            ("0123456789abcdé", false),
            ("", false),
        ] {
            assert_eq!(Secret::new(token).is_ok(), fit, "{token:?}");
        }
    }

    #[test]
    fn it_shows_nowhere() {
        let secret = Secret::new(TOKEN).unwrap();
        assert!(secret.is(TOKEN.as_bytes()));
        assert!(!secret.is(b"0123456789abcdeF"));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        let error = Secret::new("short secret").unwrap_err().to_string();
        assert!(!error.contains("short secret"), "{error}");
    }

    #[test]
    fn the_scheme_may_be_written_in_any_case() {
        for (header, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic abc", None),
            ("Bearer", None),
            ("Bearerabc", None),
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
            assert_eq!(bearer(&headers), token.map(str::as_bytes), "{header}");
        }
    }
}
