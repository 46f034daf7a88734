//! TCP's states and flags.

use crate::{
    Schema, Value, json,
    linux::{Bits, Name},
};

/// State of a TCP connection, as the kernel numbers it: in a row its name, `"ESTABLISHED"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpState(pub u32);

impl TcpState {
    /// Connected.
    pub const ESTABLISHED: Self = Self(1);
    /// A server waits for connections.
    pub const LISTEN: Self = Self(10);

    /// Its name.
    pub fn name(self) -> &'static str {
        STATES.get(self.0 as usize).copied().unwrap_or(STATES[0])
    }
}

/// By number; there is no 0.
const STATES: [&str; 14] = [
    "UNKNOWN",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
    "BOUND_INACTIVE",
];

impl Value for TcpState {
    const WIDTH: u16 = 12;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        json::plain(out, self.name());
    }

    fn schema() -> Schema {
        Schema::words(&STATES)
    }
}

const FLAGS: [Name; 9] = [
    (0x01, "FIN"),
    (0x02, "SYN"),
    (0x04, "RST"),
    (0x08, "PSH"),
    (0x10, "ACK"),
    (0x20, "URG"),
    (0x40, "ECE"),
    (0x80, "CWR"),
    (0x100, "AE"),
];

/// The flags of a segment: bytes 12 and 13 of its header, without the length.
pub fn tcp_flags(flags: u16) -> Bits {
    Bits::named(&FLAGS, u64::from(flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_flags_by_name() {
        for (state, name) in
            [(0, "UNKNOWN"), (1, "ESTABLISHED"), (7, "CLOSE"), (10, "LISTEN"), (99, "UNKNOWN")]
        {
            assert_eq!(TcpState(state).name(), name);
        }
        let cases: [(u16, &[&str]); 3] = [(0x12, &["SYN", "ACK"]), (0, &[]), (0xf014, &["RST", "ACK"])];
        for (flags, names) in cases {
            assert_eq!(tcp_flags(flags).names().collect::<Vec<_>>(), names);
        }
    }
}
