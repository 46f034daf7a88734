//! How the host hands events to a post-processor: a batch is a run of frames, each a 16-byte head and a payload
//! padded to eight bytes. One call carries a whole batch, so that crossing into the guest is paid once per thousands
//! of events.
//!
//! A container is defined once, by a frame of its own, before the first event that names it; events carry its index.

/// Size of a frame's head in bytes.
pub const HEAD: usize = 16;

/// Frames and their payloads start at multiples of this.
pub const ALIGN: usize = 8;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// An event: [`crate::Header`], the gadget's fixed part, then whatever tail the gadget wrote.
    Event = 0,
    /// A container's definition: a JSON object, to be repeated in the rows of events that carry its index.
    Container = 1,
}

impl Kind {
    /// The kind a head names, if this version knows it; a reader skips frames of kinds it does not know.
    pub const fn from_raw(raw: u16) -> Option<Self> {
        match raw {
            0 => Some(Self::Event),
            1 => Some(Self::Container),
            _ => None,
        }
    }
}

/// A frame's head. On the wire: `len: u32, kind: u16, 0: u16, container: u32, 0: u32`, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of payload, padding not counted.
    pub len: u32,
    /// Raw [`Kind`].
    pub kind: u16,
    /// Index of the container: the one the event happened in (0: none known), or the one being defined (from 1).
    pub container: u32,
}

impl Head {
    /// The head as bytes.
    pub const fn to_bytes(self) -> [u8; HEAD] {
        let len = self.len.to_le_bytes();
        let kind = self.kind.to_le_bytes();
        let c = self.container.to_le_bytes();
        [len[0], len[1], len[2], len[3], kind[0], kind[1], 0, 0, c[0], c[1], c[2], c[3], 0, 0, 0, 0]
    }

    /// Reads a head; `None` when fewer than [`HEAD`] bytes are left.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let b: &[u8; HEAD] = bytes.get(..HEAD)?.try_into().ok()?;
        Some(Self {
            len: u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            kind: u16::from_le_bytes([b[4], b[5]]),
            container: u32::from_le_bytes([b[8], b[9], b[10], b[11]]),
        })
    }
}

/// Bytes that a payload of `len` takes in a batch, padding included.
pub const fn padded(len: usize) -> usize {
    (len + (ALIGN - 1)) & !(ALIGN - 1)
}

/// The frames of a batch, in order. Ends early, with [`Frames::malformed`] set, at bytes that are no frame.
pub struct Frames<'a> {
    rest: &'a [u8],
    malformed: bool,
}

impl<'a> Frames<'a> {
    /// Walks `batch`.
    pub const fn new(batch: &'a [u8]) -> Self {
        Self { rest: batch, malformed: false }
    }

    /// Whether the walk ended before the end of the bytes.
    pub const fn malformed(&self) -> bool {
        self.malformed
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = (Head, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = Head::from_bytes(self.rest).and_then(|head| {
            let payload = self.rest.get(HEAD..)?.get(..head.len as usize)?;
            let rest = self.rest.get(HEAD + padded(head.len as usize)..)?;
            Some((head, payload, rest))
        });
        let Some((head, payload, rest)) = frame else {
            self.malformed = true;
            self.rest = &[];
            return None;
        };
        self.rest = rest;
        Some((head, payload))
    }
}
