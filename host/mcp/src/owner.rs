//! Who calls: what runs are bound to. A run's name is no proof of anything, so each request says anew who it is from.

use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::RoleServer;
use rmcp::service::RequestContext;

use crate::access::Principal;

/// Whoever started this process, or reaches it on the loopback without having to prove anything.
const LOCAL: &str = "local";

/// The caller of the request in `context`, as whatever checked an HTTP request put it there.
pub(crate) fn principal(context: &RequestContext<RoleServer>) -> Option<&Principal> {
    context.extensions.get::<Parts>().and_then(|it| it.extensions.get::<Principal>())
}

/// Its name.
pub(crate) fn owner(context: &RequestContext<RoleServer>) -> Arc<str> {
    principal(context).map_or_else(|| LOCAL.into(), |it| it.name.clone())
}
