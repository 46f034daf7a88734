//! A gadget that may ask some hosts.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use gadget_registry::descriptor::Permissions;
use gadget_registry::policy::{Grants, Source};
use gadgetry_guest::lent::http::{Error, Http, Method, Request, Response};
use gadgetry_lend::{Lender, Options, Settings, Terms};
use tokio_util::sync::CancellationToken;

/// What the gadget states and the operator grants.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) hosts: Vec<String>,
    pub(crate) http: Vec<String>,
    pub(crate) private: Vec<String>,
    pub(crate) url: Option<String>,
    pub(crate) authorities: String,
    /// Names that lead to loopback.
    pub(crate) names: Vec<&'static str>,
    pub(crate) stop: CancellationToken,
}

pub(crate) struct Gadget {
    _lender: Lender,
    http: Box<dyn Http>,
}

impl World {
    /// One host, stated and granted wherever it is.
    pub(crate) fn private(host: &str) -> Self {
        Self { hosts: vec![host.to_owned()], private: vec![host.to_owned()], ..Self::default() }
    }

    pub(crate) fn gadget(self) -> Gadget {
        let Self { hosts, http, private, url, authorities, names, stop } = self;
        let permissions: Permissions = serde_json::from_value(serde_json::json!({
            "imports": ["http", "config"], "http": {"hosts": hosts},
            "config": [{"name": "URL", "description": "Where."}],
        }))
        .unwrap();
        let bound: BTreeMap<_, _> =
            url.into_iter().map(|url| ("URL".to_owned(), Source::Value(url))).collect();
        let settings = Settings::read(&permissions, &bound, false).unwrap();
        let names: HashMap<_, _> =
            names.into_iter().map(|name| (name.to_owned(), vec![[127, 0, 0, 1].into()])).collect();
        let lender =
            Lender::new(Options { authorities: authorities.into_bytes(), state: None, names }).unwrap();
        let grants = Grants { http, http_private: private, ..Grants::default() };
        let loan = lender.loan(Terms { owner: "mine".into(), permissions, grants, settings });
        let http = loan.lend(stop).http.unwrap();
        Gadget { _lender: lender, http }
    }
}

impl Gadget {
    pub(crate) fn ask(&mut self, request: Request) -> Result<Response, Error> {
        self.ask_all(vec![request]).pop().unwrap()
    }

    pub(crate) fn ask_all(&mut self, requests: Vec<Request>) -> Vec<Result<Response, Error>> {
        self.http.send(requests, Duration::from_secs(60))
    }
}

pub(crate) fn get(url: impl Into<String>) -> Request {
    Request {
        method: Method::Get,
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: Some(10_000),
        max_response_bytes: None,
        tries: Some(1),
        idempotent: false,
    }
}

pub(crate) fn post(url: impl Into<String>, body: &str) -> Request {
    Request { method: Method::Post, body: body.into(), ..get(url) }
}

pub(crate) fn text(answer: Result<Response, Error>) -> String {
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body).unwrap()
}
