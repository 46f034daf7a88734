//! What can go wrong with a registry, each with what to do about it.

use std::time::Duration;

use crate::digest::Digest;
use crate::store::StoreError;
use crate::verify::VerifyError;

/// A failure, and what was being fetched or sent.
#[derive(Debug, thiserror::Error)]
#[error("{reference}: {problem}")]
pub struct RemoteError {
    /// The image or repository, with its host.
    pub reference: String,
    /// What happened.
    pub problem: Problem,
}

/// The ways to fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not there.
    #[error("the registry {host} has no {what}; check the name, and that it was pushed")]
    NotFound {
        /// The registry.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// Not allowed.
    #[error(
        "the registry {host} refuses access ({status}){note}; log in with `docker login {host}` (or `podman login`, or put the credentials into $DOCKER_CONFIG/config.json), and check that the account may {action} this repository"
    )]
    Denied {
        /// The registry.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What is known of the credentials.
        note: String,
        /// `pull` or `push`.
        action: &'static str,
    },
    /// Not reachable.
    #[error("can't reach {host}: {reason}; check the name, the network and that the registry runs")]
    Connect {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// The connection broke off.
    #[error("the connection to {host} broke while fetching {what}: {reason}; try again")]
    Broken {
        /// The host.
        host: String,
        /// What was being fetched.
        what: String,
        /// Why.
        reason: String,
    },
    /// It answers, but not in TLS.
    #[error(
        "{host} does not speak TLS; if it serves plain HTTP, and the network between is trusted, name it: --insecure-registry {host}"
    )]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// A TLS failure.
    #[error(
        "no secure connection to {host}: {reason}; if its certificate is from your own authority, add that to the system's certificates or name it in SSL_CERT_FILE"
    )]
    Tls {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// It went silent.
    #[error("{host} did not answer for {} s; it may be overloaded or behind a firewall that drops packets", .after.as_secs_f32())]
    Silent {
        /// The host.
        host: String,
        /// The timeout.
        after: Duration,
    },
    /// All of it took too long.
    #[error("gave up after {} s in all; the registry is too slow", .after.as_secs_f32())]
    Deadline {
        /// The deadline.
        after: Duration,
    },
    /// It failed.
    #[error("the registry {host} failed with {status}{message}; try again later")]
    Server {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// An answer that makes no sense here.
    #[error("{host} answered {status} for {what}{message}; is it a registry?")]
    Unexpected {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
        /// What it said.
        message: String,
    },
    /// A redirect, or a token server, that must not be followed.
    #[error("{host} sends us to {target}, which is not followed: {reason}")]
    Redirect {
        /// Who sends.
        host: String,
        /// Where to, without its query, which may hold a secret.
        target: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// No token to be had.
    #[error("no token from {host}: {reason}")]
    Token {
        /// The token server.
        host: String,
        /// Why.
        reason: String,
    },
    /// Larger than its kind may be.
    #[error("{what} has {size} bytes, more than the {cap} allowed for it; nothing of it was kept")]
    TooLarge {
        /// What.
        what: String,
        /// Its size, as stated or as far as it was counted.
        size: u64,
        /// The cap.
        cap: u64,
    },
    /// Not the size that was promised.
    #[error(
        "{what} was promised with {expected} bytes, and the registry sends {found}; it is damaged or was tampered with"
    )]
    WrongSize {
        /// What.
        what: String,
        /// Promised.
        expected: u64,
        /// Sent, or announced.
        found: u64,
    },
    /// Not the content that was promised.
    #[error(
        "{what} is not what its digest promises: it hashes to {found}; it is damaged or was tampered with"
    )]
    WrongDigest {
        /// What, with its digest.
        what: String,
        /// What came.
        found: Digest,
    },
    /// A document that can't be read.
    #[error("{what} can't be read: {reason}")]
    Malformed {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// The policy refuses the image.
    #[error("{refused}{}", notes(.signature_troubles))]
    Refused {
        /// Why.
        refused: Box<VerifyError>,
        /// What went wrong while signatures were looked for.
        signature_troubles: Vec<String>,
    },
    /// The local store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something of ours.
    #[error("{0}")]
    Internal(String),
}

impl Problem {
    pub(super) fn of(self, reference: &impl std::fmt::Display) -> RemoteError {
        RemoteError { reference: reference.to_string(), problem: self }
    }

    /// Whether trying again may help: the registry is overloaded or failing, or the network is.
    pub(super) const fn is_passing(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broken { .. } | Self::Silent { .. } => true,
            Self::Server { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

fn notes(troubles: &[String]) -> String {
    troubles.iter().map(|trouble| format!("\nwhile looking for signatures: {trouble}")).collect()
}

/// What a failed request means.
pub(super) fn request(error: &reqwest::Error, host: &str, what: &str, timeout: Duration) -> Problem {
    let host = host.to_owned();
    let mut causes = Vec::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    // The chain ends with the reason proper; what comes before repeats it or names layers.
    let reason = causes.last().cloned().unwrap_or_else(|| error.to_string());
    let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
    if error.is_timeout() {
        Problem::Silent { host, after: timeout }
    } else if says("InvalidContentType") || says("corrupt message") {
        Problem::PlainHttp { host }
    } else if says("certificate") || says("TLS") || says("HandshakeFailure") || says("fatal alert") {
        Problem::Tls { host, reason }
    } else if error.is_connect() {
        Problem::Connect { host, reason }
    } else {
        Problem::Broken { host, what: what.to_owned(), reason }
    }
}
