//! Opens connections: to an agent or a server over TLS, to an agent of this machine by its socket, or through whatever
//! else leads to one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::address::Address;
use crate::nodes::Connect;
use crate::tls::{Identity, Role};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of one call, and of all calls, that are received before they are taken.
const WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
/// How long a silent connection is believed in.
const ALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));

/// Connects to agents, or to servers.
#[derive(Clone)]
pub struct Dial {
    identity: Option<Arc<Identity>>,
    to: Role,
}

impl Dial {
    /// As one who proves to be `identity`, to those who prove to be of the role `to`. Without an identity only sockets of this
    /// machine can be reached.
    pub const fn new(identity: Option<Arc<Identity>>, to: Role) -> Self {
        Self { identity, to }
    }
}

impl Connect<Address> for Dial {
    fn channel(&self, address: &Address) -> Channel {
        let (dial, address) = (self.clone(), address.clone());
        channel(move || {
            let (dial, address) = (dial.clone(), address.clone());
            async move {
                let boxed: Box<dyn Duplex> = match address {
                    Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
                    Address::Tls(address) => {
                        let stream = TcpStream::connect(address).await?;
                        stream.set_nodelay(true)?;
                        Box::new(over(stream, dial.identity.as_deref(), dial.to).await?)
                    }
                };
                Ok(boxed)
            }
        })
    }
}

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Secures `stream`, at the other end of which somebody of the role `to` must be.
pub async fn over(
    stream: impl Duplex + 'static,
    identity: Option<&Identity>,
    to: Role,
) -> io::Result<impl Duplex + 'static> {
    let identity = identity.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "a certificate is needed: --agent-tls-cert-file, --agent-tls-key-file and --agent-tls-ca-file",
        )
    })?;
    let name = ServerName::try_from(to.name()).map_err(io::Error::other)?;
    TlsConnector::from(identity.client()).connect(name, stream).await
}

/// A channel whose connections `open` makes, when one is needed.
pub fn channel<F, D>(open: impl Fn() -> F + Clone + Send + 'static) -> Channel
where
    F: Future<Output = io::Result<D>> + Send + 'static,
    D: Duplex + 'static,
{
    let connector = service_fn(move |_: Uri| {
        let opened = open();
        async move {
            match timeout(CONNECT, opened).await {
                Ok(opened) => opened.map(TokioIo::new),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no connection within 5 s")),
            }
        }
    });
    // The name is not looked up: the connector knows where to go.
    Endpoint::from_static("http://gadgetry")
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(ALIVE.0)
        .keep_alive_timeout(ALIVE.1)
        .keep_alive_while_idle(true)
        .connect_with_connector_lazy(connector)
}
