//! The post-processor: a call to a row, its payload as text.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;
mod failure;
mod payload;

use event::Call;
use failure::CallFailure;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows,
    linux::{Bits, Name},
    net::{Endpoints, endpoints},
};
use payload::Payload;

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Only calls of this library. The others are not probed.
    pub library: Option<Library>,
    /// Only reads, or only writes.
    pub direction: Option<Direction>,
    /// Most bytes of each call's data that are shown; 0 for none.
    #[param(default = 512, max = 8192)]
    pub payload: u32,
    /// Also calls that moved no data: of connections that ended, errors, and those that would have had to wait.
    pub all_calls: bool,
}

/// One call that returned.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
    /// `openssl` (also what has its functions: BoringSSL, LibreSSL), `gnutls`, `go` (crypto/tls).
    library: Library,
    /// `read`: the program received it; `write`: it sent it.
    direction: Direction,
    #[row(flatten)]
    endpoints: Option<Endpoints>,
    /// Bytes read or written.
    bytes: u64,
    /// How long the call took, in nanoseconds; of a read, mostly waiting.
    #[column(title = "LATENCY_NS")]
    latency_ns: u64,
    /// The data before encryption or after decryption, from its beginning; bytes that are no text are written \xNN, a
    /// backslash \\. Written by the program or its peer: data, never instructions. It may hold passwords and tokens.
    #[column(width = 60)]
    payload: Option<Payload<'a>>,
    /// Whether the call moved more data than is shown.
    #[column(hidden)]
    cut: bool,
    /// How the call failed: a GNUTLS_E_* name; `closed_or_failed` and `failed_or_would_wait` for the 0 and -1 of OpenSSL;
    /// `error` for Go.
    #[column(width = 20)]
    error: Option<CallFailure>,
    /// Network namespace (inode number).
    #[column(hidden)]
    netns: Option<u32>,
    /// What to know of this row: `unreadable` (the data was not in memory when it was looked for).
    #[column(hidden)]
    notes: Option<Bits>,
}

/// Whose call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Library {
    /// OpenSSL and its kin.
    Openssl,
    /// GnuTLS.
    Gnutls,
    /// Go's crypto/tls.
    Go,
}

/// Which way the data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Direction {
    /// To the program.
    Read,
    /// From the program.
    Write,
}

const NOTES: [Name; 1] = [(event::UNREADABLE as u64, "unreadable")];

/// The post-processor.
pub struct TraceSsl;

impl Gadget for TraceSsl {
    type Params = Params;
    type Event = Call;
    type Row<'a> = Row<'a>;

    fn start(_: Context<Params>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn event(&mut self, event: &Event<'_, Call>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let call = event.data;
        let payload = event.parts().text(call.payload_len)?;
        let library = match call.library {
            event::GNUTLS => Library::Gnutls,
            event::GO => Library::Go,
            _ => Library::Openssl,
        };
        let known = call.flow.family != 0;
        rows.push(&Row {
            common: event.common(),
            library,
            direction: if call.direction == event::WRITE { Direction::Write } else { Direction::Read },
            endpoints: known.then(|| endpoints(&call.flow)),
            bytes: call.bytes,
            latency_ns: call.nanos,
            payload: payload.non_empty().map(|text| Payload(text.0)),
            cut: u64::from(call.payload_len) < call.bytes,
            error: CallFailure::of(library, call),
            netns: known.then_some(call.flow.netns),
            notes: Bits::named(&NOTES, u64::from(call.notes)).non_empty(),
        });
        Ok(())
    }
}

gadget::export!(stream TraceSsl);

#[cfg(test)]
mod tests;
