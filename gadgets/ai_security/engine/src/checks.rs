//! What a match must be besides: check digits, check sums, the look of chance.

use crate::encoding;
use crate::tables::Check;

/// How a match fared: left out, less sure than its rule says, or confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    No,
    Doubtful,
    Yes,
}

impl From<bool> for Verdict {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Checks what was found.
pub(crate) fn check(check: Check, found: &[u8]) -> Verdict {
    match check {
        Check::None => Verdict::Yes,
        Check::Aba => aba(&digits(found)).into(),
        Check::Base62Crc => base62_crc(found),
        Check::Connection => connection(found).into(),
        Check::DeTaxId => de_tax_id(&digits(found)).into(),
        Check::EsNif => es_nif(found).into(),
        Check::FrNir => fr_nir(found).into(),
        Check::ItCodice => it_codice(found).into(),
        Check::Jwt => jwt(found).into(),
        Check::Nhs => nhs(&digits(found)).into(),
        Check::Nino => nino(found).into(),
        Check::Random => (!placeholder(found)).into(),
        Check::SecretValue => secret_value(found).into(),
        Check::Ssn => ssn(&digits(found)).into(),
    }
}

/// Bits a character, by how often each occurs.
pub(crate) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let length = bytes.len() as f32;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let share = *count as f32 / length;
            -share * share.log2()
        })
        .sum()
}

/// Words that stand where a secret would.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "your",
    "xxxx",
    "0000000",
    "1234567",
    "abcdefg",
    "secret",
    "password",
    "passwd",
    "redacted",
    "dummy",
    "insert",
    "replace",
    "sample",
    "foobar",
    "<",
    ">",
    "...",
    "****",
    "${",
    "{{",
    "$(",
    "%s",
    "aaaaaa",
    "deadbeef",
    "notreal",
    "not_real",
    "fake",
    "todo",
    "mytoken",
    "test_",
];

/// Whether it is what documents and tests write instead of a secret.
pub(crate) fn placeholder(found: &[u8]) -> bool {
    let text = String::from_utf8_lossy(found).to_ascii_lowercase();
    // What a token begins with may be such a word itself: `sk_test_`.
    let body = text.rsplit_once('_').map_or(text.as_str(), |(_, body)| body);
    let body = if body.len() * 2 < text.len() { text.as_str() } else { body };
    PLACEHOLDERS.iter().any(|word| body.contains(word)) || longest_row(body.as_bytes()) >= 6
}

/// The longest row of characters that follow each other, or are the same: `abcdef`, `111111`.
fn longest_row(bytes: &[u8]) -> usize {
    let (mut longest, mut length, mut step) = (1, 1, 0);
    for pair in bytes.windows(2) {
        let next = i16::from(pair[1]) - i16::from(pair[0]);
        length = match next {
            -1..=1 if next == step && length > 1 => length + 1,
            -1..=1 => 2,
            _ => 1,
        };
        step = next;
        longest = longest.max(length);
    }
    longest
}

/// Whether the value of something named a password or key is one that someone uses.
fn secret_value(found: &[u8]) -> bool {
    if placeholder(found) || found.len() < 8 {
        return false;
    }
    let has = |what: fn(&u8) -> bool| found.iter().any(what);
    let (digit, upper, lower) =
        (has(u8::is_ascii_digit), has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase));
    let sign = found.iter().any(|byte| b"!#%^&*+~?@$".contains(byte));
    // A name, a path or a call in source code.
    let code = found.iter().any(|byte| b"()[]{};,\\`|".contains(byte))
        || found.windows(2).any(|pair| pair == b"::" || pair == b"->" || pair == b"//" || pair == b"=>")
        || found[0] == b'$'
        || found[0] == b'@'
        || found[0] == b'&'
        || found[0] == b'*'
        || found[0] == b'/'
        || found[0] == b'.'
        || found[0] == b'%';
    let kinds = u8::from(digit) + u8::from(upper) + u8::from(lower) + u8::from(sign);
    !code && digit && (upper || lower) && kinds >= 2 && entropy(found) >= 2.8 && !dotted(found)
}

/// `module.name.other`: a name, not a value.
fn dotted(found: &[u8]) -> bool {
    let parts: Vec<_> = found.split(|byte| matches!(byte, b'.' | b'_' | b'-')).collect();
    parts.len() > 1
        && parts.iter().all(|part| {
            part.iter().all(u8::is_ascii_digit)
                || (part.iter().filter(|it| it.is_ascii_digit()).count() <= 2
                    && part.iter().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit()))
                || (part.iter().filter(|it| it.is_ascii_digit()).count() <= 2
                    && part.iter().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()))
        })
}

