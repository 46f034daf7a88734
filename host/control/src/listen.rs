//! Takes connections: over TLS from those who prove to be a server, and on a socket of this machine from whoever its mode
//! lets in. A connection that is not what it should be ends, is counted, and holds up no other.

use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use gadgetry_run::runs::Kept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::Connected;

use crate::dial::Duplex;
use crate::peers::answering;
use crate::service::Offered;
use crate::source::Source;
use crate::tls::{Identity, Role};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Handshakes at once: each costs a signature.
const HANDSHAKES: usize = 32;
/// Bytes of one call, and of all calls of a connection, that are sent before whoever reads must take some.
const WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
/// How long a silent connection is believed in: longer than a link is cut by a switch that starts anew.
const ALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));

/// What cannot be listened at.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at {place}: {error}")]
pub struct ListenError {
    place: String,
    error: io::Error,
}

/// How somebody came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By a socket, or a port of the loopback.
    Unproven,
    /// Over TLS, and proved to be of the role that is let in there.
    Proven,
}

/// A connection of either kind.
struct Stream(Box<dyn Duplex>, Via);

/// Where connections come in.
pub struct Listening {
    tcp: Option<(TcpListener, Arc<Identity>, Role)>,
    plain: Option<TcpListener>,
    unix: Option<(UnixListener, PathBuf)>,
    kept: Option<Kept>,
    refused: Arc<AtomicU64>,
}

impl Listening {
    /// Nowhere yet.
    pub fn nowhere() -> Self {
        Self { tcp: None, plain: None, unix: None, kept: None, refused: Arc::default() }
    }

    /// Also at `address`, for those whose certificate is of the role `from`.
    pub async fn tls(self, address: &str, identity: Arc<Identity>, from: Role) -> Result<Self, ListenError> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| ListenError { place: address.to_owned(), error })?;
        Ok(Self { tcp: Some((listener, identity, from)), ..self })
    }

    /// Also, without any proof, at a port of the loopback: in a pod that leads to it are the pod's containers, and those who
    /// may forward a port of it, which the cluster decides.
    pub async fn forwarded(self, port: u16) -> Result<Self, ListenError> {
        let address = (Ipv4Addr::LOCALHOST, port);
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| ListenError { place: format!("127.0.0.1:{port}"), error })?;
        Ok(Self { plain: Some(listener), ..self })
    }

    /// Also at a socket of this machine, for its owner alone. One that a killed predecessor left is taken over.
    pub fn unix(self, path: &Path) -> Result<Self, ListenError> {
        let bind = || -> io::Result<UnixListener> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let left = std::fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
            if left && std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another agent listens there"));
            }
            if left {
                std::fs::remove_file(path)?;
            }
            let listener = UnixListener::bind(path)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        let listener =
            bind().map_err(|error| ListenError { place: format!("unix:{}", path.display()), error })?;
        Ok(Self { unix: Some((listener, path.to_owned())), ..self })
    }

    /// Other servers are answered too, about the runs that are `kept` here.
    pub fn answering(self, kept: Kept) -> Self {
        Self { kept: Some(kept), ..self }
    }

    /// The port of the TLS listener.
    pub fn port(&self) -> Option<u16> {
        self.tcp.as_ref().and_then(|(listener, ..)| Some(listener.local_addr().ok()?.port()))
    }

    /// Connections that were refused.
    pub fn refused(&self) -> Arc<AtomicU64> {
        self.refused.clone()
    }

    /// Serves until `stop` is cancelled, and then until all calls have ended, within reason.
    pub async fn serve<S: Source>(
        self,
        offered: Offered<S>,
        stop: CancellationToken,
    ) -> Result<(), tonic::transport::Error> {
        let (taken, incoming) = mpsc::channel::<io::Result<Stream>>(64);
        let Self { tcp, plain, unix, kept, refused } = self;
        let socket = unix.as_ref().map(|(_, path)| path.clone());
        if let Some((listener, identity, from)) = tcp {
            tokio::spawn(take_tls(listener, identity, from, taken.clone(), refused, stop.clone()));
        }
        if let Some(listener) = plain {
            let accept = move |cx: &mut Context<'_>| {
                listener.poll_accept(cx).map_ok(|(stream, _)| {
                    let _ = stream.set_nodelay(true);
                    stream
                })
            };
            tokio::spawn(take(accept, taken.clone(), stop.clone()));
        }
        if let Some((listener, _)) = unix {
            let accept = move |cx: &mut Context<'_>| listener.poll_accept(cx).map_ok(|(stream, _)| stream);
            tokio::spawn(take(accept, taken.clone(), stop.clone()));
        }
        drop(taken);
        let service = offered.0.clone();
        let ended = async {
            stop.cancelled().await;
            service.shutdown().await;
        };
        let served = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keepalive_interval(Some(ALIVE.0))
            .http2_keepalive_timeout(Some(ALIVE.1))
            .tcp_nodelay(true)
            .add_service(offered.server())
            .add_optional_service(kept.map(answering))
            .serve_with_incoming_shutdown(ReceiverStream::new(incoming), ended)
            .await;
        if let Some(path) = socket {
            let _ = std::fs::remove_file(path);
        }
        served
    }
}

/// Connections as `accept` gives them.
async fn take<T: Duplex + 'static>(
    mut accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
    taken: mpsc::Sender<io::Result<Stream>>,
    stop: CancellationToken,
) {
    loop {
        let stream = tokio::select! {
            accepted = poll_fn(&mut accept) => accepted,
            () = stop.cancelled() => return,
        };
        match stream {
            Ok(stream) => {
                if taken.send(Ok(Stream(Box::new(stream), Via::Unproven))).await.is_err() {
                    return;
                }
            }
            Err(error) => pause(&error).await,
        }
    }
}

async fn take_tls(
    listener: TcpListener,
    identity: Arc<Identity>,
    from: Role,
    taken: mpsc::Sender<io::Result<Stream>>,
    refused: Arc<AtomicU64>,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause(&error).await;
                continue;
            }
        };
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let (identity, taken, refused) = (identity.clone(), taken.clone(), refused.clone());
        tokio::spawn(async move {
            let _place = place;
            match timeout(HANDSHAKE, secured(stream, &identity, from)).await {
                // The service has ended otherwise.
                Ok(Ok(stream)) => drop(taken.send(Ok(Stream(Box::new(stream), Via::Proven))).await),
                Ok(Err(error)) => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%peer, %error, "a connection was refused");
                }
                Err(_) => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%peer, "a connection was refused: its handshake took too long");
                }
            }
        });
    }
}

/// Too many open files, say: others may end meanwhile.
async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be taken");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn secured(stream: TcpStream, identity: &Identity, from: Role) -> io::Result<TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    let stream = TlsAcceptor::from(identity.server()).accept(stream).await?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    match certificates.first() {
        Some(certificate) if from.has(certificate) => Ok(stream),
        _ => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("its certificate is not for `{}`", from.name()),
        )),
    }
}

impl Connected for Stream {
    type ConnectInfo = Via;

    fn connect_info(&self) -> Via {
        self.1
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}
