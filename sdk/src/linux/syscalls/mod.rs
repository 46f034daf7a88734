//! System calls by name, with their arguments.

mod table;

use super::Arch;
use table::{CALLS, Entry, NONE};

/// The system calls of an architecture, by number.
#[derive(Clone, Debug)]
pub struct Syscalls {
    by_number: Vec<Option<Syscall>>,
}

/// A system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syscall(&'static Entry);

/// How an argument reads best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// As a number that may be negative.
    Signed,
    /// As a number.
    Unsigned,
    /// In hexadecimal: flags, and addresses of what is not shown.
    Hex,
    /// In octal: permissions.
    Octal,
    /// As a file descriptor.
    Descriptor,
    /// As a signal.
    Signal,
    /// As the string that it points to.
    Text,
}

impl Syscalls {
    /// Those of `arch`.
    pub fn new(arch: Arch) -> Self {
        let number = |entry: &Entry| match arch {
            Arch::X86_64 => entry.1,
            Arch::Aarch64 => entry.2,
        };
        let mut by_number = Vec::new();
        for entry in &CALLS {
            let number = number(entry);
            if number == NONE {
                continue;
            }
            let at = usize::from(number);
            if by_number.len() <= at {
                by_number.resize(at + 1, None);
            }
            by_number[at] = Some(Syscall(entry));
        }
        Self { by_number }
    }

    /// The call of that number, if it is known here.
    pub fn get(&self, number: u32) -> Option<Syscall> {
        self.by_number.get(number as usize).copied().flatten()
    }

    /// Its name; `syscall_4000` when it is not known here.
    pub fn name(&self, number: u32) -> std::borrow::Cow<'static, str> {
        match self.get(number) {
            Some(call) => call.name().into(),
            None => format!("syscall_{number}").into(),
        }
    }
}

impl Syscall {
    /// Its name.
    pub const fn name(self) -> &'static str {
        self.0.0
    }

    /// Names and kinds of its arguments.
    pub fn arguments(self) -> impl Iterator<Item = (&'static str, Argument)> {
        self.0.3.split_ascii_whitespace().map(|argument| {
            let (name, kind) = argument.split_once(':').unwrap_or((argument, "x"));
            let kind = match kind {
                "d" => Argument::Signed,
                "u" => Argument::Unsigned,
                "o" => Argument::Octal,
                "f" => Argument::Descriptor,
                "g" => Argument::Signal,
                "s" => Argument::Text,
                _ => Argument::Hex,
            };
            (name, kind)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_architecture() {
        let cases = [
            ("read", Some(0), Some(63)),
            ("open", Some(2), None),
            ("openat", Some(257), Some(56)),
            ("execve", Some(59), Some(221)),
            ("kill", Some(62), Some(129)),
            ("umount2", Some(166), Some(39)),
            ("fstat", Some(5), Some(80)),
            ("newfstatat", Some(262), Some(79)),
            ("io_uring_setup", Some(425), Some(425)),
            ("mseal", Some(462), Some(462)),
        ];
        for (arch, column) in [(Arch::X86_64, 1), (Arch::Aarch64, 2)] {
            let calls = Syscalls::new(arch);
            for (name, x86_64, aarch64) in cases {
                let number = if column == 1 { x86_64 } else { aarch64 };
                let found = (0..1000).find(|&at| calls.get(at).is_some_and(|call| call.name() == name));
                assert_eq!(found, number, "{name} {arch:?}");
            }
            assert_eq!(calls.name(4000), "syscall_4000");
            assert_eq!(calls.get(u32::MAX), None);
        }
    }

    #[test]
    fn the_table_is_sorted_and_no_number_stands_twice() {
        for pair in CALLS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{}", pair[1].0);
        }
        for column in [|entry: &Entry| entry.1, |entry: &Entry| entry.2] {
            let mut numbers: Vec<_> = CALLS.iter().map(column).filter(|&number| number != NONE).collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count);
            assert!(count > 300, "{count}");
        }
        for entry in &CALLS {
            assert!(Syscall(entry).arguments().count() <= 6, "{}", entry.0);
        }
    }

    #[test]
    fn arguments_and_their_kinds() {
        let calls = Syscalls::new(Arch::X86_64);
        let openat: Vec<_> = calls.get(257).expect("openat").arguments().collect();
        assert_eq!(
            openat,
            [
                ("dfd", Argument::Descriptor),
                ("filename", Argument::Text),
                ("flags", Argument::Hex),
                ("mode", Argument::Octal)
            ]
        );
        let kill: Vec<_> = calls.get(62).expect("kill").arguments().collect();
        assert_eq!(kill, [("pid", Argument::Signed), ("sig", Argument::Signal)]);
        assert_eq!(calls.get(39).expect("getpid").arguments().count(), 0);
    }
}