/// A password within an address: between the last `:` before `@` and it.
fn connection(found: &[u8]) -> bool {
    let text = String::from_utf8_lossy(found);
    let Some((_, rest)) = text.split_once("://") else { return false };
    let Some((user, _)) = rest.rsplit_once('@') else { return false };
    let Some((_, password)) = user.split_once(':') else { return false };
    let lower = password.to_ascii_lowercase();
    let word = [
        "password", "pass", "pwd", "user", "secret", "example", "test", "guest", "admin", "root", "postgres",
    ];
    password.len() >= 6
        && !word.contains(&lower.as_str())
        && !lower.contains("password")
        && !lower.contains("xxxx")
        && !password.contains(['<', '{', '$', '[', '*', '(', '%'])
        && entropy(password.as_bytes()) >= 2.2
}

pub(crate) fn digits(found: &[u8]) -> Vec<u8> {
    found.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect()
}

/// The check digit of cards.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
}

/// The remainder of a row of digits and letters (A is 10) by 97.
pub(crate) fn mod97(chars: impl Iterator<Item = u8>) -> u32 {
    chars.fold(0, |rest, char| match char {
        b'0'..=b'9' => (rest * 10 + u32::from(char - b'0')) % 97,
        b'A'..=b'Z' => (rest * 100 + u32::from(char - b'A') + 10) % 97,
        b'a'..=b'z' => (rest * 100 + u32::from(char - b'a') + 10) % 97,
        _ => rest,
    })
}

/// The routing number of a bank in the United States.
fn aba(digits: &[u8]) -> bool {
    let [a, b, c, d, e, f, g, h, i] = *digits else { return false };
    let prefix = u32::from(a) * 10 + u32::from(b);
    let sum = 3 * (u32::from(a) + u32::from(d) + u32::from(g))
        + 7 * (u32::from(b) + u32::from(e) + u32::from(h))
        + u32::from(c)
        + u32::from(f)
        + u32::from(i);
    sum > 0 && sum.is_multiple_of(10) && matches!(prefix, 0..=12 | 21..=32 | 61..=72 | 80)
}

/// A social security number of the United States.
fn ssn(digits: &[u8]) -> bool {
    let [a, b, c, d, e, rest @ ..] = digits else { return false };
    let area = u32::from(*a) * 100 + u32::from(*b) * 10 + u32::from(*c);
    // Published in advertisements, so no one's.
    let known: [&[u8]; 2] = [&[0, 7, 8, 0, 5, 1, 1, 2, 0], &[2, 1, 9, 0, 9, 9, 9, 9, 9]];
    rest.len() == 4
        && !matches!(area, 0 | 666 | 900..)
        && (*d, *e) != (0, 0)
        && rest.iter().any(|it| *it != 0)
        && !known.contains(&digits)
        && digits != [1, 2, 3, 4, 5, 6, 7, 8, 9]
}

/// The German tax identification number (ISO 7064 mod 11, 10).
fn de_tax_id(digits: &[u8]) -> bool {
    if digits.len() != 11 || digits[0] == 0 {
        return false;
    }
    let mut counts = [0; 10];
    digits[..10].iter().for_each(|digit| counts[usize::from(*digit)] += 1);
    // One digit occurs twice or thrice among the first ten.
    if counts.iter().filter(|count| **count > 1).count() != 1 || counts.iter().any(|count| *count > 3) {
        return false;
    }
    let mut product = 10_u32;
    for digit in &digits[..10] {
        let sum = match (u32::from(*digit) + product) % 10 {
            0 => 10,
            sum => sum,
        };
        product = 2 * sum % 11;
    }
    (11 - product) % 10 == u32::from(digits[10])
}

/// The Spanish tax number of citizens and of foreigners.
fn es_nif(found: &[u8]) -> bool {
    let text: Vec<u8> =
        found.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase).collect();
    let [first, middle @ .., letter] = text.as_slice() else { return false };
    let first = match first {
        b'X' => b'0',
        b'Y' => b'1',
        b'Z' => b'2',
        other => *other,
    };
    let number = std::iter::once(&first).chain(middle).try_fold(0_usize, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + usize::from(byte - b'0'))
    });
    text.len() == 9 && number.is_some_and(|number| b"TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == *letter)
}

/// The French social security number.
fn fr_nir(found: &[u8]) -> bool {
    let text: Vec<u8> = found.iter().filter(|byte| byte.is_ascii_alphanumeric()).copied().collect();
    let Ok(text) = String::from_utf8(text) else { return false };
    if text.len() != 15 {
        return false;
    }
    // Corsica's departments have letters.
    let number = text[..13].to_ascii_uppercase().replacen("2A", "19", 1).replacen("2B", "18", 1);
    match (number.parse::<u64>(), text[13..].parse::<u64>()) {
        (Ok(number), Ok(key)) => 97 - number % 97 == key,
        _ => false,
    }
}

