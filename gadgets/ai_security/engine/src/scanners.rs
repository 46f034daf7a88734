//! What no pattern finds well: numbers with check digits, addresses. One pass over the bytes, which stops at those
//! that such a thing begins with or is known by.

use crate::checks::{digits, luhn, mod97};
use crate::scan::{Options, rule_of};
use crate::tables::{self, Rule, Scanner};
use crate::words::joins_before;
use crate::{normal, urls};

/// What is told of a thing found: its rule and where it is.
pub(crate) type Found<'f> = dyn FnMut(&'static Rule, usize, usize) + 'f;

/// Scans for all of them.
pub(crate) fn scan(text: &str, found: &mut Found<'_>) {
    let bytes = text.as_bytes();
    let mut told = |scanner, start, end| {
        if let Some(rule) = rule_of(scanner) {
            found(rule, start, end);
        }
    };
    // Up to where the bytes belong to what was found.
    let mut done = 0;
    let mut before = 0_u8;
    for (at, byte) in bytes.iter().enumerate() {
        let last = std::mem::replace(&mut before, *byte);
        if at < done {
            continue;
        }
        let end = match byte {
            b'0'..=b'9' if !last.is_ascii_alphanumeric() && !matches!(last, b'.' | b'_' | b'-' | b'+') => {
                if let Some(end) = card(bytes, at) {
                    told(Scanner::Card, at, end);
                    Some(end)
                } else if let Some(end) = ip(bytes, at) {
                    told(Scanner::Ip, at, end);
                    Some(end)
                } else if let Some(end) = national_phone(bytes, at) {
                    told(Scanner::Phone, at, end);
                    Some(end)
                } else {
                    // The rest of the number is no other.
                    Some(at + bytes[at..].iter().take_while(|it| it.is_ascii_digit()).count())
                }
            }
            b'(' => national_phone(bytes, at).inspect(|end| told(Scanner::Phone, at, *end)),
            b'+' if !last.is_ascii_alphanumeric() => {
                phone(bytes, at).inspect(|end| told(Scanner::Phone, at, *end))
            }
            b'A'..=b'Z' if !joins_before(bytes, at) => {
                iban(bytes, at).inspect(|end| told(Scanner::Iban, at, *end))
            }
            b'@' => email(bytes, at).map(|(start, end)| {
                told(Scanner::Email, start, end);
                end
            }),
            b':' if bytes[at..].starts_with(b"://") => urls::around(bytes, at).map(|(start, end)| {
                if urls::suspicious(&text[start..end]) {
                    told(Scanner::Url, start, end);
                }
                // Numbers and signs within it are its own.
                end
            }),
            _ => None,
        };
        if let Some(end) = end {
            done = end;
            before = bytes[end.min(bytes.len()).saturating_sub(1)];
        }
    }
}

/// The issuers of cards: the range of the first digits, how many digits those are, and how long the numbers.
const ISSUERS: &[(u32, u32, u32, &[usize])] = &[
    (4, 4, 1, &[13, 16, 19]),
    (51, 55, 2, &[16]),
    (2221, 2720, 4, &[16]),
    (34, 34, 2, &[15]),
    (37, 37, 2, &[15]),
    (6011, 6011, 4, &[16, 19]),
    (644, 649, 3, &[16, 19]),
    (65, 65, 2, &[16, 19]),
    (3528, 3589, 4, &[16, 19]),
    (300, 305, 3, &[14]),
    (36, 36, 2, &[14]),
    (38, 39, 2, &[14]),
    (62, 62, 2, &[16, 17, 18, 19]),
    (5018, 5018, 4, &[16]),
    (5020, 5020, 4, &[16]),
    (6304, 6304, 4, &[16]),
];

/// The number of a payment card: one separator throughout, groups as on cards, an issuer, the check digit.
fn card(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut end, mut separator, mut groups, mut group) = (at, None, Vec::new(), 0);
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'0'..=b'9' => group += 1,
            b' ' | b'-'
                if separator.is_none_or(|it| it == *byte)
                    && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) =>
            {
                separator = Some(*byte);
                groups.push(std::mem::take(&mut group));
            }
            _ => break,
        }
        end += 1;
        if end - at > 24 {
            return None;
        }
    }
    groups.push(group);
    let next = bytes.get(end);
    let fraction = next == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    let grouped =
        matches!(*groups, [_] | [4, 4, 4, 4] | [4, 6, 5] | [4, 6, 4] | [4, 4, 4, 4, 3] | [4, 4, 4, 1]);
    if !grouped || fraction || next.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
        return None;
    }
    let digits = digits(&bytes[at..end]);
    let issued = ISSUERS.iter().any(|(low, high, count, lengths)| {
        let prefix =
            digits.iter().take(*count as usize).fold(0, |prefix, digit| prefix * 10 + u32::from(*digit));
        (*low..=*high).contains(&prefix) && lengths.contains(&digits.len())
    });
    (issued && luhn(&digits)).then_some(end)
}

/// The countries with account numbers of this kind, and how long those are.
const IBANS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
];

