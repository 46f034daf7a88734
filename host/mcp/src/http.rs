//! MCP over Streamable HTTP at `/mcp`, beside `/healthz` and `/readyz` for whoever watches the process.
//!
//! What is told from the kernel of a machine is nobody's business by default, so: it listens on the loopback unless
//! told otherwise; a web page cannot reach it, because Origin and Host are checked; and as soon as it listens
//! elsewhere every request needs a bearer token, without which it does not start. TLS is its own when it is given a
//! certificate, and left to what stands before it otherwise.

mod accept;
mod oauth;
mod secret;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use gadgetry_run::request::MAX_DURATION;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, lookup_host};
use tokio_util::sync::CancellationToken;

pub use oauth::OAuth;
pub use secret::{Secret, SecretError};
pub use tls::{Files, TlsError};

use self::tls::Tls;
use crate::access::Access;
use crate::caller::Caller;
use crate::server::Server;

/// The largest request. Most arguments are small, but tools that look at texts are given them whole.
const MAX_REQUEST: usize = 8 << 20;
/// How long a session may be silent. It must outlast the longest run, because a client waiting for its answer is
/// silent too.
const SESSION_IDLE: Duration = MAX_DURATION.saturating_add(Duration::from_secs(300));
/// Names by which the loopback is called.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where to listen, and for whom.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Address or name to listen on: `localhost`, `0.0.0.0`.
    pub host: String,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// Values of `Host` that are served, with or without a port, beside the loopback names. When there are none and
    /// the address is not a loopback one, any is: the check is against web pages that point a name of their own at
    /// this address, and those have no token.
    pub allowed_hosts: Vec<String>,
    /// Values of `Origin` that are served beside this server's own on the loopback: `https://app.example`,
    /// `http://localhost:*`. Requests of web pages from elsewhere are refused; other clients send none.
    pub allowed_origins: Vec<String>,
    /// The bearer token that every MCP request must carry.
    pub token: Option<Secret>,
    /// The certificate to serve with, over TLS alone.
    pub tls: Option<Files>,
    /// Checks tokens that are not the server's own.
    pub access: Option<Arc<dyn Access>>,
    /// Who gives out tokens, for clients that look for it.
    pub oauth: Option<OAuth>,
    /// Whether clients of the session era are served without sessions, so that any replica can answer any request.
    pub stateless: bool,
}

/// Why it does not listen.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The host is no address and has none.
    #[error("cannot listen on `{host}`: {source}; give an address of this machine, or `localhost`")]
    Resolve {
        /// The host asked for.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// It would be open to others, and no token is set.
    #[error(
        "{address} can be reached from other machines, so a bearer token is needed: set GADGETRY_TOKEN or \
         --token-file (`openssl rand -hex 32` makes a good one), or listen on localhost"
    )]
    Exposed {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("cannot listen on {host}:{port}: {source}; is another server running there?")]
    Bind {
        /// The host asked for.
        host: String,
        /// The port asked for.
        port: u16,
        /// What the kernel said.
        source: io::Error,
    },
    /// The certificate or its key can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An allowed origin that no browser would send.
    #[error("`{origin}` is not a web origin: write it as `https://app.example:443` or `http://localhost:*`")]
    Origin {
        /// The entry.
        origin: String,
    },
}

/// A listening socket: clients can connect, and are answered once it is [`Self::serve`]d.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    config: Config,
    tls: Option<Tls>,
}

/// Checks `config` and listens.
pub async fn listen(mut config: Config) -> Result<Listening, HttpError> {
    for origin in &mut config.allowed_origins {
        *origin = with_port(origin)?;
    }
    let tls = config.tls.take().map(Tls::new).transpose()?;
    let (host, port) = (config.host.clone(), config.port);
    let addresses = match resolve(&host, port).await {
        Ok(addresses) => addresses,
        Err(source) => return Err(HttpError::Resolve { host, source }),
    };
    if config.token.is_none()
        && config.access.is_none()
        && let Some(&address) = addresses.iter().find(|address| !is_loopback(address))
    {
        return Err(HttpError::Exposed { address });
    }
    match bind(&addresses).await {
        Ok((listener, address)) => Ok(Listening { listener, address, config, tls }),
        Err(source) => Err(HttpError::Bind { host, port, source }),
    }
}

async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(lookup_host((host, port)).await?.collect())
}

async fn bind(addresses: &[SocketAddr]) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(addresses).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

