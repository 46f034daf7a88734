//! Who may talk to the server over HTTP, and how much they may say.

use gadgetry_mcp::http::{Config, HttpError, Secret, listen as bind};
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use reqwest::{Client, Response};
use tokio_util::sync::CancellationToken;

use crate::stub::{Stub, catalog};
use crate::world::{listen, local, serving};

const TOKEN: &str = "correct-horse-battery-staple";
const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"#,
    r#""clientInfo":{"name":"test","version":"1"}}}"#,
);

async fn serve(config: Config) -> String {
    listen(serving(catalog(), Stub::new()), config, CancellationToken::new()).await.0
}

async fn post(url: &str, headers: &[(&'static str, &str)], body: String) -> Response {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    Client::new()
        .post(url)
        .header("Content-Type", "application/json")
        .header("Accept", "application/json, text/event-stream")
        .headers(headers)
        .body(body)
        .send()
        .await
        .unwrap()
}

async fn status(url: &str, headers: &[(&'static str, &str)]) -> u16 {
    post(url, headers, INITIALIZE.into()).await.status().as_u16()
}

#[tokio::test]
async fn only_the_token_opens_the_door() {
    let url = serve(Config { token: Some(Secret::new(TOKEN).unwrap()), ..local() }).await;
    let right = format!("Bearer {TOKEN}");
    assert_eq!(status(&url, &[("authorization", &right)]).await, 200);
    for wrong in ["Bearer", "Bearer x", "Basic Y29ycmVjdA==", &right[..right.len() - 1], &format!("{right}x")]
    {
        assert_eq!(status(&url, &[("authorization", wrong)]).await, 401, "{wrong}");
    }
    let refused = post(&url, &[], INITIALIZE.into()).await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()[WWW_AUTHENTICATE], r#"Bearer realm="gadgetry""#);
    assert!(!refused.text().await.unwrap().contains(TOKEN));
    // Health needs none.
    for path in ["healthz", "readyz"] {
        let health = reqwest::get(url.replace("mcp", path)).await.unwrap();
        assert_eq!(health.status(), 200);
    }
}

#[tokio::test]
async fn web_pages_from_elsewhere_are_refused() {
    let url = serve(local()).await;
    assert_eq!(status(&url, &[]).await, 200);
    for origin in ["http://evil.example", "null", "http://localhost:3000"] {
        assert_eq!(status(&url, &[("origin", origin)]).await, 403, "{origin}");
    }
    for (host, answer) in [
        ("evil.example", 403),
        ("localhost", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:80", 200),
        ("10.0.0.1", 403),
    ] {
        assert_eq!(status(&url, &[("host", host)]).await, answer, "{host}");
    }

    let url = serve(Config {
        allowed_hosts: vec!["gadgetry.svc".into()],
        allowed_origins: vec!["https://app.example".into(), "http://localhost:*".into()],
        ..local()
    })
    .await;
    for (name, value, answer) in [
        ("origin", "https://app.example", 200),
        ("origin", "https://app.example:8443", 403),
        ("origin", "http://app.example", 403),
        ("origin", "http://localhost:3000", 200),
        ("host", "gadgetry.svc:8080", 200),
        ("host", "localhost", 200),
        ("host", "evil.example", 403),
    ] {
        assert_eq!(status(&url, &[(name, value)]).await, answer, "{name}: {value}");
    }
}

#[tokio::test]
async fn elsewhere_than_on_the_loopback_a_token_is_needed() {
    for host in ["0.0.0.0", "::", "::ffff:0.0.0.0"] {
        let error = bind(Config { host: host.into(), ..Config::default() }).await.unwrap_err();
        assert!(matches!(error, HttpError::Exposed { .. }), "{error}");
        let says = error.to_string();
        assert!(says.contains("--token-file") && says.contains("localhost"), "{says}");
    }
    let token = Some(Secret::new(TOKEN).unwrap());
    let open = Config { host: "0.0.0.0".into(), token, ..Config::default() };
    let url = serve(open).await.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(status(&url, &[]).await, 401);
    // By whatever name it is reached: a page that guesses one has no token.
    let right = format!("Bearer {TOKEN}");
    assert_eq!(status(&url, &[("authorization", &right), ("host", "node-7.internal")]).await, 200);
}

#[tokio::test]
async fn a_bad_configuration_says_what_to_do() {
    let taken = bind(local()).await.unwrap();
    for (config, says) in [
        (Config { host: "no.such.host.invalid".into(), ..local() }, "localhost"),
        (Config { port: taken.address().port(), ..local() }, "another server"),
        (Config { allowed_origins: vec!["app.example".into()], ..local() }, "https://app.example:443"),
    ] {
        let error = bind(config).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let local = bind(Config { host: "localhost".into(), ..Config::default() }).await.unwrap();
    assert!(local.address().ip().is_loopback());
    assert_ne!(local.address().port(), 0);
}

#[tokio::test]
async fn a_request_has_a_size() {
    let url = serve(local()).await;
    let large = format!("{INITIALIZE}{}", " ".repeat(8 << 20));
    assert_eq!(post(&url, &[], large).await.status(), 413);
    assert_eq!(reqwest::get(url.replace("/mcp", "/other")).await.unwrap().status(), 404);
}
