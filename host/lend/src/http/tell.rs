//! What went wrong, in words for the gadget and its caller: with the endpoint, never with a path, a header or a body.

use std::error::Error as _;

use gadget_registry::hosts::Endpoint;
use gadgetry_guest::lent::http::Error;

use super::gate::Gate;
use super::names::Private;

/// Bytes of a foreign text.
const SHOWN: usize = 200;

/// What a failed attempt is told as, and whether it is as if it had never been sent.
pub(super) fn failed(gate: &Gate, endpoint: &Endpoint, error: &reqwest::Error) -> (Error, bool) {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(private) = found.downcast_ref::<Private>() {
            return (gate.private(endpoint, &private.to_string()), false);
        }
        cause = found.source();
    }
    let unsent = error.is_connect();
    if error.is_timeout() {
        return (Error::Timeout(format!("{endpoint} could not be connected to in time")), unsent);
    }
    let what = if unsent { "can't be connected to" } else { "broke off" };
    (Error::Connection(format!("{endpoint} {what}: {}", deepest(error))), unsent)
}

/// The innermost cause, which is what happened; those around it only say during what.
pub(super) fn deepest(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(found) = cause {
        text = found.to_string();
        cause = found.source();
    }
    // An error without causes would name the URL.
    if text.is_empty() { "no cause is known".to_owned() } else { shown(&text) }
}

/// Foreign text, fit to be shown.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}
