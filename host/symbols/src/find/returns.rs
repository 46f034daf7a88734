//! Return instructions, and the beginnings of Go's functions, in machine code.

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};

/// Bytes of a function in which [`is_go_beginning`] looks.
pub(super) const BEGINNING: u64 = 24;

/// Where in a function's code its return instructions lie; `None` when it has bytes that are no instruction.
pub(super) fn of(code: &[u8]) -> Option<Vec<u64>> {
    if cfg!(target_arch = "aarch64") { Some(aarch64(code)) } else { x86_64(code) }
}

fn x86_64(code: &[u8]) -> Option<Vec<u64>> {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut returns = Vec::new();
    while decoder.can_decode() {
        let at = decoder.position() as u64;
        decoder.decode_out(&mut instruction);
        if instruction.is_invalid() {
            return None;
        }
        if instruction.mnemonic() == Mnemonic::Ret {
            returns.push(at);
        }
    }
    Some(returns)
}

/// All instructions have four bytes; `ret` is always the same.
fn aarch64(code: &[u8]) -> Vec<u64> {
    let words = code.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
    (0..).step_by(4).zip(words).filter(|(_, word)| *word == 0xd65f_03c0).map(|(at, _)| at).collect()
}

/// Whether a function begins as Go's do that need a stack: by comparing the stack with its end, which the register for the
/// goroutine leads to. Only the shortest of functions have no need of that.
pub(super) fn is_go_beginning(code: &[u8]) -> bool {
    if cfg!(target_arch = "aarch64") { checks_stack_aarch64(code) } else { checks_stack_x86_64(code) }
}

/// `cmp rsp, [r14+16]`; after `lea r12, [rsp-size]`, where much stack is needed, `cmp r12, [r14+16]`.
fn checks_stack_x86_64(code: &[u8]) -> bool {
    const SMALL: &[u8] = &[0x49, 0x3b, 0x66, 0x10];
    const LARGE: &[u8] = &[0x4d, 0x3b, 0x66, 0x10];
    let lea_byte: &[u8] = &[0x4c, 0x8d, 0x64, 0x24];
    let lea_word: &[u8] = &[0x4c, 0x8d, 0xa4, 0x24];
    code.starts_with(SMALL)
        || (code.starts_with(lea_byte) && code.get(5..).is_some_and(|rest| rest.starts_with(LARGE)))
        || (code.starts_with(lea_word) && code.get(8..).is_some_and(|rest| rest.starts_with(LARGE)))
}

/// `ldr x16, [x28, #16]`.
fn checks_stack_aarch64(code: &[u8]) -> bool {
    code.starts_with(&0xf940_0b90_u32.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_are_told_from_bytes_that_look_like_them() {
        // mov eax, 0xc3c3; ret; cmp rsp, [r14+16]; ret 8; int3
        let code = [0xb8, 0xc3, 0xc3, 0, 0, 0xc3, 0x49, 0x3b, 0x66, 0x10, 0xc2, 8, 0, 0xcc];
        assert_eq!(x86_64(&code), Some(vec![5, 10]));
        // No instruction of 64 bits.
        assert_eq!(x86_64(&[0xc3, 0x06]), None);
        let words = [0xf940_0b90_u32, 0xd65f_03c0, 0xd503_201f, 0xd65f_03c0];
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(aarch64(&code), [4, 12]);
        assert!(checks_stack_aarch64(&code) && !checks_stack_aarch64(&code[4..]));
    }

    #[test]
    fn gos_functions_begin_with_their_stack() {
        let cases: [(&[u8], bool); 5] = [
            (&[0x49, 0x3b, 0x66, 0x10, 0x76, 0x20], true),
            (&[0x4c, 0x8d, 0x64, 0x24, 0xf8, 0x4d, 0x3b, 0x66, 0x10], true),
            (&[0x4c, 0x8d, 0xa4, 0x24, 0, 0xff, 0xff, 0xff, 0x4d, 0x3b, 0x66, 0x10], true),
            (&[0x3b, 0x66, 0x10, 0x76, 0x20], false),
            (&[], false),
        ];
        for (code, wanted) in cases {
            assert_eq!(checks_stack_x86_64(code), wanted, "{code:x?}");
        }
    }
}
