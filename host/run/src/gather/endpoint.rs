//! Addresses in rows of several nodes, told by the pod or service that they are: only whoever knows all of the cluster can
//! tell, so it is done where the nodes' rows come together.

use std::net::IpAddr;
use std::sync::Arc;

use memchr::{memchr, memmem};

use crate::request::Allowed;

/// What an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `pod` or `service`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Knows what addresses are. Must not wait.
pub trait Endpoints: Send + Sync + 'static {
    /// What has this address now.
    fn find(&self, address: IpAddr) -> Option<Endpoint>;
}

/// The fields with an address, and those that tell what it is.
pub(crate) const FIELDS: [(&str, &str); 2] = [("src_addr", "src_endpoint"), ("dst_addr", "dst_endpoint")];

/// Tells what the addresses of rows are, as far as the caller may know.
#[derive(Clone)]
pub(super) struct Told {
    endpoints: Arc<dyn Endpoints>,
    allowed: Allowed,
    keys: [(memmem::Finder<'static>, &'static str); 2],
}

impl Told {
    pub(super) fn new(endpoints: Arc<dyn Endpoints>, allowed: Allowed) -> Self {
        let keys = FIELDS.map(|(address, endpoint)| {
            (memmem::Finder::new(&format!("\"{address}\":\"")).into_owned(), endpoint)
        });
        Self { endpoints, allowed, keys }
    }

    /// Adds what is known of the addresses in `row`, an object that `out` ends with but for its closing brace.
    pub(super) fn write(&self, row: &[u8], out: &mut Vec<u8>) {
        for (key, field) in &self.keys {
            let Some(at) = key.find(row) else { continue };
            let rest = &row[at + key.needle().len()..];
            let text = memchr(b'"', rest).and_then(|end| std::str::from_utf8(&rest[..end]).ok());
            let found = text.and_then(|it| it.parse().ok()).and_then(|address| self.endpoints.find(address));
            let Some(Endpoint { kind, namespace, name }) = found else { continue };
            if self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(&namespace)) {
                continue;
            }
            // Names of Kubernetes have no character that JSON would have to escape; others are left out.
            let plain =
                |text: &str| text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._:".contains(&it));
            if plain(&kind) && plain(&namespace) && plain(&name) {
                out.extend_from_slice(format!(",\"{field}\":\"{kind} {namespace}/{name}\"").as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;

    impl Endpoints for One {
        fn find(&self, address: IpAddr) -> Option<Endpoint> {
            (address == IpAddr::from([10, 0, 0, 1])).then(|| Endpoint {
                kind: "service".into(),
                namespace: "shop".into(),
                name: "web".into(),
            })
        }
    }

    #[test]
    fn known_addresses_that_may_be_known_are_told() {
        let row = br#"{"src_addr":"10.0.0.9","dst_addr":"10.0.0.1","dst_port":80"#;
        let tell = |allowed: Option<&str>| {
            let allowed = allowed.map(|it| vec![it.to_owned()].into());
            let mut out = Vec::new();
            Told::new(Arc::new(One), allowed).write(row, &mut out);
            String::from_utf8(out).unwrap()
        };
        let told = ",\"dst_endpoint\":\"service shop/web\"";
        assert_eq!(
            (tell(None).as_str(), tell(Some("shop")).as_str(), tell(Some("bank")).as_str()),
            (told, told, "")
        );
    }
}
