//! Addresses that are made to deceive or to carry data away.

/// The range of the address around `://` at `at`.
pub(crate) fn around(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let scheme = bytes[..at].iter().rev().take(12).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let ends = |byte: &&u8| {
        byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b')' | b']' | b'}' | b'|')
            || **byte >= 0x80
    };
    // An address within brackets is one of version 6.
    let after = at + 3;
    let bracket = if bytes.get(after) == Some(&b'[') {
        bytes[after..].iter().take(48).position(|byte| *byte == b']').map_or(0, |length| length + 1)
    } else {
        0
    };
    let mut end = after + bracket;
    end += bytes[end..].iter().take(4096).take_while(ends).count();
    // Not within a character.
    while end < bytes.len() && (0x80..0xc0).contains(&bytes[end]) {
        end -= 1;
    }
    while end > after && matches!(bytes[end - 1], b'.' | b',' | b';' | b':' | b'!' | b'?') {
        end -= 1;
    }
    (scheme > 0 && end > after).then_some((at - scheme, end))
}

/// Names under which anyone gets a domain, and many who do are up to no good.
const CHEAP: &[&str] = &[
    "zip", "mov", "tk", "ml", "ga", "cf", "gq", "top", "xyz", "click", "link", "work", "rest", "country",
    "kim", "loan", "men", "date", "racing", "review", "stream", "download", "cam", "icu", "buzz", "cyou",
    "sbs", "quest",
];
/// Words of pages that ask for a password.
const LURES: &[&str] = &[
    "login",
    "signin",
    "verify",
    "secure",
    "account",
    "update",
    "wallet",
    "bank",
    "paypal",
    "password",
    "confirm",
    "billing",
    "invoice",
    "support",
    "recover",
    "unlock",
    "auth",
    "credential",
    "free",
    "bonus",
    "airdrop",
];
/// Names that others pretend to be.
const BRANDS: &[&str] = &[
    "paypal",
    "google",
    "microsoft",
    "apple",
    "amazon",
    "facebook",
    "netflix",
    "github",
    "gitlab",
    "dropbox",
    "office365",
    "outlook",
    "icloud",
    "instagram",
    "whatsapp",
    "binance",
    "coinbase",
    "metamask",
    "openai",
    "anthropic",
    "slack",
    "docusign",
    "adobe",
    "dhl",
    "fedex",
    "usps",
    "chase",
    "wellsfargo",
    "hsbc",
    "santander",
];
/// Where anyone may have what is sent to them shown.
const CATCHERS: &[&str] = &[
    "webhook.site",
    "requestbin.com",
    "requestbin.net",
    "pipedream.net",
    "ngrok.io",
    "ngrok-free.app",
    "ngrok.app",
    "burpcollaborator.net",
    "oastify.com",
    "oast.fun",
    "oast.pro",
    "oast.live",
    "oast.site",
    "oast.me",
    "oast.online",
    "interact.sh",
    "interactsh.com",
    "dnslog.cn",
    "ceye.io",
    "beeceptor.com",
    "hookbin.com",
    "canarytokens.com",
    "requestcatcher.com",
    "trycloudflare.com",
    "serveo.net",
    "localhost.run",
    "transfer.sh",
    "termbin.com",
    "bashupload.com",
];
/// Schemes of addresses that a person is shown or a program fetches.
const SCHEMES: &[&str] = &["http", "https", "ftp", "hxxp", "hxxps", "ws", "wss"];
/// What would be carried away.
const LOOT: &[&str] = &[
    "secret",
    "token",
    "passw",
    "api_key",
    "apikey",
    "cookie",
    "session",
    "system_prompt",
    "prompt",
    "history",
    "conversation",
    "leak",
    "exfil",
    "stolen",
    "data",
    "ssn",
    "creds",
];

/// Whether an address is suspicious.
pub(crate) fn suspicious(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    if !SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) {
        return false;
    }
    let (authority, path) = match rest.find(['/', '?', '#', '\\']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|it| it.is_ascii_digit()))
        .map_or(host, |it| it.0);
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    // A user that looks like a host: what is before the sign is read, what is after it is fetched.
    if user.is_some_and(|user| user.split(':').next().is_some_and(|it| it.contains('.'))) {
        return true;
    }
    if name.is_empty() {
        return false;
    }
    if let Some(public) = address(&name) {
        return public;
    }
    disguised(&name) || caught(&name) || lure(&name) || carries(&name, path)
}

