//! What evasion does to the characters of an attack, with the words left as they are.

use std::fmt::Write;

/// A disguise's name, and what it makes of a text.
pub type Disguise = (&'static str, fn(&str) -> String);

/// All of them.
pub const ALL: [Disguise; 16] = [
    ("zero width", |text| each(text, |char, out| out.extend([char, '\u{200b}']))),
    ("soft hyphens", |text| each(text, |char, out| out.extend([char, '\u{ad}']))),
    ("variation selectors", |text| each(text, |char, out| out.extend([char, '\u{fe0f}']))),
    ("tags between", |text| each(text, |char, out| out.extend([char, '\u{e0041}']))),
    ("combining marks", |text| each(text, |char, out| out.extend([char, '\u{336}']))),
    ("look-alikes", |text| each(text, |char, out| out.push(look_alike(char)))),
    ("full width", |text| each(text, |char, out| out.push(moved(char, '!', '~', 0xff01)))),
    ("mathematical letters", |text| each(text, |char, out| out.push(mathematical(char)))),
    ("digits for letters", |text| each(text, |char, out| out.push(leet(char)))),
    ("letters apart", |text| each(text, |char, out| out.extend([char, ' ']))),
    ("case", |text| {
        let mut upper = false;
        each(text, |char, out| {
            upper = !upper;
            out.push(if upper { char.to_ascii_uppercase() } else { char.to_ascii_lowercase() });
        })
    }),
    ("base64", |text| base64(text.as_bytes())),
    ("hexadecimal digits", |text| bytes(text, |byte, out| write!(out, "{byte:02x}"))),
    ("percent signs", |text| bytes(text, |byte, out| write!(out, "%{byte:02x}"))),
    ("tags", |text| each(text, |char, out| out.push(moved(char, ' ', '~', 0xe0020)))),
    ("thirteen letters on", |text| each(text, |char, out| out.push(rot13(char)))),
];

fn each(text: &str, mut put: impl FnMut(char, &mut String)) -> String {
    let mut out = String::with_capacity(4 * text.len());
    text.chars().for_each(|char| put(char, &mut out));
    out
}

fn bytes(text: &str, put: impl Fn(u8, &mut String) -> std::fmt::Result) -> String {
    let mut out = String::with_capacity(3 * text.len());
    // Writing to a string cannot fail.
    text.bytes().for_each(|byte| put(byte, &mut out).unwrap_or_default());
    out
}

fn moved(char: char, first: char, last: char, to: u32) -> char {
    if (first..=last).contains(&char) {
        char::from_u32(u32::from(char) - u32::from(first) + to).unwrap_or(char)
    } else {
        char
    }
}

fn mathematical(char: char) -> char {
    match char {
        'A'..='Z' => moved(char, 'A', 'Z', 0x1d400),
        _ => moved(char, 'a', 'z', 0x1d41a),
    }
}

fn look_alike(char: char) -> char {
    match char {
        'a' => 'а',
        'c' => 'с',
        'e' => 'е',
        'i' => 'і',
        'o' => 'о',
        'p' => 'р',
        's' => 'ѕ',
        'x' => 'х',
        'y' => 'у',
        'A' => 'А',
        'E' => 'Е',
        'I' => 'І',
        'O' => 'О',
        'S' => 'Ѕ',
        other => other,
    }
}

fn leet(char: char) -> char {
    match char.to_ascii_lowercase() {
        'a' => '4',
        'e' => '3',
        'i' => '1',
        'o' => '0',
        's' => '5',
        't' => '7',
        _ => char,
    }
}

fn rot13(char: char) -> char {
    match char.to_ascii_lowercase() {
        'a'..='m' => char::from(char as u8 + 13),
        'n'..='z' => char::from(char as u8 - 13),
        _ => char,
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let value =
            chunk.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            out.push(char::from(DIGITS[(value >> (18 - 6 * place) & 63) as usize]));
        }
        out.push_str(&"==="[..3 - chunk.len()]);
    }
    out
}
