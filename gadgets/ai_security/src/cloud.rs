//! The service: Prisma AIRS, AI Runtime API Intercept.
//!
//! What is sent and read follows its public OpenAPI file. Requests of one call go side by side; each has its own outcome,
//! so that one that fails takes none of the others with it.

mod answer;
mod chunks;
mod sign;

use std::fmt;

use gadget::http::{Request, send_all};
use gadget::serde_json::Value as Json;
use gadget::{Row, log};

pub use answer::Problem;
pub use chunks::Chunk;

use crate::content::INLINE;
use crate::params::{About, Content, Metadata};
use crate::settings::Profile;
use crate::shapes::{AsyncScanResponse, Odd, Read, ScanIdResult, ScanResponse, ThreatScanReport};

/// Ids that one request may name.
const IDS: usize = 5;
/// Bytes of an answer: masked content may be as large as what was sent.
const MAX_ANSWER: u32 = 8 << 20;

/// What went into one request, and what came of it.
pub type Outcome<K, T> = (Vec<K>, Result<T, Problem>);

/// How the service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Scheme and host.
    pub endpoint: String,
    /// What lets us in.
    pub credential: Credential,
    /// Whether bodies are signed.
    pub hash: bool,
    /// How long one request may take.
    pub timeout_ms: u32,
}

/// What lets us in.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A key of the API: `x-pan-token`.
    Key(String),
    /// An OAuth token: `Authorization: Bearer`.
    Token(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key",
            Self::Token(_) => "Token",
        })
    }
}

/// What a scan is asked by.
#[derive(Row)]
struct ScanRequest<'a> {
    tr_id: Option<&'a str>,
    session_id: Option<&'a str>,
    ai_profile: &'a Profile,
    metadata: Option<&'a Metadata>,
    contents: Vec<&'a Content>,
}

impl<'a> ScanRequest<'a> {
    fn new(content: &'a Content, about: &'a About, ai_profile: &'a Profile) -> Self {
        Self {
            tr_id: about.tr_id.as_deref(),
            session_id: about.session_id.as_deref(),
            ai_profile,
            metadata: about.metadata.as_ref(),
            contents: vec![content],
        }
    }
}

impl Cloud {
    /// Scans one content, and waits for the verdict.
    pub fn scan(&self, content: &Content, about: &About, profile: &Profile) -> Result<ScanResponse, Problem> {
        let mut body = Vec::with_capacity(content.bytes() + 1024);
        gadget::row::write(&ScanRequest::new(content, about, profile), &mut body);
        if body.len() > INLINE {
            return Err(Problem::too_large(body.len(), INLINE));
        }
        let [answer] = self.send([self.post("/v1/scan/sync/request", body)]);
        let mut odd = Odd::default();
        let response = ScanResponse::verdict(answer?, &mut odd).map_err(Problem::lacks)?;
        tell(&odd);
        Ok(response)
    }

    /// Has items scanned, at most `most` in a request; the outcome of each request, in order.
    pub fn batch(
        &self,
        items: &[(u32, &Content)],
        about: &About,
        profile: &Profile,
        most: usize,
    ) -> Vec<Outcome<u32, AsyncScanResponse>> {
        let chunks = chunks::split(items, about, profile, most);
        let mut ids = Vec::with_capacity(chunks.len());
        let mut requests = Vec::new();
        for Chunk { req_ids, body } in chunks {
            ids.push((req_ids, body.is_ok()));
            match body {
                Ok(body) => requests.push(Ok(self.post("/v1/scan/async/request", body))),
                Err(problem) => requests.push(Err(problem)),
            }
        }
        let (sent, kept): (Vec<_>, Vec<_>) = requests.into_iter().partition(Result::is_ok);
        let mut answers = self.send_some(sent.into_iter().flatten().collect()).into_iter();
        let mut kept = kept.into_iter().filter_map(Result::err);
        let outcome = |(req_ids, sent): (Vec<u32>, bool)| {
            let answer = if sent { answers.next() } else { kept.next().map(Err) };
            let receipt = answer.unwrap_or_else(|| Err(Problem::lacks_all())).and_then(receipt);
            (req_ids, receipt)
        };
        ids.into_iter().map(outcome).collect()
    }

    /// The results of scans: for each five ids what the service says.
    pub fn results(&self, ids: &[String]) -> Vec<Outcome<String, Vec<ScanIdResult>>> {
        self.by_ids("/v1/scan/results?scan_ids=", ids)
    }