/// Whether a host that is a number is a public one; `None` if it is no number.
fn address(name: &str) -> Option<bool> {
    if let Ok(address) = name.parse::<std::net::Ipv4Addr>() {
        return Some(
            !(address.is_private()
                || address.is_loopback()
                || address.is_unspecified()
                || address.is_link_local() && name != "169.254.169.254"
                || address.is_documentation()),
        );
    }
    // `http://3232235777/`, `http://0x7f.1/`: no one writes so who has nothing to hide.
    let number = |part: &str| {
        part.strip_prefix("0x")
            .map_or(!part.is_empty() && part.bytes().all(|it| it.is_ascii_digit()), |hex| {
                !hex.is_empty() && hex.bytes().all(|it| it.is_ascii_hexdigit())
            })
    };
    name.split('.').all(number).then_some(name.len() > 6)
}

/// Letters of several scripts in one name, or a name in the encoding for other scripts whose letters look like Latin.
fn disguised(name: &str) -> bool {
    let labels = name.split('.');
    let mixed = |label: &str| {
        let latin = label.bytes().any(|byte| byte.is_ascii_alphabetic());
        let other = label.chars().any(|char| matches!(char, '\u{370}'..='\u{52f}'));
        latin && other
    };
    labels.clone().any(mixed)
        || labels.clone().any(|label| label.starts_with("xn--") && deceives(&label[4..]))
}

/// Whether a name in Punycode mixes Latin letters with few others: `pypal-4ve`, not a name in one other script.
fn deceives(label: &str) -> bool {
    label.rsplit_once('-').is_some_and(|(plain, coded)| plain.len() >= 3 && (1..=6).contains(&coded.len()))
        && BRANDS.iter().any(|brand| near(label.rsplit_once('-').map_or(label, |it| it.0), brand))
}

/// Whether a brand becomes the name by leaving out one or two letters.
fn near(name: &str, brand: &str) -> bool {
    let mut left = name.bytes().peekable();
    brand.bytes().for_each(|byte| {
        left.next_if_eq(&byte);
    });
    left.peek().is_none() && name.len() + 2 >= brand.len()
}

fn caught(name: &str) -> bool {
    CATCHERS
        .iter()
        .any(|catcher| name.strip_suffix(catcher).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// A brand or a lure in a name that is not the brand's.
fn lure(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    let Some((top, rest)) = labels.split_last() else { return false };
    let cheap = CHEAP.contains(top);
    let words = || rest.iter().flat_map(|label| label.split('-'));
    let lured = words().any(|word| LURES.contains(&word));
    let branded = words().any(|word| BRANDS.contains(&word));
    let registered = rest.last().copied().unwrap_or("");
    let of_brand = BRANDS.contains(&registered);
    // The brand stands before another domain: `paypal.com.login-check.net`.
    let before = rest.len() >= 3
        && !of_brand
        && rest[..rest.len() - 1]
            .windows(2)
            .any(|pair| BRANDS.contains(&pair[0]) && matches!(pair[1], "com" | "org" | "net"));
    before || (cheap && (lured || branded)) || (branded && lured && !of_brand && registered.contains('-'))
}

/// Data in the address: a hole for it, or a value made of what would be stolen.
fn carries(_name: &str, path: &str) -> bool {
    let Some((_, query)) = path.split_once('?') else { return false };
    query.split('&').any(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or(("", pair));
        let (key, value) = (key.to_ascii_lowercase(), value.to_ascii_lowercase());
        let hole = ["{{", "${", "<", "[", "{", "%7b"].iter().any(|it| value.starts_with(it));
        hole && LOOT.iter().any(|loot| key.contains(loot) || value.contains(loot))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (url, bad) in [
            ("http://203.0.114.9/a.sh", true),
            ("http://127.0.0.1:8080/", false),
            ("http://192.168.1.1/", false),
            ("http://169.254.169.254/latest/meta-data/", true),
            ("http://3627734798/x", true),
            ("https://www.google.com@evil.io/", true),
            ("https://user:pw@host.org/", false),
            ("https://pаypal.com/", true),
            ("https://xn--pypal-4ve.com/login", true),
            ("https://xn--mnchen-3ya.de/", false),
            ("https://paypal.com.account-check.net/", true),
            ("https://www.paypal.com/login", false),
            ("https://secure-login.xyz/", true),
            ("https://abc.ngrok.io/", true),
            ("https://evil.io/p?data={{conversation}}", true),
            ("https://docs.rs/serde/latest/serde/?search=data", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(suspicious(url), bad, "{url}");
        }
    }

    #[test]
    fn the_whole_address_is_found() {
        let text = "see (https://a.org/b?c=d#e). Or http://[::1]:80/x, or é://";
        let bytes = text.as_bytes();
        let found: Vec<_> = text
            .match_indices("://")
            .filter_map(|(at, _)| around(bytes, at))
            .map(|(s, e)| &text[s..e])
            .collect();
        assert_eq!(found, ["https://a.org/b?c=d#e", "http://[::1]:80/x"]);
    }
}
