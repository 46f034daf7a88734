//! Answering a registry that asks who we are: basic credentials as they are, or a token from the token server that
//! the registry names, fetched with the credentials or, for public images, without.
//!
//! What was granted is kept for as long as the [`super::Remote`] lives, by registry, repository and action; a token
//! that has expired is refused by the registry, and then a new one is fetched.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use oci_client::secrets::RegistryAuth;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::credentials::{self, Credential, Found};
use super::http::{Http, host_of};
use super::{Problem, Repository};

/// The longest answer of a token server that is read.
const MAX_TOKEN: u64 = 64 << 10;

/// What is to be done with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Pull,
    Push,
}

impl Action {
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }

    const fn scope(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }
}

/// What is known of who we are.
#[derive(Default)]
pub(super) struct Auth {
    granted: Mutex<HashMap<(String, String, Action), HeaderValue>>,
    /// By registry: what to say about its credentials when it refuses.
    notes: Mutex<HashMap<String, String>>,
}

/// What a registry asks for.
#[derive(Debug, PartialEq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Auth {
    /// What was granted before.
    pub(super) fn known(&self, repository: &Repository, action: Action) -> Option<HeaderValue> {
        lock(&self.granted).get(&key(repository, action)).cloned()
    }

    /// What was granted before, in oci-client's words. It asks nobody for a token when it is given one.
    pub(super) fn granted(&self, repository: &Repository, action: Action) -> RegistryAuth {
        let header = self.known(repository, action);
        let text = header.as_ref().and_then(|header| header.to_str().ok()).unwrap_or_default();
        if let Some(token) = text.strip_prefix("Bearer ") {
            return RegistryAuth::Bearer(token.to_owned());
        }
        let pair = text.strip_prefix("Basic ").and_then(|pair| BASE64_STANDARD.decode(pair).ok());
        let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
        match pair.as_deref().and_then(|pair| pair.split_once(':')) {
            Some((user, secret)) => RegistryAuth::Basic(user.to_owned(), secret.to_owned()),
            None => RegistryAuth::Anonymous,
        }
    }

    /// What to say about the registry's credentials when it refuses.
    pub(super) fn note(&self, registry: &str) -> String {
        lock(&self.notes).get(registry).cloned().unwrap_or_default()
    }

    /// Answers a challenge; `None` when there is nothing to answer with.
    pub(super) async fn answer(
        &self,
        http: &Http,
        repository: &Repository,
        action: Action,
        challenge: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, Problem> {
        let host = repository.serving_host().to_owned();
        let refused = lock(&self.granted).remove(&key(repository, action)).is_some();
        let Found { credential, note } = credentials::find(&host, http.options().auth_file.as_deref()).await;
        lock(&self.notes).insert(host.clone(), note);
        let header = match challenge.and_then(parse) {
            None => return Ok(None),
            Some(Challenge::Basic) => match credential {
                // The same credentials again would be refused again.
                Some(Credential::Password { user, secret }) if !refused => sensitive(&basic(&user, &secret))?,
                _ => return Ok(None),
            },
            Some(Challenge::Bearer { realm, service, scope }) => {
                let scope = scope
                    .filter(|_| action == Action::Pull)
                    .unwrap_or_else(|| format!("repository:{}:{}", repository.path, action.scope()));
                let asked = TokenRequest { realm: &realm, service: service.as_deref(), scope: &scope };
                let token = asked.fetch(http, repository, credential.as_ref()).await?;
                sensitive(&Zeroizing::new(format!("Bearer {}", *token)))?
            }
        };
        lock(&self.granted).insert(key(repository, action), header.clone());
        Ok(Some(header))
    }
}

struct TokenRequest<'a> {
    realm: &'a str,
    service: Option<&'a str>,
    scope: &'a str,
}

#[derive(Deserialize)]
struct Token {
    token: Option<Zeroizing<String>>,
    access_token: Option<Zeroizing<String>>,
}

