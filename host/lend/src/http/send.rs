//! One request, from the first time it is sent to an answer that stands.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBuilder};
use gadget_registry::hosts::Endpoint;
use gadgetry_guest::lent::http::{Error, Request, Response};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use tokio::time::{Instant, sleep, timeout_at};

use super::gate::{Admitted, Gate};
use super::limits::{ANSWER, HOPS, LONGEST, LONGEST_PAUSE, MOST_TRIES, PAUSE, Room, TIMEOUT, TRIES};
use super::tell;

/// A failed attempt.
struct Failed {
    error: Error,
    /// Whether it may go better another time.
    passing: bool,
    /// Whether nothing was sent.
    unsent: bool,
}

impl Failed {
    const fn lasting(error: Error) -> Self {
        Self { error, passing: false, unsent: false }
    }
}

/// Sends `request`, again where that may help, until there is an answer or it is `until`.
pub(super) async fn answer(
    gate: &Gate,
    request: Request,
    room: &Room,
    until: Instant,
) -> Result<Response, Error> {
    let wanted = request.timeout_ms.map_or(TIMEOUT, |ms| Duration::from_millis(ms.into()));
    let begin = Instant::now();
    let until = until.min(begin + wanted.min(LONGEST));
    let most = request.max_response_bytes.map_or(ANSWER, |bytes| ANSWER.min(bytes as usize));
    let tries = request.tries.unwrap_or(TRIES).clamp(1, MOST_TRIES);
    let stated = request.idempotent;
    let admitted = gate.admit(request)?;
    let idempotent = stated || admitted.method.is_idempotent();
    let late = || {
        let endpoint = &admitted.endpoint;
        Failed::lasting(Error::Timeout(format!("{endpoint} did not answer within {:?}", until - begin)))
    };
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .build();
    let mut tried = 0;
    loop {
        let went = match timeout_at(until, turn(gate, until)).await {
            Ok(turn) => {
                let _turn = turn?;
                tried += 1;
                timeout_at(until, once(gate, &admitted, most, room)).await
            }
            Err(late) => Err(late),
        };
        let went = went.unwrap_or_else(|_| Err(late()));
        let pause = match &went {
            Ok(response) => after(response, idempotent),
            Err(failed) => (failed.passing && (idempotent || failed.unsent)).then_some(Duration::ZERO),
        };
        let pause =
            pause.filter(|_| tried < tries).map(|least| least.max(pauses.next().unwrap_or(LONGEST_PAUSE)));
        match pause.filter(|pause| Instant::now() + *pause < until) {
            Some(pause) => sleep(pause).await,
            None => return went.map(|response| Response { tries: tried, ..response }).map_err(|it| it.error),
        }
    }
}

/// Waits for a place among the gadget's requests, and for its turn.
async fn turn(gate: &Gate, until: Instant) -> Result<tokio::sync::SemaphorePermit<'_>, Error> {
    let place = gate.together.acquire().await;
    let place = place.map_err(|_| Error::Limited("the host takes no requests any more".to_owned()))?;
    let most = until.saturating_duration_since(Instant::now());
    let Some(wait) = gate.rate.turn(most) else {
        return Err(Error::Limited("the gadget makes more requests a second than it may".to_owned()));
    };
    sleep(wait).await;
    Ok(place)
}

/// Whether an answer says to ask again, and after how long at least.
fn after(response: &Response, idempotent: bool) -> Option<Duration> {
    let again = match response.status {
        // The server says that it did nothing.
        429 => true,
        500 | 502 | 503 | 504 => idempotent,
        _ => false,
    };
    let value =
        response.headers.iter().find(|(name, _)| name == RETRY_AFTER.as_str()).map(|(_, value)| value);
    again.then(|| value.and_then(|value| retry_after(value)).unwrap_or_default())
}

/// Seconds, or a date.
fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    let date = || httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok();
    value.parse().map(Duration::from_secs).ok().or_else(date)
}

