//! The server: what arrives is written down, meets the faults that are set, is authenticated and authorised, and then
//! done.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Body;
use axum::http::{Method, header, request::Parts};
use axum::response::Response;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::access::{Access, Action, User};
use crate::faults::{Fault, Faults};
use crate::kinds::Kind;
use crate::request::{Request, text};
use crate::status::{Refused, answer};
use crate::store::Store;
use crate::{Seen, discovery, forward, reviews, verbs, watch};

/// The largest body taken; the real one takes about as much.
const BODY: usize = 3 << 20;

/// Requests written down; the oldest are forgotten.
const SEEN: usize = 100_000;

/// What all requests share.
pub(crate) struct Shared {
    store: Mutex<Store>,
    access: Mutex<Access>,
    faults: Mutex<Faults>,
    seen: Mutex<Vec<Seen>>,
    /// What listens at the ports of pods: by namespace, name and port.
    pub(crate) ports: Mutex<HashMap<(String, String, u16), SocketAddr>>,
    /// Told the newest version whenever something was done.
    pub(crate) changed: tokio::sync::watch::Sender<u64>,
}

/// A lock; what a test that failed held is still good to look at.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            store: Mutex::new(Store::new()),
            access: Mutex::default(),
            faults: Mutex::default(),
            seen: Mutex::default(),
            ports: Mutex::default(),
            changed: tokio::sync::watch::Sender::new(0),
        }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(crate) fn access(&self) -> MutexGuard<'_, Access> {
        lock(&self.access)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        lock(&self.seen)
    }

    /// Does something to the store and wakes the watches.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store();
        let result = change(&mut store);
        let version = store.version();
        drop(store);
        self.changed.send_replace(version);
        result
    }

    /// Who sent a request.
    fn caller(&self, parts: &Parts) -> Result<User, Refused> {
        let Some(token) = text(&parts.headers, header::AUTHORIZATION).strip_prefix("Bearer ") else {
            return Ok(User::admin());
        };
        let access = self.access();
        let known = access.tokens.get(token).ok_or_else(|| Refused::new(401, "Unauthorized"))?;
        Ok(known.user.clone())
    }

    fn authorise(&self, caller: &User, request: &Request, verb: &str) -> Result<(), Refused> {
        let action = Action {
            verb: verb.to_owned(),
            group: request.group.clone(),
            resource: request.resource(),
            namespace: request.namespace.clone(),
            name: request.name.clone().unwrap_or_default(),
        };
        // Locked in one order everywhere: first the store.
        let store = self.store();
        // Anybody who is somebody may ask what he himself may do.
        if action.resource == "selfsubjectaccessreviews" || self.access().allows(&store, caller, &action) {
            return Ok(());
        }
        Err(Refused::new(
            403,
            format!(
                "{} is forbidden: User {:?} cannot {} resource {:?} in API group {:?} in the namespace {:?}",
                action.resource, caller.name, action.verb, action.resource, action.group, action.namespace,
            ),
        ))
    }
}

/// Answers one request. Whatever outlives the answer ends with `stop`.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    request: axum::extract::Request,
    stop: CancellationToken,
) -> Response {
    let (parts, body) = request.into_parts();
    respond(shared, parts, body, stop).await.unwrap_or_else(Response::from)
}

async fn respond(
    shared: Arc<Shared>,
    parts: Parts,
    body: Body,
    stop: CancellationToken,
) -> Result<Response, Refused> {
    let path = parts.uri.path().to_owned();
    note(&shared, &parts);
    let body = axum::body::to_bytes(body, BODY)
        .await
        .map_err(|error| Refused::new(400, format!("the body: {error}")))?;
    let request = Request::read(&parts, body);
    fault(&shared, request.as_ref()).await?;
    let caller = shared.caller(&parts)?;
    let Some(request) = request else {
        return match path.as_str() {
            "/healthz" | "/livez" | "/readyz" => Ok(Response::new(Body::from("ok"))),
            path => discovery::answer(shared.store().kinds(), path)
                .map(|found| answer(200, &found))
                .ok_or_else(|| unknown(path)),
        };
    };
    let kind = shared.store().kind_at(&request.group, &request.version, &request.plural).cloned();
    let kind = kind.ok_or_else(|| unknown(&path))?;
    let needs_namespace = kind.namespaced && (request.name.is_some() || request.method == Method::POST);
    if kind.namespaced == request.namespace.is_empty() && (needs_namespace || !kind.namespaced) {
        return Err(unknown(&path));
    }
    shared.authorise(&caller, &request, request.verb())?;
    perform(&shared, parts, &caller, &request, &kind, stop)
}

