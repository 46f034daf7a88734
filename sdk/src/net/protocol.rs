//! Protocols by name.

use crate::{Schema, Value, json};

/// `IPPROTO_*`: in a row its name, `"TCP"`; one without a name here as `"IP47"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol(pub u16);

impl Protocol {
    /// Its name, if it has one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "IP",
            1 => "ICMP",
            6 => "TCP",
            17 => "UDP",
            33 => "DCCP",
            58 => "ICMPV6",
            132 => "SCTP",
            136 => "UDPLITE",
            255 => "RAW",
            262 => "MPTCP",
            _ => return None,
        })
    }
}

impl Value for Protocol {
    const WIDTH: u16 = 8;

    fn write(&self, out: &mut Vec<u8>) {
        match self.name() {
            Some(name) => json::plain(out, name),
            None => json::numbered(out, "IP", u32::from(self.0)),
        }
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (number, json) in [(6, "\"TCP\""), (17, "\"UDP\""), (47, "\"IP47\"")] {
            let mut out = Vec::new();
            Protocol(number).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), json);
        }
    }
}