/// Sends it once, and again to where the same host says that it is.
async fn once(gate: &Gate, admitted: &Admitted<'_>, most: usize, room: &Room) -> Result<Response, Failed> {
    let Admitted { client, endpoint, method, url, headers, body } = admitted;
    let (mut method, mut url, mut headers, mut body) =
        (method.clone(), url.clone(), headers.clone(), body.clone());
    for _ in 0..=HOPS {
        let request = client.request(method.clone(), url.clone()).headers(headers.clone()).body(body.clone());
        let response = request.send().await.map_err(|error| passing(gate, endpoint, &error))?;
        let status = response.status();
        let Some(target) = target(status, &url, response.headers()) else {
            return read(gate, endpoint, response, most, room).await;
        };
        if Endpoint::of(&target).as_ref() != Ok(endpoint) {
            let to = Endpoint::of(&target).map_or_else(|_| "another place".to_owned(), |to| to.to_string());
            let text = format!(
                "{endpoint} redirects to {}, and redirects to other hosts are not followed",
                tell::shown(&to)
            );
            return Err(Failed::lasting(Error::Refused(text)));
        }
        // As browsers do; 307 and 308 keep method and body.
        if status == StatusCode::SEE_OTHER || method == Method::POST && [301, 302].contains(&status.as_u16())
        {
            if method != Method::HEAD {
                method = Method::GET;
            }
            body = bytes::Bytes::new();
            headers.remove(CONTENT_TYPE);
            headers.remove(CONTENT_LENGTH);
        }
        url = target;
    }
    let text = format!("{endpoint} redirects more than {HOPS} times");
    Err(Failed::lasting(Error::Refused(text)))
}

/// Where a redirect leads.
fn target(status: StatusCode, url: &Url, headers: &HeaderMap) -> Option<Url> {
    if ![301, 302, 303, 307, 308].contains(&status.as_u16()) {
        return None;
    }
    url.join(headers.get(LOCATION)?.to_str().ok()?).ok()
}

fn passing(gate: &Gate, endpoint: &Endpoint, error: &reqwest::Error) -> Failed {
    let (error, unsent) = tell::failed(gate, endpoint, error);
    let passing = matches!(error, Error::Connection(_) | Error::Timeout(_));
    Failed { error, passing, unsent }
}

/// Reads an answer of at most `most` bytes. A length that is announced is believed only to refuse.
async fn read(
    gate: &Gate,
    endpoint: &Endpoint,
    mut response: reqwest::Response,
    most: usize,
    room: &Room,
) -> Result<Response, Failed> {
    let large =
        || Failed::lasting(Error::TooLarge(format!("the answer of {endpoint} has more than {most} bytes")));
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Err(large());
    }
    let status = response.status().as_u16();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers =
        response.headers().iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| passing(gate, endpoint, &error))? {
        if body.len() + chunk.len() > most {
            return Err(large());
        }
        if !room.take(chunk.len()) {
            let text = format!(
                "the answers to this call are too large together, at {endpoint}; ask for fewer at once"
            );
            return Err(Failed::lasting(Error::TooLarge(text)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status, headers, body, tries: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_when_to_ask_again() {
        let with = |status: u16, value: Option<&str>| Response {
            status,
            headers: value.map(|value| ("retry-after".to_owned(), value.to_owned())).into_iter().collect(),
            body: Vec::new(),
            tries: 0,
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            (200, None, true, None),
            (429, None, false, seconds(0)),
            (429, Some("7"), false, seconds(7)),
            (429, Some("Thu, 01 Jan 1970 00:00:00 GMT"), false, seconds(0)),
            (429, Some("soon"), false, seconds(0)),
            (503, Some("2"), true, seconds(2)),
            (503, Some("2"), false, None),
            (501, None, true, None),
            (404, Some("2"), true, None),
        ];
        for (status, value, idempotent, wanted) in cases {
            assert_eq!(after(&with(status, value), idempotent), wanted, "{status} {value:?}");
        }
        let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        assert!(retry_after(&later).unwrap() > Duration::from_secs(50));
    }
}
