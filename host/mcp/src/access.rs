//! Who may do what: whoever runs the server says how a token is checked, and which namespaces its bearer may see. Without
//! that, whoever has the server's one token may see everything.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A check that asks somebody else.
pub type Checking<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whom a request has proved to be from.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The name that runs are bound to, and that stands in the log.
    pub name: Arc<str>,
    /// What the check of rights needs to know beside.
    pub detail: Arc<dyn Any + Send + Sync>,
    /// Whether it holds the server's own token, which gives every right.
    pub(crate) operator: bool,
}

impl Principal {
    /// A user.
    pub fn new(name: &str, detail: Arc<dyn Any + Send + Sync>) -> Self {
        Self { name: name.into(), detail, operator: false }
    }

    /// Whoever holds the server's own token.
    pub(crate) fn operator() -> Self {
        Self { operator: true, ..Self::new("token", Arc::new(())) }
    }
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is nobody's.
    Invalid(String),
    /// It could not be checked.
    Unchecked(String),
}

impl fmt::Debug for dyn Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access(..)")
    }
}

/// Checks tokens and rights.
pub trait Access: Send + Sync + 'static {
    /// Whose token this is.
    fn authenticate<'a>(&'a self, token: &'a str) -> Checking<'a, Result<Principal, Refusal>>;

    /// The namespaces that `who` may run gadgets in, of those `wanted`, or of all if none is named: `None` is all of them and
    /// the hosts too. An error says what `who` may not.
    fn authorize<'a>(
        &'a self,
        who: &'a Principal,
        wanted: &'a [String],
    ) -> Checking<'a, Result<Option<Arc<[String]>>, String>>;
}
