//! Views of bytes as event structs. The one place of this crate with `unsafe`.
//!
//! A batch is read where it lies: an event's fixed part becomes a reference into it, so that decoding costs a bounds
//! check. That needs the batch to start at a multiple of eight, which every allocator in use gives; a batch that
//! does not is copied once, to one that does.
#![allow(unsafe_code, reason = "references into byte buffers, after checks of length and alignment")]

use gadget_abi::{Plain, batch::ALIGN};

/// The first bytes of `bytes` as a `T`, and the rest. `None` when there are too few or they are misaligned.
pub(crate) fn split<T: Plain>(bytes: &[u8]) -> Option<(&T, &[u8])> {
    const { assert!(align_of::<T>() <= ALIGN, "an event may not need more than 8-byte alignment") };
    let (head, rest) = bytes.split_at_checked(size_of::<T>())?;
    let at = head.as_ptr();
    if !at.addr().is_multiple_of(align_of::<T>()) {
        return None;
    }
    // SAFETY: `head` holds exactly `size_of::<T>()` initialised bytes, the alignment was checked, every bit pattern
    // is a `T` (`Plain`), and the reference borrows from `bytes`.
    Some((unsafe { &*at.cast::<T>() }, rest))
}

/// The bytes of `value`: for batches that tests build.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn bytes<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: `Plain` types have no padding, so all `size_of::<T>()` bytes are initialised; the slice borrows `value`.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast::<u8>(), size_of::<T>()) }
}

/// A batch that starts at a multiple of [`ALIGN`]: itself when it does, a copy otherwise.
pub(crate) fn aligned<'a>(batch: &'a [u8], spare: &'a mut Vec<u64>) -> &'a [u8] {
    if batch.as_ptr().addr().is_multiple_of(ALIGN) {
        return batch;
    }
    let mut words = batch.chunks_exact(ALIGN);
    spare.clear();
    spare.extend(words.by_ref().map(|word| u64::from_ne_bytes(word.try_into().unwrap_or_default())));
    let mut last = [0; ALIGN];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    spare.push(u64::from_ne_bytes(last));
    // SAFETY: the words hold at least `batch.len()` initialised bytes; the slice borrows `spare`.
    unsafe { std::slice::from_raw_parts(spare.as_ptr().cast::<u8>(), batch.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    gadget_abi::event! {
        struct Pair { wide: u64, narrow: u32, rest: u32 }
    }

    #[test]
    fn a_view_shows_the_fields_and_the_rest() {
        let words = [u64::MAX, (7 << 32) | 5, 0x0102_0304];
        let all: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut spare = Vec::new();
        for shift in 0..ALIGN {
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(&all);
            let view = aligned(&shifted[shift..], &mut spare);
            assert_eq!(view, all);
            let (pair, rest) = split::<Pair>(view).unwrap();
            assert_eq!((pair.wide, pair.narrow, pair.rest), (u64::MAX, 5, 7));
            assert_eq!(rest, 0x0102_0304_u64.to_le_bytes());
            assert_eq!(bytes(pair), &all[..16]);
        }
    }

    #[test]
    fn too_few_bytes_or_a_crooked_start_give_no_view() {
        let words = [0_u64; 4];
        let all = bytes(&words);
        assert!(split::<Pair>(&all[..15]).is_none());
        assert!(split::<Pair>(&all[1..]).is_none());
        assert!(split::<Pair>(&[]).is_none());
    }

    #[test]
    fn any_length_is_copied_whole() {
        let all: Vec<u8> = (0..41).collect();
        for len in 0..40 {
            for shift in 0..2 {
                let mut spare = Vec::new();
                assert_eq!(aligned(&all[shift..shift + len], &mut spare), &all[shift..shift + len]);
            }
        }
    }
}
