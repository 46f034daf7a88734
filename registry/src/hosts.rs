//! Hosts that a gadget may ask: patterns, as the gadget's permissions and the operator's grants write them, and the
//! endpoints that they are held against.
//!
//! | text | which |
//! |---|---|
//! | `api.example` | this host, over HTTPS, port 443 |
//! | `api.example:8443`, `https://api.example:8443` | the same on another port |
//! | `http://api.example:8080` | plain HTTP |
//! | `*.api.example` | hosts with exactly one label more |
//! | `config:NAME` | the scheme, host and port of the URL that the operator bound to this setting |
//!
//! Scheme and port are part of it, so that a grant for one service of a host is none for its others.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// What stands before the name of a setting.
const SETTING: &str = "config:";
/// Bytes of a pattern.
const LONGEST: usize = 300;

/// What a connection goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Whether it is HTTPS.
    pub https: bool,
    /// Name in small letters, or address; IPv6 in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// This endpoint.
    One(Endpoint),
    /// Those with one label before this endpoint's name.
    Below(Endpoint),
    /// That of the URL bound to this setting.
    Named(String),
}

impl Endpoint {
    /// The endpoint of a URL.
    pub fn of(url: &Url) -> Result<Self, String> {
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(format!("its scheme is `{}`, not https", other.escape_debug())),
        };
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) if !host.is_empty() => Ok(Self { https, host: host.to_owned(), port }),
            _ => Err("it names no host".to_owned()),
        }
    }

    /// The endpoint of a URL as text.
    pub fn of_text(url: &str) -> Result<Self, String> {
        Self::of(&Url::parse(url).map_err(|error| error.to_string())?)
    }

    /// The address, if it is no name.
    pub fn literal(&self) -> Option<IpAddr> {
        self.host.trim_matches(['[', ']']).parse().ok()
    }
}

