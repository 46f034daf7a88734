//! Answers: objects as JSON, and refusals in the form of `meta/v1.Status` that clients of Kubernetes read.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refused {
    code: u16,
    reason: &'static str,
    message: String,
    /// Seconds after which to come again.
    after: Option<u64>,
}

impl Refused {
    pub(crate) fn new(code: u16, message: impl Into<String>) -> Self {
        let reason = match code {
            400 => "BadRequest",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            405 => "MethodNotAllowed",
            409 => "Conflict",
            410 => "Expired",
            415 => "UnsupportedMediaType",
            422 => "Invalid",
            429 => "TooManyRequests",
            503 => "ServiceUnavailable",
            _ => "InternalError",
        };
        Self { code, reason, message: message.into(), after: None }
    }

    /// An object is there already.
    pub(crate) fn exists(what: &str, name: &str) -> Self {
        Self { reason: "AlreadyExists", ..Self::new(409, format!("{what} {name:?} already exists")) }
    }

    /// An object is not there.
    pub(crate) fn not_found(what: &str, name: &str) -> Self {
        Self::new(404, format!("{what} {name:?} not found"))
    }

    /// Too many requests.
    pub(crate) fn busy(seconds: u64) -> Self {
        let refused = Self::new(429, "Too many requests, please try again later.");
        Self { after: Some(seconds), ..refused }
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let Some(seconds) = self.after {
            status["details"] = json!({"retryAfterSeconds": seconds});
        }
        status
    }
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        let mut response = answer(refused.code, &refused.status());
        if let Some(seconds) = refused.after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An answer with a JSON body.
pub(crate) fn answer(code: u16, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
