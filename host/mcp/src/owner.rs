//! Who calls: what runs are bound to. A run's name is no proof of anything, so each request says anew who it is from.

use axum::http::request::Parts;
use rmcp::RoleServer;
use rmcp::service::RequestContext;

/// Whom a request has proved to be from; put beside an HTTP request by whatever checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal(pub(crate) &'static str);

/// Whoever started this process, or reaches it on the loopback without having to prove anything.
const LOCAL: &str = "local";

/// The caller of the request in `context`.
pub(crate) fn owner(context: &RequestContext<RoleServer>) -> &'static str {
    let principal = context.extensions.get::<Parts>().and_then(|it| it.extensions.get::<Principal>());
    principal.map_or(LOCAL, |it| it.0)
}
