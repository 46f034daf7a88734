//! The port on loopback: it can be closed with all that stands, and opened again at the same address. What runs in pods comes
//! by TLS, as it would to a real one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::{convert::Infallible, io};

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::server::{Shared, handle};

/// An open port.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    accepting: JoinHandle<()>,
}

impl Listening {
    /// `tls`: how callers are met; plainly without it.
    pub(crate) async fn open(
        shared: Arc<Shared>,
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(accept(shared, listener, tls, stop.clone()));
        Ok(Self { address, stop, accepting })
    }

    /// Refuses connections from now on, and cuts those that stand.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        // An accepting task that panicked has closed its port as well.
        let _ = self.accepting.await;
    }

    /// As `close`, without waiting.
    pub(crate) fn cut(&self) {
        self.stop.cancel();
    }
}

async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let (shared, stop, tls) = (shared.clone(), stop.clone(), tls.clone());
        tokio::spawn(async move {
            let Some(tls) = tls else { return serve(shared, stream, stop).await };
            // Who does not trust the certificate goes away, and finds so in its own log.
            if let Ok(stream) = tls.accept(stream).await {
                serve(shared, stream, stop).await;
            }
        });
    }
}

async fn serve(
    shared: Arc<Shared>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    stop: CancellationToken,
) {
    let ends = stop.clone();
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (shared, stop) = (shared.clone(), stop.clone());
        async move { Ok::<_, Infallible>(handle(shared, request.map(axum::body::Body::new), stop).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        () = ends.cancelled() => {}
        // A client that went away has said all it had to say.
        _ = connection => {}
    }
}
