//! HTTPS: what is served, that a renewed certificate is taken up, and that a bad one is refused or passed over.

use std::fs;
use std::path::Path;

use gadgetry_mcp::http::{self, Files};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use tokio_util::sync::CancellationToken;

use crate::stub::{Stub, catalog};
use crate::world::{Era, connect, local, serving};

/// Writes a new certificate for localhost; what vouches for it.
fn certificate(folder: &Path) -> reqwest::Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
}

fn client(root: &reqwest::Certificate) -> reqwest::Client {
    reqwest::Client::builder().tls_certs_only([root.clone()]).pool_max_idle_per_host(0).build().unwrap()
}

fn config(folder: &Path) -> http::Config {
    let files = Files { certificate: folder.join("tls.crt"), key: folder.join("tls.key") };
    http::Config { host: "localhost".into(), tls: Some(files), ..local() }
}

#[tokio::test]
async fn it_serves_over_tls_and_takes_up_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let first = certificate(folder.path());
    let listening = http::listen(config(folder.path())).await.unwrap();
    assert_eq!(listening.scheme(), "https");
    let port = listening.address().port();
    let url = format!("https://localhost:{port}");
    let stop = CancellationToken::new();
    let served = tokio::spawn(listening.serve(serving(catalog(), Stub::new()), stop.clone()));

    for era in [Era::Sessions, Era::Stateless] {
        let transport = StreamableHttpClientTransport::with_client(
            client(&first),
            StreamableHttpClientTransportConfig::with_uri(format!("{url}/mcp")),
        );
        let connected = connect(era, transport).await;
        assert!(!connected.list_tools(None).await.unwrap().tools.is_empty());
    }
    let health = |root: reqwest::Certificate| client(&root).get(format!("{url}/healthz")).send();
    assert_eq!(health(first.clone()).await.unwrap().status(), 200);
    // Plain HTTP is not served there.
    assert!(reqwest::get(format!("http://localhost:{port}/healthz")).await.is_err());

    let second = certificate(folder.path());
    assert_eq!(health(second.clone()).await.unwrap().status(), 200);
    assert!(health(first).await.is_err(), "the old certificate is still served");
    // Half a renewal: the pair before stays.
    fs::write(folder.path().join("tls.key"), "nonsense").unwrap();
    assert_eq!(health(second).await.unwrap().status(), 200);
    stop.cancel();
    served.await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_used_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let error = http::listen(config(folder.path())).await.unwrap_err().to_string();
    assert!(error.contains("tls.crt"), "{error}");
    certificate(folder.path());
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.path().join("tls.key"), other.signing_key.serialize_pem()).unwrap();
    let error = http::listen(config(folder.path())).await.unwrap_err().to_string();
    assert!(error.contains("tls.key") && error.contains("does not fit"), "{error}");
    fs::write(folder.path().join("tls.crt"), "").unwrap();
    let error = http::listen(config(folder.path())).await.unwrap_err().to_string();
    assert!(error.contains("no certificate"), "{error}");
}

#[tokio::test]
async fn without_sessions_any_replica_answers() {
    // Two servers stand for two replicas; a client of the session era talks to both in turn.
    let mut urls = Vec::new();
    let stop = CancellationToken::new();
    for _ in 0..2 {
        let config = http::Config { stateless: true, ..local() };
        let listening = http::listen(config).await.unwrap();
        urls.push(format!("http://{}/mcp", listening.address()));
        tokio::spawn(listening.serve(serving(catalog(), Stub::new()), stop.clone()));
    }
    let client = reqwest::Client::new();
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
    let call =
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"a":1}}}"#;
    for (url, body) in [(&urls[0], initialize), (&urls[1], call), (&urls[0], call)] {
        let answer = client
            .post(url)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream")
            .header("MCP-Protocol-Version", "2025-11-25")
            .body(body)
            .send()
            .await
            .unwrap();
        assert!(answer.headers().get("mcp-session-id").is_none());
        let text = answer.text().await.unwrap();
        assert!(text.contains("\"result\""), "{text}");
    }
    stop.cancel();
}
