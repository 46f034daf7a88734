//! The import, and what stands in for it natively.

use super::{Error, Request, Response};

/// The import, in a world of its own; a component that never calls it loses it when it is made.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package gadgetry:sdk; world requesting { import gadgetry:gadget/http@0.1.0; }",
        world: "gadgetry:sdk/requesting",
        generate_all,
    });
}

/// Sends all, several at a time, as a gadget has no threads; returns when all are answered. The answers are in the
/// order of the requests.
#[cfg(target_arch = "wasm32")]
pub fn send_all(requests: impl IntoIterator<Item = Request>) -> Vec<Result<Response, Error>> {
    use bindings::gadgetry::gadget::http;

    let method = |method| match method {
        super::Method::Get => http::Method::Get,
        super::Method::Head => http::Method::Head,
        super::Method::Post => http::Method::Post,
        super::Method::Put => http::Method::Put,
        super::Method::Patch => http::Method::Patch,
        super::Method::Delete => http::Method::Delete,
    };
    let request = |request: Request| http::Request {
        method: method(request.method),
        url: request.url,
        headers: request.headers,
        body: request.body,
        timeout_ms: request.timeout_ms,
        max_response_bytes: request.max_response_bytes,
        tries: request.tries,
        idempotent: request.idempotent,
    };
    let response =
        |http::Response { status, headers, body, tries }| Response { status, headers, body, tries };
    let error = |error| match error {
        http::Error::Invalid(text) => Error::Invalid(text),
        http::Error::Refused(text) => Error::Refused(text),
        http::Error::Limited(text) => Error::Limited(text),
        http::Error::Timeout(text) => Error::Timeout(text),
        http::Error::TooLarge(text) => Error::TooLarge(text),
        http::Error::Connection(text) => Error::Connection(text),
        http::Error::Cancelled => Error::Cancelled,
    };
    let requests: Vec<_> = requests.into_iter().map(request).collect();
    http::send(&requests).into_iter().map(|answer| answer.map(response).map_err(error)).collect()
}

/// Sends all, several at a time, as a gadget has no threads; returns when all are answered. The answers are in the
/// order of the requests.
#[cfg(not(target_arch = "wasm32"))]
pub fn send_all(requests: impl IntoIterator<Item = Request>) -> Vec<Result<Response, Error>> {
    requests.into_iter().map(crate::testing::answered).collect()
}
