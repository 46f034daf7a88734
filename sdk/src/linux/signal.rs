//! Signals by name, and how a process ended.

use crate::{Schema, Value, json};

/// A signal: in a row its name, `"SIGKILL"`; a real-time signal by its number, `"SIGRT34"`; `"SIG0"`, which only asks
/// whether there is such a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(pub u32);

impl Signal {
    /// Its name, unless it is a real-time signal.
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(self.0.checked_sub(1)? as usize).copied()
    }

    /// By name, with or without `SIG`, in either case, or by number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let upper = text.trim().to_ascii_uppercase();
        let short = upper.strip_prefix("SIG").unwrap_or(&upper);
        let named = NAMES.iter().position(|name| &name[3..] == short);
        let number = short.strip_prefix("RT").unwrap_or(short).parse().ok();
        let signal = named.and_then(|index| u32::try_from(index + 1).ok()).or(number);
        signal.filter(|number| *number <= MAX).map(Self).ok_or_else(|| {
            format!("`{text}` is no signal; wanted a name such as SIGTERM, or a number from 0 to {MAX}")
        })
    }
}

impl Value for Signal {
    const WIDTH: u16 = 10;

    fn write(&self, out: &mut Vec<u8>) {
        match self.name() {
            Some(name) => json::plain(out, name),
            None => json::numbered(out, if self.0 == 0 { "SIG" } else { "SIGRT" }, self.0),
        }
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

/// How a process ended, as `wait` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this code.
    Code(u8),
    /// By a signal; `core` when it left a core file.
    Signal {
        /// Which.
        signal: Signal,
        /// Whether a core file was written.
        core: bool,
    },
}

impl ExitStatus {
    /// Of `code << 8 | core << 7 | signal`.
    pub const fn from_wait(status: u32) -> Self {
        match status & 0x7f {
            0 => Self::Code((status >> 8 & 0xff) as u8),
            signal => Self::Signal { signal: Signal(signal), core: status & 0x80 != 0 },
        }
    }
}

/// Highest number of a signal.
const MAX: u32 = 64;

/// From 1 on, as x86_64 and aarch64 number them.
#[rustfmt::skip]
const NAMES: [&str; 31] = [
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1",
    "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP",
    "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR",
    "SIGSYS",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_signals() {
        for (number, name) in
            [(1, "SIGHUP"), (9, "SIGKILL"), (15, "SIGTERM"), (17, "SIGCHLD"), (31, "SIGSYS")]
        {
            assert_eq!(Signal(number).name(), Some(name));
        }
        for (number, json) in [(9, "\"SIGKILL\""), (0, "\"SIG0\""), (34, "\"SIGRT34\"")] {
            let mut out = Vec::new();
            Signal(number).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), json);
        }
    }

    #[test]
    fn signals_of_names() {
        for (text, number) in
            [("SIGKILL", 9), ("kill", 9), ("Term", 15), ("0", 0), ("11", 11), ("SIGRT34", 34), ("64", 64)]
        {
            assert_eq!(Signal::parse(text), Ok(Signal(number)), "{text}");
        }
        for text in ["", "SIG", "SIGNOTHING", "65", "-1"] {
            assert!(Signal::parse(text).unwrap_err().contains("no signal"), "{text}");
        }
    }

    #[test]
    fn ends() {
        let cases = [
            (0, ExitStatus::Code(0)),
            (3 << 8, ExitStatus::Code(3)),
            (9, ExitStatus::Signal { signal: Signal(9), core: false }),
            (0x80 | 11, ExitStatus::Signal { signal: Signal(11), core: true }),
        ];
        for (status, end) in cases {
            assert_eq!(ExitStatus::from_wait(status), end);
        }
    }
}
