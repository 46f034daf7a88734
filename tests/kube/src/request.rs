//! A request as its path, query and headers say: which kind, which object, what of it.

use std::collections::HashMap;

use axum::http::{HeaderMap, Method, header, request::Parts};
use bytes::Bytes;
use serde_json::Value;

use crate::status::Refused;

/// A request for objects.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    /// Empty for all, and for objects without one.
    pub(crate) namespace: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    pub(crate) metadata_only: bool,
    pub(crate) content_type: String,
    query: HashMap<String, String>,
    body: Bytes,
}

/// Parts of objects with paths of their own.
const SUBRESOURCES: [&str; 5] = ["status", "finalize", "token", "portforward", "scale"];

impl Request {
    /// Reads a request; `None` for one that is not for objects.
    pub(crate) fn read(parts: &Parts, body: Bytes) -> Option<Self> {
        let segments: Vec<&str> = parts.uri.path().split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, rest) = match &segments[..] {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", _, subresource] if SUBRESOURCES.contains(subresource) => ("", rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            _ => ("", rest),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (*plural, None, None),
            [plural, name] => (*plural, Some((*name).to_owned()), None),
            [plural, name, subresource] => {
                (*plural, Some((*name).to_owned()), Some((*subresource).to_owned()))
            }
            _ => return None,
        };
        let text = |name| text(&parts.headers, name);
        Some(Self {
            method: parts.method.clone(),
            group: group.into(),
            version: version.into(),
            plural: plural.into(),
            namespace: namespace.into(),
            name,
            subresource,
            metadata_only: text(header::ACCEPT).contains("as=PartialObjectMetadata"),
            content_type: text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_owned(),
            query: query(parts.uri.query().unwrap_or_default()),
            body,
        })
    }

    /// A parameter of the query; empty when it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Whether a parameter is there and not false.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(|value| value != "false" && value != "0")
    }

    /// Whether nothing is to be stored.
    pub(crate) fn dry_run(&self) -> bool {
        self.get("dryRun") == "All"
    }

    /// Whether it is of the status alone.
    pub(crate) fn status_only(&self) -> bool {
        self.subresource.as_deref() == Some("status")
    }

    /// The body.
    pub(crate) fn json(&self) -> Result<Value, Refused> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Refused::new(400, format!("the body is no JSON: {error}")))
    }

    /// What is done, in the words of authorisation.
    pub(crate) fn verb(&self) -> &'static str {
        match (self.method.as_str(), &self.name) {
            ("GET", None) if self.flag("watch") => "watch",
            ("GET", None) => "list",
            ("GET", Some(_)) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", None) => "deletecollection",
            ("DELETE", Some(_)) => "delete",
            _ => "unknown",
        }
    }

    /// What it is done to, in the words of authorisation: `pods/portforward`.
    pub(crate) fn resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.plural),
            None => self.plural.clone(),
        }
    }
}

/// A header as text; empty when it is not there.
pub(crate) fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn query(text: &str) -> HashMap<String, String> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let table = [
            ("/api/v1/pods?watch=true", "|v1|pods|||", "watch"),
            ("/api/v1/namespaces", "|v1|namespaces|||", "list"),
            ("/api/v1/namespaces/a", "|v1|namespaces||a|", "get"),
            ("/api/v1/namespaces/a/status", "|v1|namespaces||a|status", "get"),
            ("/api/v1/namespaces/a/pods/b/portforward?ports=1", "|v1|pods|a|b|portforward", "get"),
            ("/apis/apps/v1/namespaces/a/daemonsets/b", "apps|v1|daemonsets|a|b|", "get"),
        ];
        for (path, wanted, verb) in table {
            let (parts, ()) = axum::http::Request::get(path).body(()).unwrap().into_parts();
            let read = Request::read(&parts, Bytes::new()).unwrap();
            let (name, sub) = (read.name.as_deref().unwrap_or(""), read.subresource.as_deref().unwrap_or(""));
            let found = [&read.group, &read.version, &read.plural, &read.namespace, name, sub].join("|");
            assert_eq!((found.as_str(), read.verb()), (wanted, verb), "{path}");
        }
    }
}
