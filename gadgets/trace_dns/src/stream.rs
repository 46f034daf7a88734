//! DNS over TCP (RFC 1035, 4.2.2; RFC 7766): each message follows its length in two bytes, and what one call sends or
//! receives may hold several messages, or a part of one, cut at any byte. Only what has not ended yet is kept: where a
//! piece ends with a message, the next one begins with one, whether or not anything was seen before.

use std::collections::BTreeMap;

/// Bytes of a message's length, in front of it.
const PREFIX: usize = 2;
/// Bytes of a DNS header: what has fewer is no message.
const HEADER: usize = 12;
/// Most bytes of messages that have not ended yet, of all connections together.
const KEPT_MAX: usize = 8 << 20;
/// Most connections that are followed within a message.
const STREAMS_MAX: usize = 16_384;

/// What one call has sent or received.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Where it begins, modulo 2^32.
    pub position: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// How many more follow them that are not known.
    pub missing: u32,
}

/// One direction of a connection, within a message.
#[derive(Debug, Default)]
struct Stream {
    /// Where the next piece begins.
    next: u32,
    /// The message so far, with its length.
    kept: Vec<u8>,
    /// Bytes to come of a message that was told already.
    skip: usize,
    /// It is not known where messages begin.
    broken: bool,
    used: u64,
}

/// Directions of connections, by `K`.
#[derive(Debug)]
pub struct Streams<K> {
    within: BTreeMap<K, Stream>,
    bytes: usize,
}

impl<K: Ord> Default for Streams<K> {
    fn default() -> Self {
        Self { within: BTreeMap::new(), bytes: 0 }
    }
}

impl<K: Ord> Streams<K> {
    /// Takes a piece of direction `key` at time `now`, and hands each message that ends in it to `message`; one of which
    /// something is missing as far as it is known. Whether all messages that end in it were found.
    pub fn take(&mut self, key: K, piece: Piece<'_>, now: u64, message: impl FnMut(&[u8])) -> bool {
        let found = self.within.remove(&key);
        self.bytes -= found.as_ref().map_or(0, |stream| stream.kept.len());
        let continues = found.as_ref().is_none_or(|stream| stream.next == piece.position);
        let mut stream = found.filter(|_| continues).unwrap_or_default();
        let whole = stream.take(piece, message);
        (stream.next, stream.used) = (piece.end(), now);
        let room = self.within.len() < STREAMS_MAX && self.bytes + stream.kept.len() <= KEPT_MAX;
        if stream.is_within() && room {
            self.bytes += stream.kept.len();
            self.within.insert(key, stream);
            return continues && whole;
        }
        continues && whole && !stream.is_within()
    }

    /// Forgets what was not used since `time`.
    pub fn forget(&mut self, time: u64) {
        let bytes = &mut self.bytes;
        self.within.retain(|_, stream| {
            let used = stream.used >= time;
            if !used {
                *bytes -= stream.kept.len();
            }
            used
        });
    }
}

impl Piece<'_> {
    fn end(&self) -> u32 {
        // Positions wrap; a piece is what one call moves, so its length fits.
        self.position.wrapping_add(self.bytes.len() as u32).wrapping_add(self.missing)
    }
}

impl Stream {
    fn is_within(&self) -> bool {
        self.broken || self.skip > 0 || !self.kept.is_empty()
    }

