//! How images are named.
//!
//! A full reference names its registry: `ghcr.io/me/mine:v1`, `localhost:5000/me/mine@sha256:...`. A short name has
//! no slash, `trace_open` or `trace_open:v2`, and means a built-in gadget of that name first, and otherwise an image
//! under [`DEFAULT_PREFIX`]. What lies between, `me/mine`, means Docker Hub elsewhere and is refused here: it is too
//! easy to get by accident, and a gadget runs as root.
//!
//! A digest pin is never dropped.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

/// What stands before a short name that is no built-in.
pub const DEFAULT_PREFIX: &str = "ghcr.io/gadgetry/gadget/";
/// The tag of a reference that names neither tag nor digest.
pub const DEFAULT_TAG: &str = "latest";

/// The longest registry and repository that registries take.
const MAX_NAME: usize = 255;

/// A reference to an image, in full.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
    short: bool,
}

/// A text that names no image.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{found}` names no image: {reason}")]
pub struct ReferenceError {
    /// The text, fit to be shown.
    pub found: String,
    /// What is wrong, and what to write instead.
    pub reason: String,
}

impl Reference {
    /// The registry's host, and port if it has one: `localhost:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository in the registry: `me/mine`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Registry and repository: what a policy's rules speak of.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest it is pinned to.
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The name of the built-in gadget that is meant if there is one: of a short name without another tag than
    /// `latest`. A digest pin still holds.
    pub fn built_in(&self) -> Option<&str> {
        if !self.short || self.tag.as_deref().is_some_and(|tag| tag != DEFAULT_TAG) {
            return None;
        }
        self.repository.rsplit('/').next()
    }

    /// The same image, pinned.
    #[must_use]
    pub fn pinned(&self, digest: &Digest) -> Self {
        Self { digest: Some(*digest), ..self.clone() }
    }

    /// As the registry client takes it.
    pub fn to_oci(&self) -> oci_client::Reference {
        let (registry, repository) = (self.registry.clone(), self.repository.clone());
        match (self.tag.clone(), self.digest) {
            (Some(tag), Some(digest)) => {
                oci_client::Reference::with_tag_and_digest(registry, repository, tag, digest.to_string())
            }
            (None, Some(digest)) => {
                oci_client::Reference::with_digest(registry, repository, digest.to_string())
            }
            (tag, None) => oci_client::Reference::with_tag(
                registry,
                repository,
                tag.unwrap_or_else(|| DEFAULT_TAG.into()),
            ),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        parse(text).map_err(|reason| ReferenceError {
            found: text.chars().take(300).flat_map(char::escape_debug).collect(),
            reason,
        })
    }
}

fn parse(text: &str) -> Result<Reference, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.contains("://") {
        return Err("it is a URL; write it without the scheme, like localhost:5000/me/mine:v1".into());
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.parse::<Digest>().map_err(|e| e.to_string())?)),
        None => (text, None),
    };
    // The last colon begins a tag, unless a slash follows: then it began a port.
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if let Some(tag) = tag {
        check_tag(tag)?;
    }
    let short = !name.contains('/');
    let full = if short { format!("{DEFAULT_PREFIX}{name}") } else { name.to_owned() };
    let (registry, repository) = full.split_once('/').unwrap_or((&full, ""));
    if !(registry == "localhost" || registry.contains(['.', ':'])) {
        return Err(format!(
            "it names no registry; write one before it, like docker.io/{name}, or a short name without a slash"
        ));
    }
    check_registry(registry)?;
    check_repository(repository)?;
    if full.len() > MAX_NAME {
        return Err(format!("registry and repository have {} bytes; at most {MAX_NAME}", full.len()));
    }
    Ok(Reference {
        registry: registry.to_owned(),
        repository: repository.to_owned(),
        tag: tag.map(str::to_owned).or_else(|| digest.is_none().then(|| DEFAULT_TAG.to_owned())),
        digest,
        short,
    })
}

