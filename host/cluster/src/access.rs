//! Who calls and what he may do: the cluster itself is asked, by reviews of his token and of his rights to `run`
//! `gadgets` in the namespaces that a call reaches.
//!
//! Whatever is not answered is denied. Answers are kept for a short while, yes for longer than no: a token that was
//! revoked works for half a minute more, one that has just been allowed is not turned away for long. Tokens are kept
//! as hashes under a key that only this process has, so neither memory nor the time of a comparison tells them.

mod cache;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Client;
use kube::api::PostParams;
use kube::core::Request;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::names::{AUDIENCE, GROUP, RESOURCE, VERB};
use crate::reason::reason;
use cache::Cache;

/// Reviews under way at once: who sends many wrong tokens waits, and the API server does not notice.
const AT_ONCE: usize = 16;

/// Answers kept of each kind.
const KEPT: usize = 4096;

/// Longer tokens are not asked about. Those of clusters have about a kilobyte.
const TOKEN: usize = 16 << 10;

/// What can be set.
#[derive(Clone, Debug)]
pub struct AccessOptions {
    /// A token must be made for one of these.
    pub audiences: Vec<String>,
    /// For how long a yes is kept.
    pub yes: Duration,
    /// For how long a no is kept.
    pub no: Duration,
    /// How long the API server may take.
    pub answer: Duration,
}

impl Default for AccessOptions {
    fn default() -> Self {
        Self {
            audiences: vec![AUDIENCE.to_owned()],
            yes: Duration::from_secs(30),
            no: Duration::from_secs(5),
            answer: Duration::from_secs(5),
        }
    }
}

/// Who calls, as the cluster knows him.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// His name: `alice`, `system:serviceaccount:shop:bot`.
    pub name: String,
    /// His uid, where there is one.
    pub uid: Option<String>,
    /// His groups.
    pub groups: Vec<String>,
    /// What else the authenticator said, which authorisers may look at.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Why a caller is turned away. Never says the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no token, or what there is can't be one.
    #[error("no token: send a Kubernetes token made for {audience:?} as `Authorization: Bearer TOKEN`")]
    NoToken {
        /// For whom it must be made.
        audience: String,
    },
    /// The cluster does not know the token, or not for this purpose.
    #[error(
        "the token is not valid ({reason}); make one by `kubectl create token ACCOUNT --audience={audience}`"
    )]
    Token {
        /// For whom it must be made.
        audience: String,
        /// What the cluster said.
        reason: String,
    },
    /// He may not do it.
    #[error("{who} may not {} {}.{} in {}{}", VERB, RESOURCE, GROUP, place(.namespace), why(.reason))]
    NotAllowed {
        /// Who.
        who: String,
        /// Where; `None` for all namespaces.
        namespace: Option<String>,
        /// What the cluster said; may be empty.
        reason: String,
    },
    /// The cluster did not answer, so he may not.
    #[error("nobody is let in while the API server can't be asked: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
}

fn place(namespace: &Option<String>) -> String {
    namespace.as_ref().map_or("all namespaces".to_owned(), |namespace| format!("the namespace {namespace:?}"))
}

