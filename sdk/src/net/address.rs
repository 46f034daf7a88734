//! Addresses as text.

use std::net::Ipv6Addr;

use gadget_abi::flow::AF_INET6;

use crate::{Schema, Value, json};

/// An IP address: in a row its text. IPv4 within IPv6 (`::ffff:10.0.0.1`) is told as IPv4, so that a filter finds the
/// clients of a server that listens to both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpAddr {
    /// IPv4.
    V4([u8; 4]),
    /// IPv6.
    V6([u8; 16]),
}

/// `port`, or `None` when it is zero: not set.
pub const fn port(port: u16) -> Option<u16> {
    if port == 0 { None } else { Some(port) }
}

impl IpAddr {
    /// Of 16 bytes, of which IPv4 uses the first four.
    #[inline]
    pub fn new(family: u16, bytes: [u8; 16]) -> Self {
        let [a, b, c, d, ..] = bytes;
        if family != AF_INET6 {
            return Self::V4([a, b, c, d]);
        }
        match bytes {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d] => Self::V4([a, b, c, d]),
            _ => Self::V6(bytes),
        }
    }

    /// Whether it is `0.0.0.0` or `::`, which stands for any address, or for none.
    pub fn is_unspecified(self) -> bool {
        matches!(self, Self::V4([0, 0, 0, 0])) || self == Self::V6([0; 16])
    }

    /// Itself, or `None` when it is not set.
    pub fn specified(self) -> Option<Self> {
        if self.is_unspecified() { None } else { Some(self) }
    }
}

impl From<std::net::IpAddr> for IpAddr {
    fn from(address: std::net::IpAddr) -> Self {
        match address {
            std::net::IpAddr::V4(address) => Self::V4(address.octets()),
            std::net::IpAddr::V6(address) => Self::V6(address.octets()),
        }
    }
}

impl Value for IpAddr {
    const WIDTH: u16 = 15;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::V4([a, b, c, d]) => {
                out.push(b'"');
                json::integer(out, *a);
                for part in [b, c, d] {
                    out.push(b'.');
                    json::integer(out, *part);
                }
                out.push(b'"');
            }
            Self::V6(bytes) => json::string(out, &Ipv6Addr::from(*bytes).to_string()),
        }
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

#[cfg(test)]
mod tests {
    use gadget_abi::flow::AF_INET;

    use super::*;

    fn v6(text: &str) -> [u8; 16] {
        text.parse::<Ipv6Addr>().unwrap().octets()
    }

    #[test]
    fn as_text() {
        let mut v4 = [0; 16];
        v4[..4].copy_from_slice(&[10, 0, 200, 1]);
        let cases = [
            (AF_INET, v4, "10.0.200.1"),
            (AF_INET, [0; 16], "0.0.0.0"),
            (AF_INET6, [0; 16], "::"),
            (AF_INET6, v6("2001:db8::1"), "2001:db8::1"),
            (AF_INET6, v6("::ffff:192.168.1.2"), "192.168.1.2"),
            (AF_INET6, v6("::1"), "::1"),
        ];
        for (family, bytes, text) in cases {
            let mut out = Vec::new();
            IpAddr::new(family, bytes).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{text}\""));
        }
        assert_eq!(IpAddr::new(AF_INET, [0; 16]).specified(), None);
        assert_eq!(IpAddr::new(AF_INET6, [0; 16]).specified(), None);
        assert_eq!(IpAddr::new(AF_INET6, v6("::1")).specified(), Some(IpAddr::V6(v6("::1"))));
        assert_eq!((port(0), port(53)), (None, Some(53)));
    }
}