/// The number of a bank account: its country's length, and the check sum.
fn iban(bytes: &[u8], at: usize) -> Option<usize> {
    let head = bytes.get(at..at + 4)?;
    if !head[2].is_ascii_digit() || !head[3].is_ascii_digit() {
        return None;
    }
    let (_, length) = IBANS.iter().find(|(country, _)| country[..] == head[..2])?;
    let (mut end, mut chars) = (at, Vec::with_capacity(*length));
    while chars.len() < *length {
        match bytes.get(end)? {
            byte if byte.is_ascii_alphanumeric() => chars.push(*byte),
            b' ' | b'-' if chars.len().is_multiple_of(4) => {}
            _ => return None,
        }
        end += 1;
    }
    let valid = mod97(chars[4..].iter().chain(&chars[..4]).copied()) == 1;
    (valid && !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric)).then_some(end)
}

/// An address of a person: around its `@`.
fn email(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let local = |byte: &&u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let start = at - bytes[..at].iter().rev().take(64).take_while(local).count();
    let start = start + bytes[start..at].iter().take_while(|byte| b".%+-".contains(byte)).count();
    let host = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'.' || **byte == b'-';
    let mut end = at + 1 + bytes[at + 1..].iter().take(253).take_while(host).count();
    while end > at && matches!(bytes[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let name = std::str::from_utf8(&bytes[at + 1..end]).ok()?.to_ascii_lowercase();
    let (domain, top) = name.rsplit_once('.')?;
    let real = start < at
        && !domain.is_empty()
        && (2..=24).contains(&top.len())
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        // Reserved for documents, and what names of files and of packages look like.
        && !["example", "test", "invalid", "local", "localhost", "png", "jpg", "service", "target", "js"].contains(&top)
        && !["example.com", "example.org", "example.net"].iter().any(|it| name == *it || name.ends_with(&format!(".{it}")))
        && domain.split('.').all(|label| !label.is_empty() && label.len() < 64);
    real.then_some((start, end))
}

/// A telephone number with its country: 8 to 15 digits after `+`.
fn phone(bytes: &[u8], at: usize) -> Option<usize> {
    let (count, end) = number(bytes, at + 1);
    let first = bytes.get(at + 1)?;
    let separated = bytes[at..end].iter().any(|byte| matches!(byte, b' ' | b'-' | b'.' | b'('));
    ((10..=15).contains(&count) && (b'1'..=b'9').contains(first) && (separated || count >= 10)).then_some(end)
}

/// A telephone number as it is written in North America: `(212) 555-0123`, `212-555-0123`.
fn national_phone(bytes: &[u8], at: usize) -> Option<usize> {
    let shapes = ["(ddd) ddd-dddd", "ddd-ddd-dddd", "ddd.ddd.dddd"];
    let fits = |shape: &&&str| {
        bytes.get(at..at + shape.len()).is_some_and(|text| {
            shape.bytes().zip(text).all(|(shape, byte)| match shape {
                b'd' => byte.is_ascii_digit(),
                sign => sign == *byte,
            })
        })
    };
    let end = at + shapes.iter().find(fits)?.len();
    let digits = digits(&bytes[at..end]);
    let next = bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        && bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
    // Area and exchange do not begin with 0 or 1.
    (digits[0] > 1 && digits[3] > 1 && !next).then_some(end)
}

/// Digits, with what is put between them; how many, and where they end.
fn number(bytes: &[u8], at: usize) -> (usize, usize) {
    let (mut count, mut end, mut now) = (0, at, at);
    while let Some(byte) = bytes.get(now) {
        match byte {
            b'0'..=b'9' => {
                count += 1;
                end = now + 1;
            }
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' if now - end < 2 => {}
            _ => break,
        }
        now += 1;
    }
    (count, end)
}

/// A public address of the Internet protocol, version 4.
fn ip(bytes: &[u8], at: usize) -> Option<usize> {
    let length =
        bytes[at..].iter().take(16).take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let text = std::str::from_utf8(&bytes[at..at + length]).ok()?.trim_end_matches('.');
    let end = at + text.len();
    let address: std::net::Ipv4Addr = text.parse().ok()?;
    let [a, b, c, _] = address.octets();
    let public = !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
        || (a, b, c) == (192, 0, 0));
    // Small numbers are a version.
    let version = address.octets().iter().all(|it| *it < 25);
    let next = bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    (public && !version && !next).then_some(end)
}

/// Whether no byte begins anything of a row's rules, in the text as it looks. One in which something is not shown is not
/// clean: who hides characters has a reason.
pub(crate) fn clean(text: &str) -> bool {
    if text.is_ascii() {
        return clean_bytes(text.as_bytes());
    }
    !normal::hides(text) && clean_bytes(normal::read(text).0.as_bytes())
}

fn clean_bytes(text: &[u8]) -> bool {
    let mut clean = true;
    tables::candidates(text, |automaton, _, at| {
        if clean && Options::in_rows(automaton.rule().category) {
            let mut budget = tables::Budget::new(text.len());
            clean = automaton.search(text, at, &mut budget).is_none();
        }
    });
    clean
}