impl Listening {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http`, or `https` when it serves over TLS.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until `cancel` is cancelled; then cancels the runs, answers them, and closes the connections.
    pub async fn serve<C: Caller>(self, server: Server<C>, cancel: CancellationToken) {
        let Self { listener, address, config, tls } = self;
        let streams = CancellationToken::new();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let router = router(server.clone(), (scheme, address), config, streams.clone());
        tokio::select! {
            () = accept::accept(listener, router, tls, cancel, server.stop(), streams) => {}
            // Ends only with the catalogue, which the server holds.
            () = server.announce() => {}
        }
    }
}

fn router<C: Caller>(
    server: Server<C>,
    (scheme, address): (&str, SocketAddr),
    config: Config,
    streams: CancellationToken,
) -> Router {
    let Config { allowed_hosts, mut allowed_origins, token, access, oauth, stateless, .. } = config;
    if is_loopback(&address) {
        let port = address.port();
        allowed_origins
            .extend(["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{scheme}://{host}:{port}")));
    }
    let mut transport = StreamableHttpServerConfig::default()
        .with_allowed_origins(allowed_origins)
        .enforce_origin_validation()
        // One JSON body is cheaper than a stream of one event. Sessions and answers that come with notifications
        // are streamed all the same.
        .with_json_response(true)
        .with_legacy_session_mode(!stateless)
        .with_max_request_body_bytes(MAX_REQUEST)
        .with_cancellation_token(streams);
    transport = if allowed_hosts.is_empty() && !is_loopback(&address) {
        transport.disable_allowed_hosts()
    } else {
        transport.with_allowed_hosts(LOOPBACK.map(str::to_owned).into_iter().chain(allowed_hosts))
    };
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(SESSION_IDLE);

    let stopping = server.stopping().clone();
    let mcp = StreamableHttpService::new(move || Ok(server.clone()), Arc::new(sessions), transport);
    let mut router = Router::new().route_service("/mcp", mcp);
    if token.is_some() || access.is_some() {
        let metadata = oauth.as_ref().map(|it| it.metadata().into());
        router = router.layer(from_fn_with_state(secret::Proof { token, access, metadata }, secret::require));
    }
    if let Some(oauth) = oauth {
        let document = get(async move || oauth.document());
        router = router.route(oauth::PATH, document.clone()).route(oauth::PATH_OF_RESOURCE, document);
    }
    let ready = async move || {
        if stopping.is_cancelled() {
            (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
        } else {
            (StatusCode::OK, "ok\n")
        }
    };
    router.route("/healthz", get("ok\n")).route("/readyz", get(ready))
}

fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// An allowed origin with its port written out. Browsers leave the scheme's own port out, and the SDK takes an entry
/// without one for any port.
fn with_port(origin: &str) -> Result<String, HttpError> {
    let invalid = || HttpError::Origin { origin: origin.to_owned() };
    if origin == "null" {
        return Ok(origin.to_owned());
    }
    let base = origin.strip_suffix(":*").unwrap_or(origin);
    let uri: Uri = base.parse().map_err(|_| invalid())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(invalid());
    };
    if uri.path_and_query().is_some_and(|path| path != "/")
        || base.ends_with('/')
        || authority.as_str().contains('@')
    {
        return Err(invalid());
    }
    match (scheme, authority.port(), base.len() < origin.len()) {
        (_, Some(_), true) => Err(invalid()),
        (_, Some(_), false) | (_, None, true) => Ok(origin.to_owned()),
        ("http", None, false) => Ok(format!("{origin}:80")),
        ("https", None, false) => Ok(format!("{origin}:443")),
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::with_port;

    #[test]
    fn origins_are_checked_and_get_their_port() {
        for (origin, port) in [
            ("https://app.example", Some("https://app.example:443")),
            ("http://app.example", Some("http://app.example:80")),
            ("http://localhost:6274", Some("http://localhost:6274")),
            ("http://localhost:*", Some("http://localhost:*")),
            ("http://[::1]", Some("http://[::1]:80")),
            ("vscode-webview://abc:*", Some("vscode-webview://abc:*")),
            ("null", Some("null")),
            ("app.example", None),
            ("https://app.example/", None),
            ("https://app.example/path", None),
            ("https://me@app.example", None),
            ("http://localhost:80:*", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(with_port(origin).ok().as_deref(), port, "{origin}");
        }
    }
}
