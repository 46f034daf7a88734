//! What a run of BPF instructions calls.

use std::collections::BTreeSet;

/// Bytes in an instruction.
pub(super) const INSTRUCTION: usize = 8;

const CALL: u8 = 0x85;
/// Takes two slots, of which the second is no instruction.
const LD_IMM64: u8 = 0x18;

/// Who is called is told by the source register of the call.
const PSEUDO_CALL: u8 = 1;
const PSEUDO_KFUNC_CALL: u8 = 2;
/// The source register of a load of a function's address.
const PSEUDO_FUNC: u8 = 4;

/// What some code calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Calls {
    /// Helpers, by number.
    pub(super) helpers: BTreeSet<u32>,
    /// Kernel functions, by the number of their type in some kernel's BTF.
    pub(super) kernel_functions: BTreeSet<i32>,
    /// Whether it calls, or takes the address of, another function of the object.
    pub(super) subprograms: bool,
}

impl Calls {
    /// Scans `code`; bytes after the last whole instruction are not looked at.
    pub(super) fn of(code: &[u8]) -> Self {
        let mut calls = Self::default();
        let (instructions, _) = code.as_chunks::<INSTRUCTION>();
        let mut instructions = instructions.iter();
        while let Some(&[opcode, registers, _, _, a, b, c, d]) = instructions.next() {
            let immediate = i32::from_le_bytes([a, b, c, d]);
            match (opcode, registers >> 4) {
                (CALL, PSEUDO_CALL) | (LD_IMM64, PSEUDO_FUNC) => calls.subprograms = true,
                (CALL, PSEUDO_KFUNC_CALL) => {
                    calls.kernel_functions.insert(immediate);
                }
                // Any other source register is refused by the kernel; counted as a helper, it is refused by us too.
                (CALL, _) => {
                    calls.helpers.insert(immediate.cast_unsigned());
                }
                _ => {}
            }
            if opcode == LD_IMM64 {
                instructions.next();
            }
        }
        calls
    }

    /// Takes in what other code calls.
    pub(super) fn add(&mut self, other: &Self) {
        self.helpers.extend(&other.helpers);
        self.kernel_functions.extend(&other.kernel_functions);
        self.subprograms |= other.subprograms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(source: u8, to: i32) -> [u8; 8] {
        let [a, b, c, d] = to.to_le_bytes();
        [CALL, source << 4, 0, 0, a, b, c, d]
    }

    #[test]
    fn calls_are_told_apart_and_the_second_half_of_a_load_is_no_call() {
        let code = [
            call(0, 36),
            call(1, -1),
            call(2, 4711),
            [LD_IMM64, 1, 0, 0, 0, 0, 0, 0],
            call(0, 109),
            call(0, 130),
            [0x95, 0, 0, 0, 0, 0, 0, 0],
        ]
        .concat();
        let calls = Calls::of(&code);
        assert_eq!(Vec::from_iter(calls.helpers), [36, 130]);
        assert_eq!(Vec::from_iter(calls.kernel_functions), [4711]);
        assert!(calls.subprograms);
        assert_eq!(Calls::of(&call(0, 36)[..7]), Calls::default());
    }
}
