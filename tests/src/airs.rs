//! A double of Prisma AIRS (AI Runtime API Intercept) on loopback, after its public OpenAPI file: the four endpoints, both
//! credentials, the limits and all errors that it describes. Answers omit what real ones omit. It can be told to
//! misbehave, and keeps what it was sent, so that tests can look at it.

mod check;
mod fault;
mod scans;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::oneshot;

pub use fault::Fault;

/// The key that it lets in.
pub const KEY: &str = "airs-test-key-5f1d0c9b7a3e";
/// The OAuth token that it lets in.
pub const TOKEN: &str = "airs-test-token-0e6b2d4a8c1f";
/// The name of the profile that it knows.
pub const PROFILE: &str = "test-profile";

/// Bytes of a scan that is answered at once, and of a batch.
const SYNC: usize = 2 << 20;
const ASYNC: usize = 5 << 20;

/// A request as it was sent.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Such as `POST`.
    pub method: String,
    /// Such as `/v1/scan/sync/request`.
    pub path: String,
    /// What stands after `?`.
    pub query: String,
    /// Names in small letters.
    pub headers: BTreeMap<String, String>,
    /// What was sent.
    pub body: Vec<u8>,
}

/// A running double, ended when it is dropped.
pub struct Airs {
    /// Scheme, host and port.
    pub url: String,
    state: Arc<Mutex<Double>>,
    stop: Option<oneshot::Sender<()>>,
}

/// What it knows.
#[derive(Default)]
struct Double {
    seen: Vec<Seen>,
    faults: Vec<Fault>,
    always: Option<Fault>,
    scans: scans::Scans,
    most: Option<usize>,
}

impl Default for Airs {
    fn default() -> Self {
        Self::start()
    }
}

impl Airs {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(Double::default()));
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, address) = std::sync::mpsc::channel::<SocketAddr>();
        let shared = state.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                ready.send(listener.local_addr().expect("an address")).expect("the test waits");
                let router = Router::new().fallback(answer).with_state(shared);
                tokio::select! {
                    served = async { axum::serve(listener, router).await } => served.expect("it serves"),
                    _ = stopped => {}
                }
            });
        });
        let address = address.recv().expect("the double starts");
        Self { url: format!("http://{address}"), state, stop: Some(stop) }
    }

    fn lock(&self) -> MutexGuard<'_, Double> {
        lock(&self.state)
    }

    /// Answers the next request so, after those told before.
    pub fn next(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Answers all requests so, or as it should.
    pub fn always(&self, fault: Option<Fault>) {
        self.lock().always = fault;
    }

    /// Lets the results of scans that begin now be pending for so many requests.
    pub fn pending(&self, requests: u32) {
        self.lock().scans.pending = requests;
    }

    /// Takes so many objects in a batch; 25 if not told.
    pub fn most(&self, objects: usize) {
        self.lock().most = Some(objects);
    }

    /// The requests since it was last asked.
    pub fn requests(&self) -> Vec<Seen> {
        std::mem::take(&mut self.lock().seen)
    }
}

impl Drop for Airs {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
    }
}

fn lock(state: &Mutex<Double>) -> MutexGuard<'_, Double> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error as the service tells it.
fn error(status: u16, message: &str) -> Response {
    told(status, &json!({"error": {"message": message}}))
}

/// An answer with JSON.
fn told(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn answer(State(state): State<Arc<Mutex<Double>>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 16 << 20).await else { return error(413, "The request body is too large") };
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_vec(),
    };
    let fault = {
        let mut double = lock(&state);
        double.seen.push(seen.clone());
        if double.faults.is_empty() { double.always.clone() } else { Some(double.faults.remove(0)) }
    };
    match fault {
        Some(fault) => fault.answer(&seen).await,
        None => serve(&mut lock(&state), &parts.method, &parts.headers, &seen),
    }
}

/// What it should answer, in the order in which a request is looked at.
fn serve(double: &mut Double, method: &Method, headers: &HeaderMap, seen: &Seen) -> Response {
    let Seen { path, body, query, .. } = seen;
    let known = seen.headers.get("x-pan-token").map(|key| (key.as_str(), KEY));
    let bearer = seen.headers.get("authorization").and_then(|it| it.strip_prefix("Bearer "));
    let Some((given, wanted)) = known.or(bearer.map(|token| (token, TOKEN))) else {
        return error(401, "Not Authenticated");
    };
    if given != wanted {
        return error(403, "Invalid API Key");
    }
    let (wanted, most) = match path.as_str() {
        "/v1/scan/sync/request" => (Method::POST, SYNC),
        "/v1/scan/async/request" => (Method::POST, ASYNC),
        "/v1/scan/results" | "/v1/scan/reports" => (Method::GET, 0),
        _ => return error(404, "Resource is not found"),
    };
    if *method != wanted {
        return error(405, "The method is not allowed");
    }
    if wanted == Method::POST {
        if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
            return error(415, "The media type is not supported");
        }
        if body.len() > most {
            return error(413, "The request body is too large");
        }
        if !check::hash_fits(given, seen) {
            return error(400, "x-payload-hash is not that of the body");
        }
    }
    let answered = match path.as_str() {
        "/v1/scan/sync/request" => check::scan(body).map(|scan| double.scans.sync(&scan)),
        "/v1/scan/async/request" => {
            check::batch(body, double.most.unwrap_or(25)).map(|batch| double.scans.begin(&batch))
        }
        "/v1/scan/results" => check::ids(query, "scan_ids", "").map(|ids| double.scans.results(&ids)),
        _ => check::ids(query, "report_ids", "R").map(|ids| double.scans.reports(&ids)),
    };
    match answered {
        Ok(answer) => told(200, &answer),
        Err(message) => error(400, &message),
    }
}
