//! Requests to a registry.
//!
//! oci-client follows redirects as its HTTP client likes and reads documents whole, whatever their size; so what is
//! read from a registry is read here: redirects one by one, each checked; bodies in pieces, each counted. The same
//! few lines serve manifests, blobs and tokens.
//!
//! Credentials go to the registry (scheme, host and port) and to the token server it names, never along a redirect
//! to another.

use oci_client::secrets::RegistryAuth;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE,
};
use reqwest::{Client, ClientBuilder, Method, Response, StatusCode, Url, redirect};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use super::address::{PRIVATE, PublicOnly, is_public};
use super::auth::{Action, Auth};
use super::error::request;
use super::{Options, Problem, Repository};

/// Redirects followed for one request.
const MAX_HOPS: usize = 5;
/// How much of an error's text is read, and shown.
const MAX_MESSAGE: usize = 4096;
const SHOWN: usize = 300;

pub(super) struct Http {
    /// For registries and hosts that were named.
    direct: Lazy,
    /// For wherever a registry sends us: public addresses only.
    elsewhere: Lazy,
    options: Options,
    auth: Auth,
}

/// A client that is made when the first request wants it: making one reads all the certificates that the system trusts,
/// and most starts ask no registry.
type Lazy = OnceLock<Result<Client, String>>;

/// One request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// Path below `/v2/<repository>/`.
    pub(super) path: String,
    /// Media types, for a manifest.
    pub(super) accept: &'a str,
    /// A document to send, and its media type.
    pub(super) body: Option<(Vec<u8>, &'a str)>,
    pub(super) action: Action,
    /// For messages.
    pub(super) what: String,
}

impl Http {
    pub(super) fn new(options: Options) -> Self {
        Self { direct: OnceLock::new(), elsewhere: OnceLock::new(), options, auth: Auth::default() }
    }

    fn direct(&self) -> Result<&Client, Problem> {
        made(self.direct.get_or_init(|| build(self.builder())))
    }

    fn elsewhere(&self) -> Result<&Client, Problem> {
        made(self.elsewhere.get_or_init(|| build(self.builder().dns_resolver(Arc::new(PublicOnly)))))
    }

