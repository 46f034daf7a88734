//! What `open` and its siblings take: flags, mode, and how `openat2` resolves paths.

use super::{Arch, Bits, bits};
use crate::{Schema, Value};

const O_ACCMODE: u64 = 0o3;
const O_CREAT: u64 = 0o100;
/// The bit of `O_TMPFILE` that is its own; the other is `O_DIRECTORY`.
const O_TMPFILE_OWN: u64 = 0o20_000_000;

/// Flags of `open`: in a row an array, the access mode first: `["O_WRONLY","O_CREAT"]`.
#[derive(Clone, Copy, Debug)]
pub struct OpenFlags {
    access: &'static str,
    rest: Bits,
}

impl OpenFlags {
    /// Flags as a caller on `arch` gave them.
    pub const fn new(flags: u64, arch: Arch) -> Self {
        let access = match flags & O_ACCMODE {
            0 => "O_RDONLY",
            1 => "O_WRONLY",
            2 => "O_RDWR",
            // Neither reading nor writing is checked at open: a device only for ioctl.
            _ => "O_ACCMODE",
        };
        let table = match arch {
            Arch::X86_64 => &X86_64,
            Arch::Aarch64 => &AARCH64,
        };
        Self { access, rest: Bits::new(table, flags & !O_ACCMODE) }
    }

    /// The bits that no name stands for, if any.
    pub fn unknown(self) -> Option<u64> {
        self.rest.unknown()
    }
}

impl Value for OpenFlags {
    const WIDTH: u16 = 28;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        bits::names(out, std::iter::once(self.access).chain(self.rest.names()));
    }

    fn schema() -> Schema {
        Bits::schema()
    }
}

/// Whether these flags may create a file, so that the mode means something.
pub const fn creates(flags: u64) -> bool {
    flags & (O_CREAT | O_TMPFILE_OWN) != 0
}

macro_rules! open_flags {
    ($name:ident: directory $directory:literal, nofollow $nofollow:literal, direct $direct:literal, large $large:literal) => {
        /// Those of several bits first.
        const $name: [bits::Name; 17] = [
            (0o4_010_000, "O_SYNC"),
            (O_TMPFILE_OWN | $directory, "O_TMPFILE"),
            (O_CREAT, "O_CREAT"),
            (0o200, "O_EXCL"),
            (0o400, "O_NOCTTY"),
            (0o1_000, "O_TRUNC"),
            (0o2_000, "O_APPEND"),
            (0o4_000, "O_NONBLOCK"),
            (0o10_000, "O_DSYNC"),
            (0o20_000, "O_ASYNC"),
            ($direct, "O_DIRECT"),
            ($large, "O_LARGEFILE"),
            ($directory, "O_DIRECTORY"),
            ($nofollow, "O_NOFOLLOW"),
            (0o1_000_000, "O_NOATIME"),
            (0o2_000_000, "O_CLOEXEC"),
            (0o10_000_000, "O_PATH"),
        ];
    };
}
open_flags!(X86_64: directory 0o200_000, nofollow 0o400_000, direct 0o40_000, large 0o100_000);
open_flags!(AARCH64: directory 0o40_000, nofollow 0o100_000, direct 0o200_000, large 0o400_000);

/// Names of [`resolve_flags`].
const RESOLVE: [bits::Name; 6] = [
    (0x01, "RESOLVE_NO_XDEV"),
    (0x02, "RESOLVE_NO_MAGICLINKS"),
    (0x04, "RESOLVE_NO_SYMLINKS"),
    (0x08, "RESOLVE_BENEATH"),
    (0x10, "RESOLVE_IN_ROOT"),
    (0x20, "RESOLVE_CACHED"),
];

/// `resolve` of `openat2`.
pub const fn resolve_flags(resolve: u64) -> Bits {
    Bits::new(&RESOLVE, resolve)
}

/// Permissions of a file: in a row octal text, `"0644"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Value for Mode {
    const WIDTH: u16 = 6;

    fn write(&self, out: &mut Vec<u8>) {
        let digit = |shift: u32| b'0' + (self.0 >> shift & 7) as u8;
        out.extend_from_slice(&[b'"', digit(9), digit(6), digit(3), digit(0), b'"']);
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: impl Value) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn flags_by_architecture() {
        let cases = [
            (0, "O_RDONLY", "O_RDONLY"),
            (1, "O_WRONLY", "O_WRONLY"),
            (3, "O_ACCMODE", "O_ACCMODE"),
            (0o101, "O_WRONLY,O_CREAT", "O_WRONLY,O_CREAT"),
            (0o2_000_000, "O_RDONLY,O_CLOEXEC", "O_RDONLY,O_CLOEXEC"),
            (0o4_010_002, "O_RDWR,O_SYNC", "O_RDWR,O_SYNC"),
            (0o10_002, "O_RDWR,O_DSYNC", "O_RDWR,O_DSYNC"),
            (0o40_000, "O_RDONLY,O_DIRECT", "O_RDONLY,O_DIRECTORY"),
            (0o100_000, "O_RDONLY,O_LARGEFILE", "O_RDONLY,O_NOFOLLOW"),
            (0o200_000, "O_RDONLY,O_DIRECTORY", "O_RDONLY,O_DIRECT"),
            (0o400_000, "O_RDONLY,O_NOFOLLOW", "O_RDONLY,O_LARGEFILE"),
            (0o20_200_001, "O_WRONLY,O_TMPFILE", "O_WRONLY,O_DIRECT"),
            (0o20_040_001, "O_WRONLY,O_DIRECT", "O_WRONLY,O_TMPFILE"),
            (0o10_000_000, "O_RDONLY,O_PATH", "O_RDONLY,O_PATH"),
        ];
        for (flags, x86_64, aarch64) in cases {
            for (arch, names) in [(Arch::X86_64, x86_64), (Arch::Aarch64, aarch64)] {
                let names: Vec<_> = names.split(',').collect();
                assert_eq!(
                    json(OpenFlags::new(flags, arch)),
                    serde_json::to_string(&names).unwrap(),
                    "{flags:o}"
                );
            }
        }
    }

    #[test]
    fn bits_without_a_name_are_told() {
        assert_eq!(OpenFlags::new(0o2_000_101, Arch::X86_64).unknown(), None);
        assert_eq!(OpenFlags::new(1 << 40 | 2, Arch::X86_64).unknown(), Some(1 << 40));
        assert_eq!(json(resolve_flags(0x19)), r#"["RESOLVE_NO_XDEV","RESOLVE_BENEATH","RESOLVE_IN_ROOT"]"#);
        assert_eq!(json(resolve_flags(0).non_empty()), "null");
    }

    #[test]
    fn modes_are_octal() {
        for (mode, text) in
            [(0, "\"0000\""), (0o644, "\"0644\""), (0o4755, "\"4755\""), (0o100_600, "\"0600\"")]
        {
            assert_eq!(json(Mode(mode)), text);
        }
        for (flags, is) in
            [(0, false), (0o2_000_000, false), (0o100, true), (0o20_200_000, true), (0o200_000, false)]
        {
            assert_eq!(creates(flags), is);
        }
    }
}
