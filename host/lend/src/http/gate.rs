//! Which requests of a gadget go out, and how.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gadget_registry::descriptor::Permissions;
use gadget_registry::hosts::Endpoint;
use gadget_registry::policy::Grants;
use gadget_registry::remote::is_public;
use gadgetry_guest::lent::http::{Error, Method as Asked, Request};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url, redirect};
use tokio::sync::Semaphore;

use super::limits::{BODY, CONNECT, HEADER_BYTES, HEADERS, IDLE, Rate, TOGETHER, URL};
use super::names::{Names, proxies};
use super::{Shared, tell};
use crate::settings::Settings;

/// Headers that are the host's to set, or that speak of the connection.
const OURS: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// One gadget's gate.
pub(crate) struct Gate {
    shared: Arc<Shared>,
    owner: String,
    permissions: Permissions,
    grants: Grants,
    settings: Arc<Settings>,
    /// Connects to public addresses only.
    public: OnceLock<Result<Client, String>>,
    /// Connects wherever a name leads.
    anywhere: OnceLock<Result<Client, String>>,
    pub(super) rate: Rate,
    pub(super) together: Semaphore,
}

/// A request that may go out.
pub(super) struct Admitted<'a> {
    pub(super) client: &'a Client,
    pub(super) endpoint: Endpoint,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Gate {
    pub(crate) fn new(
        shared: Arc<Shared>,
        owner: String,
        permissions: Permissions,
        grants: Grants,
        settings: Arc<Settings>,
    ) -> Self {
        let (public, anywhere) = Default::default();
        let (rate, together) = (Rate::new(), Semaphore::new(TOGETHER));
        Self { shared, owner, permissions, grants, settings, public, anywhere, rate, together }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Whether the request may go out.
    pub(super) fn admit(&self, request: Request) -> Result<Admitted<'_>, Error> {
        let Request { method, url, headers, body, .. } = request;
        if url.len() > URL {
            return Err(Error::Invalid(format!("the URL has {} bytes; at most {URL}", url.len())));
        }
        let parsed =
            Url::parse(&url).map_err(|error| Error::Invalid(format!("the URL can't be read: {error}")))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Error::Invalid("the URL has a user or password; send them in a header".to_owned()));
        }
        let endpoint = Endpoint::of(&parsed).map_err(|error| Error::Invalid(format!("the URL: {error}")))?;
        let client = self.client(&endpoint)?;
        if body.len() > BODY {
            return Err(Error::Invalid(format!("the body has {} bytes; at most {BODY}", body.len())));
        }
        Ok(Admitted {
            client,
            endpoint,
            method: method_of(method),
            url: parsed,
            headers: headers_of(headers)?,
            body: body.into(),
        })
    }

    /// The client for an endpoint that the gadget states, the operator grants, and whose address is no private one.
    fn client(&self, endpoint: &Endpoint) -> Result<&Client, Error> {
        let bound = |name: &str| self.settings.value(name).map(str::to_owned);
        let owner = &self.owner;
        if !self.permissions.asks(endpoint, &bound) {
            let text = format!("{endpoint} is not among the hosts that the gadget's permissions name");
            return Err(Error::Refused(text));
        }
        let private = self.grants.private_hosts().any(|hosts| hosts.has(endpoint, &bound));
        if !private && !self.grants.hosts().any(|hosts| hosts.has(endpoint, &bound)) {
            let text =
                format!("{endpoint} is not granted; the operator can, by --grant {owner}=http:{endpoint}");
            return Err(Error::Refused(text));
        }
        if let Some(address) = endpoint.literal().filter(|address| !private && !is_public(*address)) {
            return Err(self.private(endpoint, &format!("{address} is no public address")));
        }
        let made = if private { &self.anywhere } else { &self.public };
        let made = made.get_or_init(|| self.make(private).map_err(|error| tell::deepest(&error)));
        made.as_ref().map_err(|error| Error::Connection(format!("the host can't make requests: {error}")))
    }

    /// A refusal because of an address.
    pub(super) fn private(&self, endpoint: &Endpoint, reason: &str) -> Error {
        let owner = &self.owner;
        Error::Refused(format!(
            "{endpoint} may not be asked: {reason}; the operator can allow it, by --grant {owner}=http-private:{endpoint}"
        ))
    }

    fn make(&self, private: bool) -> Result<Client, reqwest::Error> {
        let names = Names { fixed: self.shared.names.clone(), private, proxies: proxies() };
        Client::builder()
            .user_agent(concat!("gadgetry/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .tls_certs_merge(self.shared.authorities.iter().cloned())
            .dns_resolver(Arc::new(names))
            .build()
    }
}

const fn method_of(method: Asked) -> Method {
    match method {
        Asked::Get => Method::GET,
        Asked::Head => Method::HEAD,
        Asked::Post => Method::POST,
        Asked::Put => Method::PUT,
        Asked::Patch => Method::PATCH,
        Asked::Delete => Method::DELETE,
    }
}

/// The texts name headers, and no value.
fn headers_of(headers: Vec<(String, String)>) -> Result<HeaderMap, Error> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > HEADERS || bytes > HEADER_BYTES {
        let text = format!(
            "there are {} headers of {bytes} bytes; at most {HEADERS} of {HEADER_BYTES}",
            headers.len()
        );
        return Err(Error::Invalid(text));
    }
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let shown = || tell::shown(&name);
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(Error::Invalid(format!("`{}` can't be a header's name", shown())));
        };
        if OURS.contains(&header.as_str()) || header.as_str().starts_with("proxy-") {
            return Err(Error::Invalid(format!("the header `{header}` is the host's to set")));
        }
        let Ok(mut value) = HeaderValue::from_str(&value) else {
            return Err(Error::Invalid(format!(
                "the value of the header `{header}` has bytes that no header may"
            )));
        };
        // Debug output of an HTTP library, too, leaves it out.
        value.set_sensitive(true);
        map.append(header, value);
    }
    Ok(map)
}