    fn builder(&self) -> ClientBuilder {
        Client::builder()
            .user_agent(concat!("gadgetry/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(self.options.connect_timeout)
            .read_timeout(self.options.read_timeout)
    }

    pub(super) const fn options(&self) -> &Options {
        &self.options
    }

    /// What is to be said of a registry's credentials when it refuses.
    pub(super) fn note(&self, registry: &str) -> String {
        self.auth.note(registry)
    }

    /// What was granted for a repository, in oci-client's words.
    pub(super) fn registry_auth(&self, repository: &Repository, action: Action) -> RegistryAuth {
        self.auth.granted(repository, action)
    }

    /// The scheme and host that serve a repository.
    pub(super) fn origin(&self, repository: &Repository) -> Result<Url, Problem> {
        let host = repository.serving_host();
        let scheme = if self.options.is_insecure(host) { "http" } else { "https" };
        let url = Url::parse(&format!("{scheme}://{host}/"));
        url.map_err(|e| Problem::Malformed {
            what: format!("the registry's name `{host}`"),
            reason: e.to_string(),
        })
    }

    /// Sends one request, with credentials when the registry asks for them, and follows where it sends us.
    /// Returns whatever answer is neither a redirect nor a call for credentials.
    pub(super) async fn send(&self, repository: &Repository, ask: &Ask<'_>) -> Result<Response, Problem> {
        let origin = self.origin(repository)?;
        let first = origin
            .join(&format!("/v2/{}/{}", repository.path, ask.path))
            .map_err(|e| Problem::Internal(e.to_string()))?;
        let mut authorized = self.auth.known(repository, ask.action);
        let response = self.follow(&origin, first.clone(), ask, authorized.as_ref()).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !same_origin(response.url(), &origin) {
            return Ok(response);
        }
        let challenge = response.headers().get(WWW_AUTHENTICATE).cloned();
        authorized = self.auth.answer(self, repository, ask.action, challenge.as_ref()).await?;
        if authorized.is_none() {
            return Ok(response);
        }
        self.follow(&origin, first, ask, authorized.as_ref()).await
    }

    async fn follow(
        &self,
        origin: &Url,
        first: Url,
        ask: &Ask<'_>,
        authorized: Option<&HeaderValue>,
    ) -> Result<Response, Problem> {
        let mut url = first;
        let mut client = self.direct()?;
        for _ in 0..=MAX_HOPS {
            let mut headers = HeaderMap::new();
            if let Some(authorized) = authorized.filter(|_| same_origin(&url, origin)) {
                headers.insert(AUTHORIZATION, authorized.clone());
            }
            let own = |text: &str| HeaderValue::from_str(text).map_err(|e| Problem::Internal(e.to_string()));
            if !ask.accept.is_empty() {
                headers.insert(ACCEPT, own(ask.accept)?);
            }
            let mut made = client.request(ask.method.clone(), url.clone());
            if let Some((body, media_type)) = &ask.body {
                headers.insert(CONTENT_TYPE, own(media_type)?);
                made = made.body(body.clone());
            }
            let sent = made.headers(headers).send().await;
            let response = sent.map_err(|e| self.failed(&e, origin, &url, &ask.what))?;
            if !response.status().is_redirection() || ask.method == Method::HEAD {
                return Ok(response);
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let target = location.and_then(|location| url.join(location).ok());
            let Some(target) = target else {
                return Err(refused(&url, "", "the redirect names no address that can be read".into()));
            };
            client = self.client_for(origin, &url, &target)?;
            url = target;
        }
        Err(refused(&url, "yet another place", format!("there were {MAX_HOPS} redirects already")))
    }

    /// Which client may ask `target`, to which `from` sends us; an error if none may.
    pub(super) fn client_for(&self, origin: &Url, from: &Url, target: &Url) -> Result<&Client, Problem> {
        let shown = without_query(target);
        let host = host_of(target);
        let named = self.options.is_insecure(&host);
        match target.scheme() {
            "https" => {}
            "http" if named => {}
            "http" => {
                let reason =
                    format!("it is plain HTTP; if that is meant, name the host: --insecure-registry {host}");
                return Err(refused(from, &shown, reason));
            }
            scheme => return Err(refused(from, &shown, format!("`{scheme}` is no way to reach a registry"))),
        }
        if same_origin(target, origin) || named {
            return self.direct();
        }
        match literal(target) {
            Some(address) if !is_public(address) => {
                let reason = format!(
                    "{address} is a private address of another host; if that is meant, name it: --insecure-registry {host}"
                );
                Err(refused(from, &shown, reason))
            }
            _ => self.elsewhere(),
        }
    }

    pub(super) fn failed(&self, error: &reqwest::Error, origin: &Url, url: &Url, what: &str) -> Problem {
        let host = host_of(url);
        match request(error, &host, what, self.options.read_timeout) {
            Problem::Connect { reason, .. } if reason.starts_with(PRIVATE) => {
                let reason = format!("{reason}; if that is meant, name it: --insecure-registry {host}");
                refused(origin, &without_query(url), reason)
            }
            problem => problem,
        }
    }

    /// An answer that is no success, as a problem.
    pub(super) async fn problem(
        &self,
        repository: &Repository,
        response: Response,
        ask: &Ask<'_>,
    ) -> Problem {
        let status = response.status().as_u16();
        let host = host_of(response.url());
        let registry = repository.serving_host().to_owned();
        let same = host == registry;
        let what = ask.what.clone();
        let message = message(response).await;
        match status {
            401 | 403 if same => {
                let note = self.auth.note(&registry) + &message;
                Problem::Denied { host: registry, status, note, action: ask.action.verb() }
            }
            404 => Problem::NotFound { host, what },
            429 | 500.. => Problem::Server { host, status, message },
            _ => Problem::Unexpected { host, status, what, message },
        }
    }

    /// Reads a body of at most `cap` bytes into memory. A length that is announced is believed only to refuse.
    pub(super) async fn bounded(
        &self,
        mut response: Response,
        cap: u64,
        what: &str,
    ) -> Result<Vec<u8>, Problem> {
        let too_large = |size| Problem::TooLarge { what: what.to_owned(), size, cap };
        if let Some(size) = response.content_length().filter(|size| *size > cap) {
            return Err(too_large(size));
        }
        let mut bytes = Vec::new();
        let url = response.url().clone();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failed(&e, &url, &url, what))? {
            let size = bytes.len() as u64 + chunk.len() as u64;
            if size > cap {
                return Err(too_large(size));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

fn build(builder: ClientBuilder) -> Result<Client, String> {
    builder.build().map_err(|error| error.to_string())
}

fn made(client: &Result<Client, String>) -> Result<&Client, Problem> {
    client.as_ref().map_err(|reason| Problem::Internal(format!("the HTTP client can't be made: {reason}")))
}

/// What a registry says about its refusal, cut to what can be shown.
async fn message(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_MESSAGE {
            break;
        }
    }
    #[derive(serde::Deserialize)]
    struct Errors {
        errors: Vec<Said>,
    }
    #[derive(serde::Deserialize)]
    struct Said {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let said = match serde_json::from_slice::<Errors>(&bytes) {
        Ok(Errors { errors }) => errors
            .into_iter()
            .map(|said| format!("{} {}", said.code, said.message))
            .collect::<Vec<_>>()
            .join("; "),
        Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
    };
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect();
    // What a server says is shown to people: nothing in it may steer their terminal.
    let said: String = said.chars().filter(|c| !c.is_control()).collect();
    if said.is_empty() { said } else { format!(": {said}") }
}

pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin()
}

/// Host, and port unless it is the scheme's own.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Neither can fail for a URL with a host; a URL without one has no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

fn refused(from: &Url, target: &str, reason: String) -> Problem {
    Problem::Redirect { host: host_of(from), target: target.to_owned(), reason }
}
