//! Where a control API is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a control API is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A socket on this machine.
    Unix(PathBuf),
    /// Over TLS: host and port.
    Tls(String),
}

/// Text that is no address.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no address of a control API: write it as `host:7443`, `[::1]:7443` or `unix:/run/gadgetry/agent.sock`"
)]
pub struct BadAddress(String);

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(BadAddress(text.to_owned())) };
        }
        let valid = text.rsplit_once(':').is_some_and(|(host, port)| {
            let v6 = host.starts_with('[') && host.ends_with(']');
            !host.is_empty() && (v6 || !host.contains([':', '/'])) && port.parse::<u16>().is_ok()
        });
        if valid { Ok(Self::Tls(text.to_owned())) } else { Err(BadAddress(text.to_owned())) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tls(address) => f.write_str(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in ["node-1:7443", "[::1]:7443", "10.0.0.1:1", "unix:/run/agent.sock"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("unix:///a".parse::<Address>().unwrap(), Address::Unix("/a".into()));
        for text in ["", "host", ":1", "::1:1", "unix:a", "http://a:1", "a:99999"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
