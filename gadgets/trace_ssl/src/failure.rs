//! How a call failed, as far as its result tells.

use gadget::{Schema, Value};

use crate::{Library, event, event::Call};

/// Why a call failed: in a row a name of the library's, or as much as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// A name.
    Known(&'static str),
    /// A number of GnuTLS' without one: `"GNUTLS_E_-42"`.
    Gnutls(i64),
}

/// Those that come up when data is moved.
const GNUTLS: [(i64, &str); 20] = [
    (-9, "GNUTLS_E_UNEXPECTED_PACKET_LENGTH"),
    (-10, "GNUTLS_E_INVALID_SESSION"),
    (-12, "GNUTLS_E_FATAL_ALERT_RECEIVED"),
    (-15, "GNUTLS_E_UNEXPECTED_PACKET"),
    (-16, "GNUTLS_E_WARNING_ALERT_RECEIVED"),
    (-18, "GNUTLS_E_ERROR_IN_FINISHED_PACKET"),
    (-24, "GNUTLS_E_DECRYPTION_FAILED"),
    (-25, "GNUTLS_E_MEMORY_ERROR"),
    (-28, "GNUTLS_E_AGAIN"),
    (-37, "GNUTLS_E_REHANDSHAKE"),
    (-38, "GNUTLS_E_GOT_APPLICATION_DATA"),
    (-50, "GNUTLS_E_INVALID_REQUEST"),
    (-51, "GNUTLS_E_SHORT_MEMORY_BUFFER"),
    (-52, "GNUTLS_E_INTERRUPTED"),
    (-53, "GNUTLS_E_PUSH_ERROR"),
    (-54, "GNUTLS_E_PULL_ERROR"),
    (-59, "GNUTLS_E_INTERNAL_ERROR"),
    (-110, "GNUTLS_E_PREMATURE_TERMINATION"),
    (-319, "GNUTLS_E_TIMEDOUT"),
    (-424, "GNUTLS_E_REAUTH_REQUEST"),
];

impl CallFailure {
    /// That of a call, if it failed.
    pub fn of(library: Library, call: &Call) -> Option<Self> {
        match library {
            Library::Go => (call.notes & event::FAILED != 0).then_some(Self::Known("error")),
            Library::Openssl if call.bytes == 0 && call.result == 0 => Some(Self::Known("closed_or_failed")),
            Library::Openssl if call.result < 0 => Some(Self::Known("failed_or_would_wait")),
            Library::Gnutls if call.result < 0 => {
                let known = GNUTLS.iter().find(|(number, _)| *number == call.result);
                Some(known.map_or(Self::Gnutls(call.result), |(_, name)| Self::Known(name)))
            }
            _ => None,
        }
    }
}

impl Value for CallFailure {
    const WIDTH: u16 = 20;

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Known(name) => name.write(out),
            Self::Gnutls(number) => format!("GNUTLS_E_{number}").write(out),
        }
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}
