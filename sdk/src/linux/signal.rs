//! Signals by name, and how a process ended.

use crate::{Schema, Value, json};

/// A signal: in a row its name, `"SIGKILL"`; a real-time signal by its number, `"SIGRT34"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(pub u32);

impl Signal {
    /// Its name, unless it is a real-time signal.
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(self.0.checked_sub(1)? as usize).copied()
    }
}

impl Value for Signal {
    const WIDTH: u16 = 10;

    fn write(&self, out: &mut Vec<u8>) {
        match self.name() {
            Some(name) => json::plain(out, name),
            None => json::numbered(out, "SIGRT", self.0),
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
        for (number, json) in [(9, "\"SIGKILL\""), (0, "\"SIGRT0\""), (34, "\"SIGRT34\"")] {
            let mut out = Vec::new();
            Signal(number).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), json);
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