fn why(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

type Digest = [u8; 32];
type Right = (Arc<Principal>, Option<String>);

/// Asks the cluster.
pub struct Access {
    client: Client,
    options: AccessOptions,
    key: hmac::Key,
    at_once: Semaphore,
    tokens: Mutex<Cache<Digest, Result<Arc<Principal>, Refused>>>,
    rights: Mutex<Cache<Right, Result<(), Refused>>>,
}

impl Access {
    /// Asks by `client`, which should send a request once: a caller waits for the answer.
    ///
    /// # Panics
    /// When the system has no random numbers.
    pub fn new(client: Client, options: AccessOptions) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).expect("random numbers");
        Self {
            client,
            options,
            key,
            at_once: Semaphore::new(AT_ONCE),
            tokens: Mutex::new(Cache::new(KEPT)),
            rights: Mutex::new(Cache::new(KEPT)),
        }
    }

    /// Whose a token is.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Principal>, Refused> {
        let token = token.trim();
        if token.is_empty() || token.len() > TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refused::NoToken { audience: self.audience() });
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(hmac::sign(&self.key, token.as_bytes()).as_ref());
        let known = || lock(&self.tokens).get(&digest, Instant::now()).cloned();
        if let Some(known) = known() {
            return known;
        }
        let _turn = self.at_once.acquire().await;
        // Who waited for his turn may have waited behind one with the same question.
        if let Some(known) = known() {
            return known;
        }
        let answer = self.review(token).await;
        if let Some(until) = self.until(answer.as_ref().err()) {
            lock(&self.tokens).put(digest, answer.clone(), until, Instant::now());
        }
        answer
    }

    /// Whether a caller may run gadgets that look into `namespace`, or into all of them.
    pub async fn may_run(&self, principal: &Arc<Principal>, namespace: Option<&str>) -> Result<(), Refused> {
        let right: Right = (principal.clone(), namespace.map(str::to_owned));
        let known = || lock(&self.rights).get(&right, Instant::now()).cloned();
        if let Some(known) = known() {
            return known;
        }
        let _turn = self.at_once.acquire().await;
        if let Some(known) = known() {
            return known;
        }
        let answer = self.review_right(principal, namespace).await;
        if let Some(until) = self.until(answer.as_ref().err()) {
            lock(&self.rights).put(right, answer.clone(), until, Instant::now());
        }
        answer
    }

    /// Until when an answer is kept; that there was none is not.
    fn until(&self, refused: Option<&Refused>) -> Option<Instant> {
        match refused {
            None => Some(Instant::now() + self.options.yes),
            Some(Refused::Unavailable { .. }) => None,
            Some(_) => Some(Instant::now() + self.options.no),
        }
    }

    fn audience(&self) -> String {
        self.options.audiences.join(" or ")
    }

    async fn review(&self, token: &str) -> Result<Arc<Principal>, Refused> {
        let spec =
            TokenReviewSpec { token: token.to_owned(), audiences: Some(self.options.audiences.clone()) };
        let review = TokenReview { spec, ..TokenReview::default() };
        let status = self.ask(&review).await?.status.unwrap_or_default();
        let refused = |reason: String| Err(Refused::Token { audience: self.audience(), reason });
        if status.authenticated != Some(true) {
            return refused(status.error.unwrap_or_else(|| "it is not known".to_owned()));
        }
        // An authenticator that knows nothing of audiences tells none: then the token is the API server's own, and who
        // takes it could be anybody to whom it was once sent.
        let audiences = status.audiences.unwrap_or_default();
        if !audiences.iter().any(|audience| self.options.audiences.contains(audience)) {
            return refused(match audiences.is_empty() {
                true => "it is for the API server itself".to_owned(),
                false => format!("it is for {}", audiences.join(", ")),
            });
        }
        let UserInfo { username, uid, groups, extra } = status.user.unwrap_or_default();
        match username.filter(|name| !name.is_empty()) {
            None => refused("it is nobody's".to_owned()),
            Some(name) => Ok(Arc::new(Principal {
                name,
                uid: uid.filter(|uid| !uid.is_empty()),
                groups: groups.unwrap_or_default(),
                extra: extra.unwrap_or_default(),
            })),
        }
    }

    async fn review_right(&self, principal: &Principal, namespace: Option<&str>) -> Result<(), Refused> {
        let attributes = ResourceAttributes {
            verb: Some(VERB.to_owned()),
            group: Some(GROUP.to_owned()),
            resource: Some(RESOURCE.to_owned()),
            // Left out it means all namespaces.
            namespace: namespace.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            user: Some(principal.name.clone()),
            uid: principal.uid.clone(),
            groups: Some(principal.groups.clone()),
            extra: (!principal.extra.is_empty()).then(|| principal.extra.clone()),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let status = self.ask(&review).await?.status.unwrap_or_default();
        if status.allowed && status.denied != Some(true) {
            return Ok(());
        }
        let said =
            [status.reason, status.evaluation_error].into_iter().flatten().filter(|text| !text.is_empty());
        Err(Refused::NotAllowed {
            who: principal.name.clone(),
            namespace: namespace.map(str::to_owned),
            reason: said.collect::<Vec<_>>().join("; "),
        })
    }

    /// Sends a review and gets it back with its status.
    async fn ask<K>(&self, review: &K) -> Result<K, Refused>
    where
        K: kube::Resource<DynamicType = ()> + Serialize + DeserializeOwned,
    {
        let unavailable = |reason| Refused::Unavailable { reason };
        let body = serde_json::to_vec(review).map_err(|error| unavailable(error.to_string()))?;
        let request = Request::new(K::url_path(&(), None)).create(&PostParams::default(), body);
        let request = request.map_err(|error| unavailable(error.to_string()))?;
        // As text: a client that is to read it itself logs what it can't read, and in that stands the token.
        let text = match timeout(self.options.answer, self.client.request_text(request)).await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => return Err(unavailable(reason(&error))),
            Err(_) => {
                return Err(unavailable(format!("no answer within {} s", self.options.answer.as_secs_f32())));
            }
        };
        serde_json::from_str(&text).map_err(|_| unavailable("its answer is no review".to_owned()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
