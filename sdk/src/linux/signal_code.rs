//! Why a signal was sent: `si_code`, whose meaning depends on the signal.

use super::Signal;
use crate::{Schema, Value, json};

/// `si_code` of a signal: in a row its name, `"SI_USER"`, `"SEGV_MAPERR"`; one without a name as `"CODE5"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalCode {
    /// The signal it came with.
    pub signal: Signal,
    /// The number.
    pub code: i32,
}

impl SignalCode {
    /// Its name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.code {
            0 => "SI_USER",
            0x80 => "SI_KERNEL",
            -1 => "SI_QUEUE",
            -2 => "SI_TIMER",
            -3 => "SI_MESGQ",
            -4 => "SI_ASYNCIO",
            -5 => "SI_SIGIO",
            -6 => "SI_TKILL",
            -7 => "SI_DETHREAD",
            -60 => "SI_ASYNCNL",
            code => {
                let names: &[&str] = match self.signal.name()? {
                    "SIGILL" => &ILL,
                    "SIGFPE" => &FPE,
                    "SIGSEGV" => &SEGV,
                    "SIGBUS" => &BUS,
                    "SIGTRAP" => &TRAP,
                    "SIGCHLD" => &CHLD,
                    "SIGIO" => &POLL,
                    "SIGSYS" => &SYS,
                    _ => return None,
                };
                return usize::try_from(code).ok()?.checked_sub(1).and_then(|at| names.get(at).copied());
            }
        })
    }
}

impl Value for SignalCode {
    const WIDTH: u16 = 13;

    fn write(&self, out: &mut Vec<u8>) {
        match self.name() {
            Some(name) => json::plain(out, name),
            None => format!("CODE{}", self.code).as_str().write(out),
        }
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

// From 1 on, of `asm-generic/siginfo.h`.
const ILL: [&str; 8] = [
    "ILL_ILLOPC",
    "ILL_ILLOPN",
    "ILL_ILLADR",
    "ILL_ILLTRP",
    "ILL_PRVOPC",
    "ILL_PRVREG",
    "ILL_COPROC",
    "ILL_BADSTK",
];
const FPE: [&str; 8] = [
    "FPE_INTDIV",
    "FPE_INTOVF",
    "FPE_FLTDIV",
    "FPE_FLTOVF",
    "FPE_FLTUND",
    "FPE_FLTRES",
    "FPE_FLTINV",
    "FPE_FLTSUB",
];
const SEGV: [&str; 10] = [
    "SEGV_MAPERR",
    "SEGV_ACCERR",
    "SEGV_BNDERR",
    "SEGV_PKUERR",
    "SEGV_ACCADI",
    "SEGV_ADIDERR",
    "SEGV_ADIPERR",
    "SEGV_MTEAERR",
    "SEGV_MTESERR",
    "SEGV_CPERR",
];
const BUS: [&str; 5] = ["BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO"];
const TRAP: [&str; 6] = ["TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT", "TRAP_UNK", "TRAP_PERF"];
const CHLD: [&str; 6] =
    ["CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"];
const POLL: [&str; 6] = ["POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP"];
const SYS: [&str; 2] = ["SYS_SECCOMP", "SYS_USER_DISPATCH"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_codes() {
        let cases = [
            (15, 0, "SI_USER"),
            (9, 0x80, "SI_KERNEL"),
            (34, -1, "SI_QUEUE"),
            (6, -6, "SI_TKILL"),
            (11, 1, "SEGV_MAPERR"),
            (11, 2, "SEGV_ACCERR"),
            (8, 1, "FPE_INTDIV"),
            (17, 1, "CLD_EXITED"),
            (17, 6, "CLD_CONTINUED"),
            (17, 7, "CODE7"),
            (15, 1, "CODE1"),
            (31, 1, "SYS_SECCOMP"),
            (11, -99, "CODE-99"),
        ];
        for (signal, code, name) in cases {
            let mut out = Vec::new();
            SignalCode { signal: Signal(signal), code }.write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{name}\""));
        }
    }
}
