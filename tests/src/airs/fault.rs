//! How the double misbehaves.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Seen, error, told};

/// One way to misbehave.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers with this status and an error's body.
    Status(u16),
    /// Says that the quota is used up, with the time to wait or without.
    Quota(bool),
    /// Answers with this content type and body, status 200.
    Body(&'static str, &'static [u8]),
    /// Answers with an error whose text holds the credential that was sent.
    Echo(u16),
    /// Does not answer.
    Hang,
    /// Answers without end.
    Endless,
    /// Redirects to this URL.
    Redirect(String),
}

impl Fault {
    /// The answer to `seen`.
    pub(super) async fn answer(self, seen: &Seen) -> Response {
        match self {
            Self::Status(status) => error(status, &format!("told to answer {status}")),
            Self::Quota(wait) => {
                let mut body = json!({"error": {"message": "Request exceeds limit"}});
                if wait {
                    body["error"]["retry_after"] = json!({"interval": 5, "unit": "minute"});
                }
                told(429, &body)
            }
            Self::Body(kind, body) => ([(CONTENT_TYPE, kind)], body).into_response(),
            Self::Echo(status) => {
                let key = seen.headers.get("x-pan-token").or_else(|| seen.headers.get("authorization"));
                error(status, &format!("the credential {} is of no use", key.map_or("", String::as_str)))
            }
            Self::Hang => std::future::pending().await,
            Self::Endless => {
                let chunks = futures_util::stream::unfold((), |()| async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Some((Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 64 << 10])), ()))
                });
                ([(CONTENT_TYPE, "application/json")], Body::from_stream(chunks)).into_response()
            }
            Self::Redirect(to) => {
                (axum::http::StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]).into_response()
            }
        }
    }
}
