//! What whoever looks after an agent or a server asks over plain HTTP: whether it is alive, whether it can work, and its
//! counts for Prometheus. Nothing of what gadgets see is told here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::service::Service;
use crate::source::Source;

/// What Prometheus is told the text is.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether it can work; an error says why not.
pub type Ready = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

struct Asked<S> {
    service: Arc<Service<S>>,
    ready: Ready,
}

/// Answers at `listener` until `stop` is cancelled.
pub async fn serve<S: Source>(
    listener: TcpListener,
    service: Arc<Service<S>>,
    ready: Ready,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz::<S>))
        .route("/metrics", get(metrics::<S>))
        .with_state(Arc::new(Asked { service, ready }));
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn readyz<S: Source>(State(asked): State<Arc<Asked<S>>>) -> Response {
    match (asked.ready)() {
        Ok(()) => "ready\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn metrics<S: Source>(State(asked): State<Arc<Asked<S>>>) -> Response {
    let counts = asked.service.counts();
    let mut registry = Registry::with_prefix("gadgetry");
    let running = i64::try_from(asked.service.running()).unwrap_or(i64::MAX);
    registry.register("runs_going", "Runs that go on now", ConstGauge::new(running));
    for (name, help, count) in [
        ("runs", "Runs begun", &counts.runs),
        ("runs_failed", "Runs that failed", &counts.failed),
        ("runs_refused", "Runs there was no room for", &counts.refused),
        ("rows", "Rows sent", &counts.rows),
        ("lost", "Events and rows lost", &counts.lost),
    ] {
        registry.register(name, help, ConstCounter::new(count.load(Ordering::Relaxed)));
    }
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
