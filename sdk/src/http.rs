//! Requests over HTTP, sent by the host: to the hosts that the gadget's permissions name and the operator grants.
//!
//! A gadget that asks states it, and which hosts, in `gadget.toml`:
//!
//! ```toml
//! [permissions]
//! imports = ["http"]
//!
//! [permissions.http]
//! hosts = ["api.example", "*.api.example:8443", "config:API_ENDPOINT"]
//! optional = true    # the gadget is of use without: it may be registered before the operator grants them
//! ```
//!
//! The host verifies certificates, refuses private addresses and redirects to other hosts, sends again what failed for
//! a moment, and bounds time and size. An answer's status is never an [`Error`]. Natively, in tests, requests are
//! answered by what [`testing::http`](crate::testing::http) was given.

mod send;

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

pub use send::send_all;

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

/// A request. Made by [`Request::get`] and the like, sent by [`Request::send`] or [`send_all`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// With scheme and host.
    pub url: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
    /// How long it may take in all; `None`: what the host thinks fit, 30 s.
    pub timeout_ms: Option<u32>,
    /// How long the answer's body may be; `None`: what the host thinks fit, 8 MiB.
    pub max_response_bytes: Option<u32>,
    /// How often it may be sent in all; `None`: what the host thinks fit, 3.
    pub tries: Option<u32>,
    /// Whether sending it twice is as good as once, though its method does not say so.
    pub idempotent: bool,
}

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names, in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How often the request was sent.
    pub tries: u32,
}

/// Why there is no answer. The texts are the host's: they say what was wanted, what was found and what to do, name no
/// secret, and may be told to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No request that could be sent: its URL, a header, its size.
    Invalid(String),
    /// Not allowed: the host is not granted, its address is private, or it redirects to another host.
    Refused(String),
    /// More requests than the gadget may make, or than there is time for.
    Limited(String),
    /// No answer in time.
    Timeout(String),
    /// The answer is larger than it may be.
    TooLarge(String),
    /// No connection, one that broke, or an answer that is no HTTP.
    Connection(String),
    /// Whoever called the gadget no longer waits.
    Cancelled,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: None,
            max_response_bytes: None,
            tries: None,
            idempotent: false,
        }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::Post, url)
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// What to send.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// JSON to send, with its `content-type`.
    pub fn json(self, value: &Json) -> Self {
        self.header("content-type", "application/json").body(value.to_string())
    }

    /// How long it may take in all, tries and pauses included.
    pub const fn timeout_ms(mut self, timeout: u32) -> Self {
        self.timeout_ms = Some(timeout);
        self
    }

    /// How long the answer's body may be.
    pub const fn max_response_bytes(mut self, bytes: u32) -> Self {
        self.max_response_bytes = Some(bytes);
        self
    }

    /// How often it may be sent in all; 1 for never again.
    pub const fn tries(mut self, tries: u32) -> Self {
        self.tries = Some(tries);
        self
    }

    /// Sending it twice is as good as once, though its method does not say so: a `POST` that only asks.
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Sends it, and waits for the answer.
    pub fn send(self) -> Result<Response, Error> {
        let none = || Err(Error::Connection("the host gave no answer".to_owned()));
        send_all([self]).pop().unwrap_or_else(none)
    }
}

impl Response {
    /// An answer without headers and body, for tests.
    pub fn new(status: u16) -> Self {
        Self { status, tries: 1, ..Self::default() }
    }

    /// The same with one header more, for tests.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// The same with this body, for tests.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Whether the status says that it went well: 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, in whichever letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(text)
            | Self::Refused(text)
            | Self::Limited(text)
            | Self::Timeout(text)
            | Self::TooLarge(text)
            | Self::Connection(text) => f.write_str(text),
            Self::Cancelled => f.write_str("the call was cancelled"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for crate::Failure {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn requests_are_answered_in_order() {
        testing::http(|request| match request.url.as_str() {
            "https://a.example/1" => Ok(Response::new(200).with_header("X-One", "1").with_body("{\"n\":1}")),
            url => Err(Error::Refused(format!("not {url}"))),
        });
        let post = Request::post("https://a.example/1").header("a", "b").json(&serde_json::json!({"q": 2}));
        let answers = send_all([post, Request::get("https://b.example/").timeout_ms(5)]);
        let [Ok(first), Err(second)] = answers.as_slice() else { panic!("{answers:?}") };
        assert_eq!((first.header("x-one"), first.is_success()), (Some("1"), true));
        assert_eq!(first.json::<Json>().unwrap()["n"], 1);
        assert_eq!(second.to_string(), "not https://b.example/");
        let sent = testing::requests();
        assert_eq!(sent[0].headers[1], ("content-type".to_owned(), "application/json".to_owned()));
        assert_eq!((sent[0].body.as_slice(), sent[1].timeout_ms), (&b"{\"q\":2}"[..], Some(5)));
    }

    #[test]
    fn nothing_is_answered_unless_told() {
        let error = Request::get("https://a.example/").send().unwrap_err();
        assert!(matches!(&error, Error::Refused(text) if text.contains("testing::http")), "{error}");
    }
}