/// The Italian tax code.
fn it_codice(found: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let text: Vec<u8> = found.iter().map(u8::to_ascii_uppercase).collect();
    if text.len() != 16 || !text.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let value = |byte: u8| u32::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' });
    let sum: u32 = text[..15]
        .iter()
        .enumerate()
        .map(|(place, byte)| if place % 2 == 0 { ODD[value(*byte) as usize] } else { value(*byte) })
        .sum();
    text[15].is_ascii_uppercase() && sum % 26 == value(text[15])
}

/// The number of the British health service.
fn nhs(digits: &[u8]) -> bool {
    if digits.len() != 10 || digits.iter().all(|digit| *digit == digits[0]) {
        return false;
    }
    let sum: u32 =
        digits[..9].iter().zip((2..=10).rev()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    (11 - sum % 11) % 11 == u32::from(digits[9])
}

/// The British national insurance number: which letters there are.
fn nino(found: &[u8]) -> bool {
    let text: Vec<u8> =
        found.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase).collect();
    let [first, second, .., last] = text.as_slice() else { return false };
    let none: [&[u8; 2]; 7] = [b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"];
    text.len() == 9
        && !b"DFIQUV".contains(first)
        && !b"DFIOQUV".contains(second)
        && !none.contains(&&[*first, *second])
        && (b'A'..=b'D').contains(last)
        && text[2..8] != *b"123456"
}

/// Tokens of GitHub and npm: the last six characters are the CRC-32 of the body in base 62.
fn base62_crc(found: &[u8]) -> Verdict {
    let Some(at) = found.iter().position(|byte| *byte == b'_') else { return Verdict::No };
    let body = &found[at + 1..];
    if placeholder(body) || body.len() < 7 {
        return Verdict::No;
    }
    let (random, sum) = body.split_at(body.len() - 6);
    if encoding::base62(encoding::crc32(random)) == sum {
        return Verdict::Yes;
    }
    // Newer kinds of token may be made otherwise: a doubt, if it looks made by chance.
    if entropy(body) >= 4.0 { Verdict::Doubtful } else { Verdict::No }
}

/// The header of a JSON Web Token is JSON that names an algorithm.
fn jwt(found: &[u8]) -> bool {
    let mut parts = found.split(|byte| *byte == b'.');
    let (Some(header), Some(payload)) = (parts.next(), parts.next()) else { return false };
    let json = |part: &[u8]| encoding::base64(part).filter(|it| it.first() == Some(&b'{'));
    let has_algorithm = |header: Vec<u8>| header.windows(5).any(|it| it == b"\"alg\"");
    json(header).is_some_and(has_algorithm) && json(payload).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        for (kind, good, bad) in [
            (Check::Aba, "021000021", "021000022"),
            (Check::DeTaxId, "86095742719", "86095742718"),
            (Check::EsNif, "12345678Z", "12345678A"),
            (Check::EsNif, "X1234567L", "X1234567M"),
            (Check::FrNir, "2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
            (Check::ItCodice, "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
            (Check::Nhs, "943 476 5919", "943 476 5918"),
            (Check::Nino, "AB 12 34 57 C", "QQ 12 34 56 C"),
            (Check::Ssn, "536-90-4399", "666-12-3456"),
            (Check::Jwt, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJhIjoiYiJ9.eyJzdWIiOiIxIn0.c2ln"),
            (Check::SecretValue, "hT7$kq02LmWz", "config.password"),
            (Check::Connection, "postgres://app:hT7kq02Lm@db/x", "postgres://user:password@db/x"),
        ] {
            assert_eq!(check(kind, good.as_bytes()), Verdict::Yes, "{kind:?} {good}");
            assert_eq!(check(kind, bad.as_bytes()), Verdict::No, "{kind:?} {bad}");
        }
        assert!(luhn(&digits(b"4111 1111 1111 1111")));
        assert!(!luhn(&digits(b"4111 1111 1111 1112")));
        assert!(!luhn(&digits(b"0000 0000 0000 0000")));
        assert_eq!(mod97(b"370400440532013000DE89".iter().copied()), 1);
    }

    #[test]
    fn chance_and_its_absence() {
        assert!(entropy(b"aaaaaaaa") < 0.1);
        assert!((entropy(b"abcdefgh") - 3.0).abs() < 0.01);
        for text in
            ["your-api-key-here", "sk-xxxxxxxxxxxxxxxx", "AKIAIOSFODNN7EXAMPLE", "1111111111111", "abcdef"]
        {
            assert!(placeholder(text.as_bytes()), "{text}");
        }
        assert!(!placeholder(b"sk_test_4eC39HqLyjWDarjtT1zdp7dc"));
    }
}
