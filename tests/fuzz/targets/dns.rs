//! DNS messages: whatever a packet holds, reading it ends, and a name is no longer than the protocol's; and whatever a TCP
//! connection holds, in pieces of whatever length.
#![no_main]

use trace_dns::message::Message;
use trace_dns::stream::{Piece, Streams};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Message::read(bytes);
    let mut streams = Streams::default();
    let (mut rest, mut position) = (bytes, 0_u32);
    while let Some((head, after)) = rest.split_first_chunk::<2>() {
        let (piece, next) = after.split_at(usize::from(head[0]).min(after.len()));
        let missing = u32::from(head[1] >> 4);
        streams.take(head[1] & 1, Piece { position, bytes: piece, missing }, 0, |message| {
            let _ = Message::read(message);
        });
        position = position.wrapping_add(piece.len() as u32 + missing);
        rest = next;
    }
});
