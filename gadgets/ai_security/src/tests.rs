//! The tools as a caller uses them, natively, with what stands in for the host.

mod cloud;
mod input;
mod local;
mod policy;

use gadget::http::{Error, Request, Response};
use gadget::serde_json::{self, Value as Json, json};
use gadget::{Failure, Tool, testing};

/// Calls a tool; what it answers is what its schema says.
fn call<T: Tool>(arguments: Json) -> Result<Json, Failure> {
    let answer = gadget::run::call::<T>(arguments.to_string().as_bytes())?;
    let answer: Json = serde_json::from_slice(&answer).expect("JSON");
    testing::conforms(&testing::row_schema::<T::Answer>(), &answer).expect("as the schema says");
    Ok(answer)
}

/// A UUID that ends in `number`.
fn uuid(number: u32) -> String {
    format!("a43e8177-9776-465b-8ef3-{number:012}")
}

const KEY: &str = "a-key-that-nobody-may-see";

/// Binds a key and a profile.
fn with_key() {
    testing::config("PANW_AI_SEC_API_KEY", Some(KEY));
    testing::config("PANW_AI_PROFILE_NAME", Some("mine"));
}

/// Answers every request with this JSON.
fn answering(answer: impl FnMut(&Request) -> Json + 'static) {
    let mut answer = answer;
    testing::http(move |request| Ok(json_of(&answer(request))));
}

fn json_of(body: &Json) -> Response {
    Response::new(200).with_header("content-type", "application/json").with_body(body.to_string())
}

fn failing(status: u16, body: &'static str) {
    testing::http(move |_| {
        Ok(Response::new(status).with_header("content-type", "application/json").with_body(body))
    });
}

/// What the service says of a clean prompt: as real answers do, without `timeout`, `error` and `errors`.
fn clean() -> Json {
    json!({
        "action": "allow", "category": "benign", "completed_at": "2026-11-25T08:00:00Z", "profile_name": "mine",
        "prompt_detected": {"injection": false, "dlp": false}, "response_detected": {},
        "report_id": format!("R{}", uuid(1)), "scan_id": uuid(1),
    })
}

fn late() {
    testing::http(|_| Err(Error::Timeout("service did not answer within 30s".to_owned())));
}
