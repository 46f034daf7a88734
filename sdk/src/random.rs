//! Bytes that nobody can guess, from the host. A gadget that asks states `imports = ["random"]` in its permissions.
//!
//! Natively, in tests, they come from the seed of the standard library's hash maps.

/// The import, in a world of its own; a component that never calls it loses it when it is made.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package gadgetry:sdk; world guessing { import gadgetry:gadget/random@0.1.0; }",
        world: "gadgetry:sdk/guessing",
        generate_all,
    });
}

/// `count` bytes, at most 4096.
#[cfg(target_arch = "wasm32")]
pub fn bytes(count: u32) -> Vec<u8> {
    bindings::gadgetry::gadget::random::bytes(count)
}

/// `count` bytes, at most 4096.
#[cfg(not(target_arch = "wasm32"))]
pub fn bytes(count: u32) -> Vec<u8> {
    use std::hash::{BuildHasher, RandomState};
    let state = RandomState::new();
    let words = (0..count.div_ceil(8)).flat_map(|word| state.hash_one(word).to_le_bytes());
    words.take(count as usize).collect()
}

/// A random UUID (version 4), as text.
pub fn uuid() -> String {
    let mut id: [u8; 16] = bytes(16).try_into().unwrap_or_default();
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in id.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_look_like_ids() {
        let (one, two) = (uuid(), uuid());
        assert_ne!(one, two);
        assert_eq!(one.len(), 36);
        assert_eq!((one.as_bytes()[14], one.matches('-').count()), (b'4', 4));
        assert!(b"89ab".contains(&one.as_bytes()[19]), "{one}");
    }
}