    fn take(&mut self, piece: Piece<'_>, mut message: impl FnMut(&[u8])) -> bool {
        if self.broken {
            return false;
        }
        let mut missing = piece.missing as usize;
        let known = self.skip.min(piece.bytes.len());
        let unknown = (self.skip - known).min(missing);
        self.skip -= known + unknown;
        missing -= unknown;
        let bytes = &piece.bytes[known..];
        let kept = std::mem::take(&mut self.kept);
        let joined;
        let mut rest = if kept.is_empty() {
            bytes
        } else {
            joined = [&kept, bytes].concat();
            &joined[..]
        };
        while let Some((prefix, after)) = rest.split_first_chunk::<PREFIX>() {
            let len = usize::from(u16::from_be_bytes(*prefix));
            if len < HEADER {
                self.broken = true;
                return false;
            }
            let Some((whole, next)) = after.split_at_checked(len) else { break };
            message(whole);
            rest = next;
        }
        if missing == 0 {
            self.kept = rest.to_vec();
            return true;
        }
        let Some((prefix, after)) = rest.split_first_chunk::<PREFIX>() else {
            self.broken = true;
            return false;
        };
        let to_come = usize::from(u16::from_be_bytes(*prefix)) - after.len();
        message(after);
        match to_come.checked_sub(missing) {
            Some(skip) => {
                self.skip = skip;
                true
            }
            None => {
                self.broken = true;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of `len` bytes that are all `byte`, behind its length.
    fn framed(byte: u8, len: u16) -> Vec<u8> {
        [&len.to_be_bytes()[..], &vec![byte; usize::from(len)]].concat()
    }

    /// What comes out of a stream that comes in pieces of these lengths, each with bytes and without. First byte and
    /// length of each message; whether all were found; what is kept in the end.
    fn cut(stream: &[u8], pieces: &[usize]) -> (Vec<(u8, usize)>, bool, usize) {
        let mut streams = Streams::default();
        let (mut found, mut whole, mut at) = (Vec::new(), true, 0);
        for len in pieces {
            let piece =
                Piece { position: (at as u32).wrapping_sub(5), bytes: &stream[at..at + len], missing: 0 };
            whole &= streams.take((), piece, 0, |message| found.push((message[0], message.len())));
            at += len;
        }
        (found, whole, streams.within.len())
    }

    #[test]
    fn messages_are_found_wherever_they_are_cut() {
        let stream = [framed(1, 12), framed(2, 300), framed(3, 13)].concat();
        let wanted = vec![(1, 12), (2, 300), (3, 13)];
        for first in 0..stream.len() {
            for second in [0, 1, 2, 15] {
                let second = second.min(stream.len() - first);
                let pieces = [first, second, stream.len() - first - second];
                assert_eq!(cut(&stream, &pieces), (wanted.clone(), true, 0), "{pieces:?}");
            }
        }
        assert_eq!(cut(&stream, &vec![1; stream.len()]), (wanted, true, 0));
        assert_eq!(cut(&stream, &[20]), (vec![(1, 12)], true, 1), "the second is kept");
    }

    #[test]
    fn what_is_missing_within_a_message_is_passed_over() {
        let stream = [framed(1, 5000), framed(2, 20)].concat();
        let mut streams = Streams::default();
        let mut found = Vec::new();
        let mut take = |at: usize, known: usize, missing: u32| {
            let piece = Piece { position: at as u32, bytes: &stream[at..at + known], missing };
            streams.take((), piece, 0, |message| found.push((message[0], message.len())))
        };
        assert!(take(0, 1000, 2000));
        assert!(take(3000, 100, 0) && take(3100, stream.len() - 3100, 0));
        assert_eq!(found, [(1, 998), (2, 20)]);
    }

    #[test]
    fn a_connection_that_can_not_be_followed_is_given_up_until_it_begins_anew() {
        let mut streams = Streams::default();
        let mut found = 0;
        let mut take = |position, bytes: &[u8], missing| {
            streams.take((), Piece { position, bytes, missing }, 0, |_| found += 1)
        };
        let message = framed(1, 12);
        // The end of the message is missing, and more.
        assert!(!take(0, &message[..10], 100));
        assert!(!take(110, &message, 0), "where messages begin is not known");
        // Another connection with the same ends, and one of which a piece in the middle was not seen.
        assert!(!take(7000, &message[..3], 0));
        assert!(take(7003, &message[3..], 0));
        assert!(take(9000, &message[..3], 0) && !take(9500, &message, 0));
        // No DNS at all.
        assert!(!take(20_000, b"\0\x05hello", 0));
        assert_eq!(found, 3);
    }

    #[test]
    fn what_is_kept_is_bounded_and_forgotten() {
        let mut streams = Streams::default();
        let beginning = &framed(1, 65_535)[..60_000];
        for key in 0..200 {
            let whole =
                streams.take(key, Piece { position: 0, bytes: beginning, missing: 0 }, key, |_| panic!());
            assert_eq!(whole, (key as usize + 1) * 60_000 <= KEPT_MAX);
        }
        assert!(streams.bytes <= KEPT_MAX && streams.bytes == streams.within.len() * 60_000);
        streams.forget(100);
        assert_eq!(streams.within.len(), KEPT_MAX / 60_000 - 100);
        streams.forget(1000);
        assert_eq!((streams.within.len(), streams.bytes), (0, 0));
    }

    #[test]
    fn whatever_comes_is_read_to_an_end() {
        // Numbers that grow without pattern, from a fixed seed.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut streams = Streams::default();
        for now in 0..2000 {
            let bytes: Vec<u8> = (0..next() % 64).map(|_| (next() % 16) as u8).collect();
            let position = if next() % 2 == 0 { now as u32 } else { 0 };
            let missing = if next() % 3 == 0 { next() as u32 } else { 0 };
            streams.take(next() % 8, Piece { position, bytes: &bytes, missing }, now, |_| {});
            streams.forget(now.saturating_sub(100));
            assert_eq!(streams.bytes, streams.within.values().map(|it| it.kept.len()).sum::<usize>());
        }
    }
}
