//! The `http` import.

use std::time::Duration;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::meanwhile;
use crate::instance::State;
use crate::wire::HTTP;

/// Sends requests.
pub trait Http: Send {
    /// The answers, in the order of the requests. `left`: how long it may take; this call has no more.
    fn send(&mut self, requests: Vec<Request>, left: Duration) -> Vec<Result<Response, Error>>;
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
pub enum Method {
    /// `GET`
    #[component(name = "get")]
    Get,
    /// `HEAD`
    #[component(name = "head")]
    Head,
    /// `POST`
    #[component(name = "post")]
    Post,
    /// `PUT`
    #[component(name = "put")]
    Put,
    /// `PATCH`
    #[component(name = "patch")]
    Patch,
    /// `DELETE`
    #[component(name = "delete")]
    Delete,
}

/// A request. Without `Debug`: headers and body may hold secrets.
#[derive(Clone, ComponentType, Lift)]
#[component(record)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// With scheme and host.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
    /// How long it may take in all.
    #[component(name = "timeout-ms")]
    pub timeout_ms: Option<u32>,
    /// How long the answer's body may be.
    #[component(name = "max-response-bytes")]
    pub max_response_bytes: Option<u32>,
    /// How often it may be sent.
    pub tries: Option<u32>,
    /// Whether sending it twice is as good as once, whatever its method.
    pub idempotent: bool,
}

/// What was answered.
#[derive(Clone, ComponentType, Lower)]
#[component(record)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How often the request was sent.
    pub tries: u32,
}

/// Without headers and body, which may hold secrets.
impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, body, tries, .. } = self;
        write!(f, "Response({status}, {} bytes, {tries} tries)", body.len())
    }
}

/// Why there is no answer; the texts name no secret.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lower)]
#[component(variant)]
pub enum Error {
    /// No request that could be sent.
    #[component(name = "invalid")]
    Invalid(String),
    /// Not allowed.
    #[component(name = "refused")]
    Refused(String),
    /// Too many.
    #[component(name = "limited")]
    Limited(String),
    /// Not in time.
    #[component(name = "timeout")]
    Timeout(String),
    /// The answer is too large.
    #[component(name = "too-large")]
    TooLarge(String),
    /// No connection, or a broken one.
    #[component(name = "connection")]
    Connection(String),
    /// The run was cancelled.
    #[component(name = "cancelled")]
    Cancelled,
}

/// What a guest reads that was lent no requests.
const NONE: &str = "this gadget was granted no host to ask";

pub(super) fn offer(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(HTTP)?.func_wrap(
        "send",
        |mut cx: StoreContextMut<'_, State>, (requests,): (Vec<Request>,)| {
            let count = requests.len();
            let answers = meanwhile(&mut cx, |state, left| match &mut state.lent.http {
                Some(http) => http.send(requests, left),
                None => vec![Err(Error::Refused(NONE.to_owned())); count],
            });
            Ok((answers,))
        },
    )
}