impl TokenRequest<'_> {
    async fn fetch(
        &self,
        http: &Http,
        repository: &Repository,
        credential: Option<&Credential>,
    ) -> Result<Zeroizing<String>, Problem> {
        let registry = http.origin(repository)?;
        let mut url = Url::parse(self.realm).map_err(|e| Problem::Token {
            host: host_of(&registry),
            reason: format!(
                "it names the token server `{}`, which is no URL: {e}",
                self.realm.escape_debug()
            ),
        })?;
        let host = host_of(&url);
        // The same rules as for a redirect: no plain HTTP and no private address unless named.
        let client = http.client_for(&registry, &registry, &url)?;
        let sent = if let Some(Credential::Identity(token)) = credential {
            // An identity token is a refresh token, which is exchanged by POST.
            let mut form = Url::parse("http://form/").map_err(|e| Problem::Internal(e.to_string()))?;
            form.query_pairs_mut()
                .append_pair("grant_type", "refresh_token")
                .append_pair("client_id", "gadgetry")
                .append_pair("service", self.service.unwrap_or_default())
                .append_pair("scope", self.scope)
                .append_pair("refresh_token", token);
            let body = form.query().unwrap_or_default().to_owned();
            client.post(url.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
        } else {
            url.query_pairs_mut().append_pair("scope", self.scope);
            if let Some(service) = self.service {
                url.query_pairs_mut().append_pair("service", service);
            }
            let get = client.get(url.clone());
            match credential {
                Some(Credential::Password { user, secret }) => {
                    get.header(AUTHORIZATION, sensitive(&basic(user, secret))?)
                }
                _ => get,
            }
        };
        let what = "a token";
        let response = sent.send().await.map_err(|e| http.failed(&e, &registry, &url, what))?;
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let registry = repository.serving_host().to_owned();
            let note = http.note(&registry);
            return Err(Problem::Denied { host: registry, status: status.as_u16(), note, action: "use" });
        }
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(Problem::Server { host, status: status.as_u16(), message: String::new() });
        }
        if status != StatusCode::OK {
            return Err(Problem::Token { host, reason: format!("it answered {status}") });
        }
        let body = Zeroizing::new(http.bounded(response, MAX_TOKEN, what).await?);
        let Token { token, access_token } = serde_json::from_slice(&body)
            .map_err(|_| Problem::Token { host: host.clone(), reason: "its answer holds none".into() })?;
        token
            .or(access_token)
            .filter(|token| !token.is_empty())
            .ok_or_else(|| Problem::Token { host, reason: "its answer holds none".into() })
    }
}

fn parse(header: &HeaderValue) -> Option<Challenge> {
    let challenges = http_auth::parse_challenges(header.to_str().ok()?).ok()?;
    let mut basic = None;
    for challenge in challenges {
        if challenge.scheme.eq_ignore_ascii_case("basic") {
            basic = Some(Challenge::Basic);
        }
        if challenge.scheme.eq_ignore_ascii_case("bearer") {
            let param = |name: &str| {
                let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped()).filter(|value| !value.is_empty())
            };
            if let Some(realm) = param("realm") {
                return Some(Challenge::Bearer { realm, service: param("service"), scope: param("scope") });
            }
        }
    }
    basic
}

fn basic(user: &str, secret: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{secret}"));
    Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())))
}

/// A header that the HTTP client never prints.
fn sensitive(text: &str) -> Result<HeaderValue, Problem> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Problem::Internal("the credentials have characters that no header can carry".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn key(repository: &Repository, action: Action) -> (String, String, Action) {
    (repository.host.clone(), repository.path.clone(), action)
}

/// Nothing that holds these locks can leave them half changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_challenges() {
        let bearer = |service: Option<&str>, scope: Option<&str>| {
            Some(Challenge::Bearer {
                realm: "https://auth.example/token".into(),
                service: service.map(Into::into),
                scope: scope.map(Into::into),
            })
        };
        let cases = [
            (r#"Basic realm="x""#, Some(Challenge::Basic)),
            (r#"Bearer realm="https://auth.example/token""#, bearer(None, None)),
            (
                r#"bearer realm="https://auth.example/token",service="r",scope="repository:a/b:pull,push""#,
                bearer(Some("r"), Some("repository:a/b:pull,push")),
            ),
            (r#"Basic realm="x", Bearer realm="https://auth.example/token""#, bearer(None, None)),
            ("Bearer", None),
            ("Negotiate", None),
            ("", None),
        ];
        for (header, wanted) in cases {
            assert_eq!(parse(&HeaderValue::from_static(header)), wanted, "{header}");
        }
    }

    #[test]
    fn credentials_are_not_printed() {
        let header = sensitive(&basic("user", "secret")).unwrap();
        assert_eq!(header, "Basic dXNlcjpzZWNyZXQ=");
        assert_eq!(format!("{header:?}"), "Sensitive");
    }
}