fn check_tag(tag: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if tag.is_empty() {
        Err("its tag is empty; leave out the colon, or write a tag after it".into())
    } else if tag.len() > 128 {
        Err(format!("its tag has {} characters; at most 128", tag.len()))
    } else if !tag.chars().all(fits) || tag.starts_with(['.', '-']) {
        Err("its tag may have letters, digits, `_`, `.` and `-`, and must begin with a letter, a digit or `_`".into())
    } else {
        Ok(())
    }
}

fn check_registry(registry: &str) -> Result<(), String> {
    let (host, port) = match registry.rsplit_once(':') {
        // A colon within brackets is part of an address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return Err(format!("the port of `{registry}` is no number from 1 to 65535"));
    }
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let ok = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            !label.is_empty()
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        }),
    };
    if ok { Ok(()) } else { Err(format!("`{registry}` is no host name")) }
}

fn check_repository(repository: &str) -> Result<(), String> {
    if repository.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(format!("`{repository}` has capital letters; repositories are lower case"));
    }
    for part in repository.split('/') {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let separators = part.split(plain).filter(|between| !between.is_empty());
        let ok = part.starts_with(plain)
            && part.ends_with(plain)
            && separators
                .into_iter()
                .all(|it| it == "." || it == "_" || it == "__" || it.chars().all(|c| c == '-'));
        if part.is_empty() {
            return Err(format!("`{repository}` has an empty part"));
        }
        if !ok {
            return Err(format!(
                "`{part}` may have lower-case letters and digits, with single `.`, `_`, `__` or `-` between them"
            ));
        }
    }
    Ok(())
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn names_are_completed_and_pins_kept() {
        let cases = [
            ("trace_open", "ghcr.io/gadgetry/gadget/trace_open:latest", Some("trace_open")),
            ("trace_open:latest", "ghcr.io/gadgetry/gadget/trace_open:latest", Some("trace_open")),
            ("trace_open:v2", "ghcr.io/gadgetry/gadget/trace_open:v2", None),
            (
                &format!("trace_open@{PIN}"),
                &format!("ghcr.io/gadgetry/gadget/trace_open@{PIN}"),
                Some("trace_open"),
            ),
            ("localhost:5000/me/mine:v1", "localhost:5000/me/mine:v1", None),
            ("localhost/mine", "localhost/mine:latest", None),
            ("[::1]:5000/me/mine:v1", "[::1]:5000/me/mine:v1", None),
            (&format!("example.org/a/b-c__d:1.0@{PIN}"), &format!("example.org/a/b-c__d:1.0@{PIN}"), None),
        ];
        for (text, full, built_in) in cases {
            let reference: Reference = text.parse().unwrap();
            assert_eq!((reference.to_string().as_str(), reference.built_in()), (full, built_in), "{text}");
            assert_eq!(reference.to_oci().whole(), full, "{text}");
            assert_eq!(full.parse::<Reference>().unwrap().to_string(), full);
            assert!(oci_client::Reference::try_from(full).is_ok() || text.starts_with('['), "{full}");
        }
        let pinned = "a.b/c:v1".parse::<Reference>().unwrap().pinned(&PIN.parse().unwrap());
        assert_eq!(pinned.to_string(), format!("a.b/c:v1@{PIN}"));
        assert_eq!(pinned.name(), "a.b/c");
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let cases = [
            ("", "it is empty"),
            ("me/mine", "names no registry; write one before it, like docker.io/me/mine"),
            ("https://ghcr.io/me/mine", "without the scheme"),
            ("ghcr.io/Me/mine", "capital letters"),
            ("Trace_Open", "capital letters"),
            ("trace open", "`trace open` may have"),
            ("ghcr.io/me//mine", "empty part"),
            ("ghcr.io/", "empty part"),
            ("ghcr.io/../etc", "`..` may have"),
            ("ghcr.io/a_-b", "`a_-b` may have"),
            ("localhost:0/x", "no number from 1 to 65535"),
            ("localhost:70000/x", "no number from 1 to 65535"),
            ("exa mple.org/x", "no host name"),
            ("trace_open:", "its tag is empty"),
            ("trace_open:-x", "must begin with"),
            ("trace_open@sha256:00", "64 digits"),
            ("trace_open@md5:00", "only sha256"),
            (&format!("a.b/{}", "x".repeat(300)), "at most 255"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Reference>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
