//! The loop that accepts connections. It is written here because the router's own has no time limit for a request's
//! headers, so that a few idle sockets could hold it up, and none for its end.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a client may take to send a request's headers; also how long a connection may idle.
const HEADERS: Duration = Duration::from_secs(30);
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
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
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
