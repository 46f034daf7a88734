//! Iterators over sockets: those of one protocol, in the network namespace of whoever opens the iterator.
//!
//! Not an [`Iter`](super::Iter), which is of one section: TCP, UDP and Unix sockets share their context's layout.

use core::ffi::c_void;

use super::Sequence;
use crate::{
    Socket,
    kernel::{Addr, Btf},
    program::Context,
    raw,
};

/// The context of an iterator over sockets.
#[derive(Clone, Copy)]
pub struct Sockets(*const u8);

impl Sockets {
    /// The socket; `None` after the last one.
    #[inline(always)]
    pub fn object(&self) -> Option<Socket> {
        let pointer: u64 = raw::load(self.0, 8);
        if pointer == 0 { None } else { Some(Socket::new(Addr::new(pointer))) }
    }

    /// The user who made it, in the initial user namespace; told also of what is no full socket (any more, or yet).
    #[inline(always)]
    pub fn uid(&self) -> u32 {
        raw::load(self.0, 16)
    }

    /// Where records go.
    #[inline(always)]
    pub fn sequence(&self) -> Sequence {
        let meta = Btf::new(raw::load(self.0, 0));
        Sequence(Btf::new(raw::load(meta.as_ptr(), 0)))
    }
}

impl Context for Sockets {
    const SECTIONS: &'static [&'static str] = &["iter/tcp", "iter/udp", "iter/unix"];

    #[inline(always)]
    #[expect(unsafe_code, reason = "as the trait")]
    unsafe fn from_raw(raw: *mut c_void) -> Self {
        Self(raw.cast())
    }
}