impl Hosts {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = text.chars().take(LONGEST).collect::<String>().escape_debug().to_string();
        let wrong = |reason: &str| {
            Err(format!(
                "`{shown}` {reason}; expected `api.example`, `*.api.example:8443`, `http://api.example` or `config:NAME`"
            ))
        };
        if let Some(name) = text.strip_prefix(SETTING) {
            if !crate::descriptor::is_setting(name) {
                return wrong("names no setting");
            }
            return Ok(Self::Named(name.to_owned()));
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
            Some(_) => return wrong("has another scheme than http or https"),
            None => ("https", text),
        };
        let (below, rest) = rest.strip_prefix("*.").map_or((false, rest), |rest| (true, rest));
        let odd = |c: char| !c.is_alphanumeric() && !".-_:[]".contains(c);
        if text.len() > LONGEST || rest.is_empty() || rest.contains(odd) {
            return wrong("is no host");
        }
        let Ok(endpoint) = Endpoint::of_text(&format!("{scheme}://{rest}/")) else {
            return wrong("is no host");
        };
        if !below {
            return Ok(Self::One(endpoint));
        }
        if endpoint.literal().is_some() || !endpoint.host.contains('.') {
            return wrong("leaves too much open: name at least two labels after `*.`");
        }
        Ok(Self::Below(endpoint))
    }

    /// Whether `endpoint` is one of them. `bound`: what is bound to a setting.
    pub fn has(&self, endpoint: &Endpoint, bound: &dyn Fn(&str) -> Option<String>) -> bool {
        match self {
            Self::One(one) => one == endpoint,
            Self::Below(parent) => {
                let label =
                    endpoint.host.strip_suffix(parent.host.as_str()).and_then(|it| it.strip_suffix('.'));
                (parent.https, parent.port) == (endpoint.https, endpoint.port)
                    && label.is_some_and(|label| !label.is_empty() && !label.contains('.'))
            }
            Self::Named(name) => Self::named(name, bound).as_ref() == Some(endpoint),
        }
    }

    /// Whether all that `wanted` means is among these.
    pub fn cover(&self, wanted: &Self, bound: &dyn Fn(&str) -> Option<String>) -> bool {
        match wanted {
            Self::One(endpoint) => self.has(endpoint, bound),
            Self::Below(_) => self == wanted,
            Self::Named(name) => {
                // What is bound to nothing means no host.
                self == wanted || Self::named(name, bound).is_none_or(|endpoint| self.has(&endpoint, bound))
            }
        }
    }

    fn named(name: &str, bound: &dyn Fn(&str) -> Option<String>) -> Option<Endpoint> {
        bound(name).and_then(|url| Endpoint::of_text(&url).ok())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { https, host, port } = self;
        match (https, port) {
            (true, 443) => f.write_str(host),
            (true, port) => write!(f, "{host}:{port}"),
            (false, 80) => write!(f, "http://{host}"),
            (false, port) => write!(f, "http://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn patterns_match_scheme_host_and_port() {
        let cases = [
            ("api.example", "https://api.example/x?y", true),
            ("API.Example", "https://api.EXAMPLE:443/", true),
            ("api.example", "http://api.example/", false),
            ("api.example", "https://api.example:8443/", false),
            ("api.example", "https://api.example.evil.example/", false),
            ("api.example:8443", "https://api.example:8443/", true),
            ("http://127.0.0.1:80", "http://127.0.0.1/", true),
            ("http://[::1]:8080", "http://[::1]:8080/", true),
            // The same address in other digits.
            ("http://127.0.0.1", "http://0x7f.1/", true),
            ("*.api.example", "https://de.api.example/", true),
            ("*.api.example", "https://api.example/", false),
            ("*.api.example", "https://a.b.api.example/", false),
            ("*.api.example", "https://.api.example/", false),
            ("*.api.example", "https://evilapi.example/", false),
        ];
        for (pattern, url, has) in cases {
            let Ok(endpoint) = Endpoint::of_text(url) else {
                assert!(!has, "{url}");
                continue;
            };
            assert_eq!(Hosts::parse(pattern).unwrap().has(&endpoint, &nothing), has, "{pattern} {url}");
        }
    }

    #[test]
    fn a_setting_names_a_host() {
        let bound = |name: &str| (name == "URL").then(|| "http://127.0.0.1:5/base".to_owned());
        let named = Hosts::parse("config:URL").unwrap();
        assert!(named.has(&Endpoint::of_text("http://127.0.0.1:5/").unwrap(), &bound));
        assert!(!named.has(&Endpoint::of_text("http://127.0.0.1:6/").unwrap(), &bound));
        assert!(Hosts::parse("http://127.0.0.1:5").unwrap().cover(&named, &bound));
        assert!(!Hosts::parse("api.example").unwrap().cover(&named, &bound));
        assert!(Hosts::parse("api.example").unwrap().cover(&named, &nothing), "nothing is bound");
    }

    #[test]
    fn a_grant_covers_what_it_means() {
        let cases = [
            ("*.api.example", "de.api.example", true),
            ("*.api.example", "*.api.example", true),
            ("de.api.example", "*.api.example", false),
            ("api.example", "http://api.example", false),
            ("config:A", "config:B", true),
        ];
        for (grant, wanted, covers) in cases {
            let (grant, wanted) = (Hosts::parse(grant).unwrap(), Hosts::parse(wanted).unwrap());
            assert_eq!(grant.cover(&wanted, &nothing), covers, "{grant:?} {wanted:?}");
        }
    }

    #[test]
    fn what_leaves_too_much_open_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "*.example",
            "*.*.example.com",
            "a.*.example",
            "ftp://a.example",
            "a.example/path",
            "u@a.example",
            "config:",
            "config:a b",
            "https://",
            "a b.example",
            "*.10.0.0.1",
        ] {
            assert!(Hosts::parse(text).is_err(), "{text}");
        }
    }
}