/// Does what the request says.
fn perform(
    shared: &Arc<Shared>,
    parts: Parts,
    caller: &User,
    request: &Request,
    kind: &Kind,
    stop: CancellationToken,
) -> Result<Response, Refused> {
    if let Some(found) = reviews::answer(&shared.store(), &shared.access(), caller, request, kind)? {
        return Ok(answer(201, &found));
    }
    let done = |value: Value| Ok(answer(200, &value));
    match (request.verb(), request.subresource.as_deref()) {
        ("get", None | Some("status")) => done(verbs::get(&shared.store(), request, kind)?),
        ("list", None) => done(verbs::list(&shared.store(), request, kind)?),
        ("watch", None) => {
            let lines = watch::lines(shared.clone(), request, kind)?;
            let mut response = Response::new(Body::from_stream(lines));
            let json = header::HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            Ok(response)
        }
        ("create", None) => Ok(answer(201, &shared.write(|store| verbs::create(store, request, kind))?)),
        ("update", None | Some("status")) => {
            done(shared.write(|store| verbs::replace(store, request, kind))?)
        }
        ("patch", None | Some("status")) => done(shared.write(|store| verbs::patch(store, request, kind))?),
        ("delete", None) => done(shared.write(|store| verbs::delete(store, request, kind))?),
        ("deletecollection", None) => done(shared.write(|store| verbs::delete_all(store, request, kind))?),
        ("create", Some("token")) if kind.kind == "ServiceAccount" => {
            Ok(answer(201, &reviews::issue(&shared.store(), &mut shared.access(), request, kind)?))
        }
        ("get", Some("portforward")) if kind.kind == "Pod" => {
            // Until 1.34 only the right to get is asked for, from 1.35 on both are.
            shared.authorise(caller, request, "create")?;
            verbs::get(&shared.store(), request, kind)?;
            let port = request
                .get("ports")
                .parse()
                .map_err(|_| Refused::new(400, "one port is forwarded, by ports="))?;
            let name = request.name.clone().unwrap_or_default();
            let to = lock(&shared.ports).get(&(request.namespace.clone(), name, port)).copied();
            forward::upgrade(parts, port, to, stop)
        }
        (verb, _) => Err(Refused::new(405, format!("the double does not {verb} {}", request.resource()))),
    }
}

fn unknown(path: &str) -> Refused {
    Refused::new(404, format!("the server could not find the requested resource ({path})"))
}

async fn fault(shared: &Shared, request: Option<&Request>) -> Result<(), Refused> {
    let plural = request.map(|request| request.plural.as_str()).unwrap_or_default();
    let Some(fault) = shared.faults().meet(plural) else { return Ok(()) };
    let resumes = request.is_some_and(|request| request.flag("watch") || !request.get("continue").is_empty());
    match fault {
        Fault::Unavailable => Err(Refused::new(503, "the server is currently unable to handle the request")),
        Fault::Busy(seconds) => Err(Refused::busy(seconds)),
        Fault::Forbidden => Err(Refused::new(403, format!("{plural} is forbidden"))),
        Fault::Gone if resumes => Err(Refused::new(410, "too old resource version")),
        Fault::Gone => Ok(()),
        Fault::Slow(time) => {
            tokio::time::sleep(time).await;
            Ok(())
        }
    }
}

fn note(shared: &Shared, parts: &Parts) {
    let mut seen = shared.seen();
    if seen.len() == SEEN {
        seen.drain(..SEEN / 2);
    }
    seen.push(Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        agent: text(&parts.headers, header::USER_AGENT).to_owned(),
    });
}
