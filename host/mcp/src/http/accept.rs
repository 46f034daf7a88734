//! The loop that accepts connections. It is written here because the router's own has no time limit for a request's
//! headers, so that a few idle sockets could hold it up, and none for its end.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::tls::Tls;

/// How long a client may take to send a request's headers; also how long a connection may idle.
const HEADERS: Duration = Duration::from_secs(30);
/// How long a client may take to agree on a key.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait for a file descriptor when there is none.
const RETRY: Duration = Duration::from_millis(200);
/// How long the last answers have to get out before open streams are cut.
const ANSWERS: Duration = Duration::from_millis(500);
/// How long connections have to close after that.
const CLOSE: Duration = Duration::from_secs(2);

/// Accepts until `cancel` is cancelled. Then, while connections go on, runs `wind_down`, lets the last answers out,
/// cuts what is still `streams`, and closes the connections.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    tls: Option<Tls>,
    cancel: CancellationToken,
    wind_down: impl Future<Output = ()>,
    streams: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = connections.join_next(), if !connections.is_empty() => continue,
            () = cancel.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(RETRY).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "answers may be delayed");
        }
        let (http, router, watcher) = (http.clone(), router.clone(), graceful.watcher());
        match &tls {
            None => connections.spawn(serve(http, stream, router, watcher)),
            Some(tls) => {
                let acceptor = TlsAcceptor::from(tls.config());
                connections.spawn(async move {
                    match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => serve(http, stream, router, watcher).await,
                        Ok(Err(error)) => tracing::debug!(%error, "no TLS with a client"),
                        Err(_) => tracing::debug!("a client did not finish its TLS handshake"),
                    }
                })
            }
        };
    }
    drop(listener);
    wind_down.await;
    let mut closed = pin!(graceful.shutdown());
    if timeout(ANSWERS, &mut closed).await.is_ok() {
        return;
    }
    streams.cancel();
    if timeout(CLOSE, closed).await.is_err() {
        tracing::debug!(connections = connections.len(), "closing connections that are still open");
    }
}

/// Serves one connection to its end.
async fn serve(
    http: http1::Builder,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    watcher: Watcher,
) {
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
