//! Which addresses a registry may send us to.
//!
//! A registry may keep its blobs elsewhere and redirect there; big ones do. What comes from there is checked by
//! digest, so the content is not the danger: the request is. A redirect could make this host, which may be inside
//! someone's network, ask an address that only this host can reach. So a redirect to another host is followed only
//! to public addresses, unless its host is one that was named. With a proxy, names are resolved by the proxy, and it
//! is the proxy's to refuse.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves names to public addresses only.
#[derive(Debug)]
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One private address among public ones is refused as well: which of them is tried is not ours to say.
            if let Some(private) = found.iter().find(|address| !is_public(address.ip())) {
                return Err(format!("{PRIVATE} {}", private.ip()).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// How the refusal begins, which is how it is told from other failures to resolve.
pub(super) const PRIVATE: &str = "it resolves to the private address";

/// Whether anyone on the internet could reach the address.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

const fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    let shared = a == 100 && b & 0xc0 == 64;
    let benchmark = a == 198 && b & 0xfe == 18;
    !(a == 0
        || a >= 224
        || shared
        || benchmark
        || v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_documentation())
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    if let Some(v4) = v6.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let [first, second, ..] = v6.segments();
    // Translated and tunnelled addresses hold an IPv4 address.
    if first == 0x64 && second == 0xff9b || first == 0x2002 {
        let at = if first == 0x64 { 12 } else { 2 };
        let octets = v6.octets();
        return is_public_v4(Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]));
    }
    // Global unicast is 2000::/3; all else is local, reserved or multicast.
    first & 0xe000 == 0x2000 && !(first == 0x2001 && second == 0xdb8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_public_from_private() {
        for public in
            ["1.1.1.1", "172.15.0.1", "100.63.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::1",
        ];
        for private in private {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }
}
