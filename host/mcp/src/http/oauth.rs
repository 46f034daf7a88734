//! What an OAuth resource server says of itself (RFC 9728), so that a client finds out who gives out tokens for it.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::json;

/// Where it says so; the resource's own path may follow.
pub(super) const PATH: &str = "/.well-known/oauth-protected-resource";
pub(super) const PATH_OF_RESOURCE: &str = "/.well-known/oauth-protected-resource/{*resource}";

/// The server as a resource, and who gives out tokens for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth {
    /// The address by which clients know this server: `https://gadgetry.example/mcp`.
    pub resource: String,
    /// The authorization server.
    pub issuer: String,
}

impl OAuth {
    /// The address of the document: [`PATH`] between the resource's host and its path (RFC 9728, section 3.1).
    pub(super) fn metadata(&self) -> String {
        let after_scheme = self.resource.find("://").map_or(0, |at| at + 3);
        let host =
            self.resource[after_scheme..].find('/').map_or(self.resource.len(), |at| after_scheme + at);
        let (host, path) = self.resource.split_at(host);
        format!("{host}{PATH}{}", path.trim_end_matches('/'))
    }

    /// The document.
    pub(super) fn document(&self) -> impl IntoResponse + use<> {
        let document = json!({
            "resource": self.resource,
            "authorization_servers": [self.issuer],
            "bearer_methods_supported": ["header"],
        });
        ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], document.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_beside_the_resource() {
        let oauth =
            |resource: &str| OAuth { resource: resource.into(), issuer: "https://issuer.example".into() };
        assert_eq!(oauth("https://a.example/mcp").metadata(), format!("https://a.example{PATH}/mcp"));
        assert_eq!(oauth("https://a.example/").metadata(), format!("https://a.example{PATH}"));
        assert_eq!(oauth("https://a.example").metadata(), format!("https://a.example{PATH}"));
    }
}
