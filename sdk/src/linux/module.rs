//! What the calls that load and remove kernel modules take.

use super::{Bits, bits};

/// `flags` of `finit_module`.
pub const fn finit_module_flags(flags: u64) -> Bits {
    Bits::new(&FINIT, flags)
}

/// `flags` of `delete_module`: those of `open` are taken for the same effect.
pub const fn delete_module_flags(flags: u64) -> Bits {
    Bits::new(&DELETE, flags)
}

const FINIT: [bits::Name; 3] = [
    (1, "MODULE_INIT_IGNORE_MODVERSIONS"),
    (2, "MODULE_INIT_IGNORE_VERMAGIC"),
    (4, "MODULE_INIT_COMPRESSED_FILE"),
];

const DELETE: [bits::Name; 2] = [(0o4_000, "O_NONBLOCK"), (0o1_000, "O_TRUNC")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_by_name() {
        let names = |bits: Bits| bits.names().collect::<Vec<_>>();
        assert_eq!(
            names(finit_module_flags(5)),
            ["MODULE_INIT_IGNORE_MODVERSIONS", "MODULE_INIT_COMPRESSED_FILE"]
        );
        assert_eq!(names(delete_module_flags(0o5_000)), ["O_NONBLOCK", "O_TRUNC"]);
        assert_eq!(finit_module_flags(9).unknown(), Some(8));
    }
}