    /// The reports of scans: for each five ids what the service says.
    pub fn reports(&self, ids: &[String]) -> Vec<Outcome<String, Vec<ThreatScanReport>>> {
        self.by_ids("/v1/scan/reports?report_ids=", ids)
    }

    fn by_ids<T: Read>(&self, path: &str, ids: &[String]) -> Vec<Outcome<String, Vec<T>>> {
        // The ids are checked: nothing in them needs escaping.
        let get = |ids: &[String]| self.request(Request::get(self.url(&[path, &ids.join(",")].concat())));
        let answers = self.send_some(ids.chunks(IDS).map(get).collect());
        let read = |answer: Json| {
            let mut odd = Odd::default();
            let list = Vec::read(answer, &mut odd).ok_or(Problem::lacks_list());
            tell(&odd);
            list
        };
        let answers = answers.into_iter().map(|answer| answer.and_then(read));
        ids.chunks(IDS).map(<[String]>::to_vec).zip(answers).collect()
    }

    fn url(&self, path: &str) -> String {
        [self.endpoint.as_str(), path].concat()
    }

    fn post(&self, path: &str, body: Vec<u8>) -> Request {
        let request = self.request(Request::post(self.url(path)).header("content-type", "application/json"));
        // A scan that is made twice changes nothing, and the service is asked again as its own library does.
        let request = request.idempotent();
        let (Credential::Key(secret) | Credential::Token(secret)) = &self.credential;
        let request = if self.hash {
            request.header("x-payload-hash", sign::hmac(secret.as_bytes(), &body))
        } else {
            request
        };
        request.body(body)
    }

    fn request(&self, request: Request) -> Request {
        let request = match &self.credential {
            Credential::Key(key) => request.header("x-pan-token", key.as_str()),
            Credential::Token(token) => request.header("authorization", ["Bearer ", token].concat()),
        };
        request
            .header("accept", "application/json")
            .timeout_ms(self.timeout_ms)
            .max_response_bytes(MAX_ANSWER)
    }

    fn send<const N: usize>(&self, requests: [Request; N]) -> [Result<Json, Problem>; N] {
        let mut answers = self.send_some(requests.into()).into_iter();
        std::array::from_fn(|_| answers.next().unwrap_or_else(|| Err(Problem::lacks_all())))
    }

    fn send_some(&self, requests: Vec<Request>) -> Vec<Result<Json, Problem>> {
        send_all(requests).into_iter().map(answer::read).collect()
    }
}

fn receipt(answer: Json) -> Result<AsyncScanResponse, Problem> {
    let mut odd = Odd::default();
    let receipt = AsyncScanResponse::read(answer, &mut odd);
    tell(&odd);
    receipt
        .filter(|receipt| !receipt.scan_id.is_empty())
        .ok_or(Problem::lacks(crate::shapes::Lacks("scan_id")))
}

/// What becomes of an answer, whichever request it is to: for the fuzzer.
#[cfg(not(target_arch = "wasm32"))]
pub fn read_answer(status: u16, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let response = gadget::http::Response {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_vec(),
        tries: 1,
    };
    let json = match answer::read(Ok(response)) {
        Ok(json) => json,
        Err(problem) => return problem.message.into_bytes(),
    };
    let mut odd = Odd::default();
    if let Ok(verdict) = ScanResponse::verdict(json.clone(), &mut odd) {
        gadget::row::write(&verdict, &mut out);
        out.push(b'\n');
    }
    if let Some(receipt) = AsyncScanResponse::read(json.clone(), &mut odd) {
        gadget::row::write(&receipt, &mut out);
        out.push(b'\n');
    }
    for result in Vec::<ScanIdResult>::read(json.clone(), &mut odd).into_iter().flatten() {
        gadget::row::write(&result, &mut out);
        out.push(b'\n');
    }
    for report in Vec::<ThreatScanReport>::read(json, &mut odd).into_iter().flatten() {
        gadget::row::write(&report, &mut out);
        out.push(b'\n');
    }
    out
}

/// Tells the operator what was not as the service describes itself.
fn tell(odd: &Odd) {
    if !odd.places.is_empty() {
        log::warn(format_args!(
            "left out of the service's answer, as their types are others: {}",
            odd.places.join(", ")
        ));
    }
}
