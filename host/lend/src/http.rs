//! Requests over HTTP for gadgets.
//!
//! A gadget hands over requests and gets answers; it never sees a socket. Each request passes the [`Gate`], which knows
//! the hosts that the gadget states and the operator grants, and goes out by a client that connects to public addresses
//! only, unless the operator said of this host that it may be elsewhere. Names are resolved once for a connection, and
//! the addresses found are those connected to, so that a name cannot mean another address a moment later. Behind an
//! HTTP proxy (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) names are resolved by the proxy, and that check is the proxy's.
//!
//! Connections are kept, by gadget: what one may reach is not another's to reuse.

mod gate;
mod limits;
mod names;
mod send;
mod tell;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use gadgetry_guest::lent::http::{Error, Http, Request, Response};
use reqwest::Certificate;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use self::gate::Gate;
use self::limits::{AT_A_TIME, IN_ONE_CALL, Room};
use crate::{LendError, Threads};

/// What all gadgets' requests share.
pub(crate) struct Shared {
    pub(crate) runtime: Threads,
    pub(crate) authorities: Vec<Certificate>,
    pub(crate) names: Arc<HashMap<String, Vec<IpAddr>>>,
}

/// Reads certificate authorities; none from nothing.
pub(crate) fn authorities(pem: &[u8]) -> Result<Vec<Certificate>, LendError> {
    if pem.is_empty() {
        return Ok(Vec::new());
    }
    let read =
        Certificate::from_pem_bundle(pem).map_err(|error| LendError::Authorities(error.to_string()))?;
    if read.is_empty() {
        return Err(LendError::Authorities("there is none in it".to_owned()));
    }
    Ok(read)
}

/// One run's requests.
pub(crate) struct Asking {
    pub(crate) gate: Arc<Gate>,
    pub(crate) stop: CancellationToken,
}

impl Http for Asking {
    fn send(&mut self, requests: Vec<Request>, left: Duration) -> Vec<Result<Response, Error>> {
        let count = requests.len();
        let all = |error: Error| vec![Err(error); count];
        if count > IN_ONE_CALL {
            let text = format!("wanted {count} requests at once; at most {IN_ONE_CALL}");
            return all(Error::Limited(text));
        }
        if left.is_zero() {
            return all(Error::Limited("this call has waited for requests as long as it may".to_owned()));
        }
        let runtime = match self.gate.shared().runtime.get() {
            Ok(runtime) => runtime,
            Err(error) => {
                return all(Error::Connection(format!("the host has no thread for requests: {error}")));
            }
        };
        let room = Room::default();
        runtime.block_on(async {
            let until = Instant::now() + left;
            let answers = futures_util::stream::iter(requests)
                .map(|request| send::answer(&self.gate, request, &room, until))
                .buffered(AT_A_TIME)
                .collect();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => all(Error::Cancelled),
                answers = answers => answers,
            }
        })
    }
}
