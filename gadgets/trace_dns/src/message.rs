//! Reading DNS messages (RFC 1035). They come from anyone on the network, so nothing in them is believed: every length
//! is checked, a compressed name may only point backwards, and what is cut or broken ends the reading with what was
//! read until then.

use gadget::net::IpAddr;

/// Most bytes of a name.
const NAME_MAX: usize = 255;
/// Most records of an answer that are looked at.
const RECORDS_MAX: u16 = 256;
const HEADER: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;

/// What a message says, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The number by which an answer finds its query.
    pub id: u16,
    /// Whether it is an answer.
    pub answer: bool,
    /// `RCODE`.
    pub rcode: u8,
    /// The answer did not fit: to be asked again over TCP.
    pub truncated: bool,
    /// The name asked for, without the last dot.
    pub name: String,
    /// `TYPE_*` asked for.
    pub kind: u16,
    /// How many records the answer has.
    pub answers: u16,
    /// The addresses among them.
    pub addresses: Vec<IpAddr>,
    /// Something was missing or broken: what is told is what came before it.
    pub malformed: bool,
}

impl Message {
    /// Reads a message; `None` when not even its header is there.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let mut message = Self {
            id: word(0),
            answer: header[2] & 0x80 != 0,
            truncated: header[2] & 0x02 != 0,
            rcode: header[3] & 0x0f,
            answers: word(6),
            ..Self::default()
        };
        message.malformed = message.body(bytes, word(4)).is_none();
        Some(message)
    }

    /// Questions and answers; `None` when one is broken.
    fn body(&mut self, bytes: &[u8], questions: u16) -> Option<()> {
        let mut at = HEADER;
        for index in 0..questions.min(RECORDS_MAX) {
            let (name, next) = name(bytes, at)?;
            if index == 0 {
                self.name = name;
                self.kind = word(bytes, next)?;
            }
            at = next.checked_add(4)?;
        }
        for _ in 0..self.answers.min(RECORDS_MAX) {
            let (_, next) = name(bytes, at)?;
            let kind = word(bytes, next)?;
            let data = next.checked_add(10)?;
            let len = usize::from(word(bytes, data - 2)?);
            at = data.checked_add(len)?;
            let data = bytes.get(data..at)?;
            match (kind, data.len()) {
                (TYPE_A, 4) => self.addresses.push(IpAddr::V4(data.try_into().ok()?)),
                (TYPE_AAAA, 16) => self.addresses.push(IpAddr::V6(data.try_into().ok()?)),
                _ => {}
            }
        }
        Some(())
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The name at `at`, and what comes after it. Bytes that are no letters are told as `\ddd`, as zone files do.
fn name(bytes: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut after = None;
    let mut len = 0;
    loop {
        let first = *bytes.get(at)?;
        match first >> 6 {
            0 if first == 0 => break,
            0 => {
                let label = bytes.get(at + 1..at + 1 + usize::from(first))?;
                len += label.len() + 1;
                if len > NAME_MAX {
                    return None;
                }
                if !text.is_empty() {
                    text.push('.');
                }
                label.iter().for_each(|byte| push(&mut text, *byte));
                at += 1 + label.len();
            }
            3 => {
                let target = usize::from(word(bytes, at)? & 0x3fff);
                after = after.or(Some(at + 2));
                // Backwards only, so that it ends.
                if target >= at {
                    return None;
                }
                at = target;
                // Labels of a pointer's target may lead to the pointer again; each round costs length.
                len += 1;
                if len > NAME_MAX {
                    return None;
                }
            }
            _ => return None,
        }
    }
    if text.is_empty() {
        text.push('.');
    }
    Some((text, after.unwrap_or(at + 1)))
}

fn push(text: &mut String, byte: u8) {
    match byte {
        b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
        b'!'..=b'~' => text.push(char::from(byte)),
        _ => {
            text.push('\\');
            text.extend([byte / 100, byte / 10 % 10, byte % 10].map(|digit| char::from(b'0' + digit)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `www.example.org`, answered by an alias and two addresses, with compressed names.
    const ANSWER: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x03\0\0\0\0\x03www\x07example\x03org\0\0\x01\0\x01\
        \xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03web\xc0\x10\
        \xc0\x2d\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x01\x02\x03\
        \xc0\x2d\0\x1c\0\x01\0\0\0\x3c\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";

    #[test]
    fn an_answer() {
        let v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let wanted = Message {
            id: 0x1234,
            answer: true,
            rcode: 0,
            truncated: false,
            name: "www.example.org".into(),
            kind: 1,
            answers: 3,
            addresses: vec![IpAddr::V4([10, 1, 2, 3]), IpAddr::V6(v6)],
            malformed: false,
        };
        assert_eq!(Message::read(ANSWER), Some(wanted));
    }

    #[test]
    fn names() {
        let cases: [(&[u8], Option<&str>); 8] = [
            (b"\0", Some(".")),
            (b"\x01a\0", Some("a")),
            (b"\x03a.b\x02\xff \0", Some("a\\.b.\\255\\032")),
            // Ends too early, or has no such length.
            (b"\x05abc", None),
            (b"\x80a\0", None),
            // Points at itself, and forwards.
            (b"\xc0\x00", None),
            (b"\xc0\x02\0", None),
            (b"\x01a\xc0\x00", None),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(name(bytes, 0).map(|(name, _)| name).as_deref(), wanted, "{bytes:?}");
        }
        let long = [[1, b'a'].repeat(200), vec![0]].concat();
        assert_eq!(name(&long, 0), None);
    }

    #[test]
    fn whatever_is_cut_or_changed_is_read_to_an_end() {
        for len in 0..ANSWER.len() {
            let read = Message::read(&ANSWER[..len]);
            assert_eq!(read.is_none(), len < HEADER);
            assert!(read.is_none_or(|message| message.malformed), "{len}");
        }
        for at in 0..ANSWER.len() {
            for byte in [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff] {
                let mut changed = ANSWER.to_vec();
                changed[at] = byte;
                let message = Message::read(&changed).expect("a header");
                assert!(message.name.len() <= 4 * NAME_MAX);
            }
        }
        // Numbers that grow without pattern, from a fixed seed.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for len in 12..600 {
            let bytes: Vec<u8> = std::iter::repeat_with(|| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .take(len)
            .collect();
            assert!(Message::read(&bytes).is_some());
        }
    }
}
