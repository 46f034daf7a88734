//! From outside of the cluster: one port-forward through the API server to a server's pod, over which everything goes.
//!
//! Whoever may list the pods there, and get and create `pods/portforward`, gets this far, and no further than his token
//! lets him there. (A WebSocket is a GET, so API servers ask for the right to get; newer ones for that to create too.)
//!
//! One connection is enough: gRPC has many calls in one, and each more costs the API server and the kubelet one as well.
//! So a new one ends the one before; and attempts that fail are spaced out, whoever asks for them and however often.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Portforwarder};
use kube::{Api, Client};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::time::{Instant, sleep_until, timeout};

use crate::names;
use crate::reason::reason;

/// How long finding a pod and opening may take each.
const ANSWER: Duration = Duration::from_secs(10);

/// Which server.
#[derive(Clone, Debug)]
pub struct ForwardOptions {
    /// Where it is installed.
    pub namespace: String,
    /// Selects its pods.
    pub pods: String,
    /// The pod's port.
    pub port: u16,
}

impl ForwardOptions {
    /// The servers of an installation.
    pub fn new(namespace: impl Into<String>, port: u16) -> Self {
        Self { namespace: namespace.into(), pods: names::SERVERS.to_owned(), port }
    }
}

/// Why there is no port-forward.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// There is no pod at all.
    #[error(
        "no gadgetry server is installed in the namespace {namespace:?} (no pod has {pods}); install it by \
         `gadgetry deploy`, or name its namespace by --namespace"
    )]
    NoServer {
        /// Where it was looked for.
        namespace: String,
        /// By which labels.
        pods: String,
    },
    /// No pod is ready.
    #[error("no gadgetry server in the namespace {namespace:?} is ready: {}", .pods.join("; "))]
    NotReady {
        /// Where.
        namespace: String,
        /// Each pod, and what it is.
        pods: Vec<String>,
    },
    /// The API server does not do it.
    #[error("{what} in the namespace {namespace:?}: {reason}")]
    Failed {
        /// What was to be done.
        what: String,
        /// Where.
        namespace: String,
        /// What happened.
        reason: String,
    },
}

/// Opens port-forwards, one at a time.
#[derive(Clone)]
pub struct Forward {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    options: ForwardOptions,
    /// Held while one is opened: who comes meanwhile waits for his turn.
    turn: tokio::sync::Mutex<Turn>,
    opened: AtomicU64,
    standing: Mutex<Option<Arc<Portforwarder>>>,
}

struct Turn {
    pauses: ExponentialBackoff,
    not_before: Instant,
    /// The pod that failed last: another one is tried first.
    avoid: Option<String>,
}

impl Forward {
    /// Nothing is opened yet.
    pub fn new(client: Client, options: ForwardOptions) -> Self {
        let turn = Turn { pauses: pauses(), not_before: Instant::now(), avoid: None };
        let shared = Shared {
            client,
            options,
            turn: tokio::sync::Mutex::new(turn),
            opened: AtomicU64::new(0),
            standing: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Opens a port-forward to a server that is ready, and ends the one before.
    pub async fn open(&self) -> Result<ForwardStream, ForwardError> {
        let mut turn = self.shared.turn.lock().await;
        sleep_until(turn.not_before).await;
        let avoid = turn.avoid.take();
        match self.attempt(avoid.as_deref()).await {
            Ok(stream) => {
                turn.pauses = pauses();
                Ok(stream)
            }
            Err((pod, error)) => {
                turn.not_before = Instant::now() + turn.pauses.next().unwrap_or_default();
                turn.avoid = pod;
                Err(error)
            }
        }
    }

    /// How many port-forwards were opened since the start.
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::Relaxed)
    }

    async fn attempt(&self, avoid: Option<&str>) -> Result<ForwardStream, (Option<String>, ForwardError)> {
        let Shared { client, options, .. } = &*self.shared;
        let pods: Api<Pod> = Api::namespaced(client.clone(), &options.namespace);
        let failed = |what: String, reason| ForwardError::Failed {
            what,
            namespace: options.namespace.clone(),
            reason,
        };
        let listed = timeout(ANSWER, pods.list(&ListParams::default().labels(&options.pods))).await;
        let listed = listed.map_err(|_| late()).and_then(|listed| listed.map_err(|error| reason(&error)));
        let listed = listed.map_err(|reason| (None, failed("looking for a server".to_owned(), reason)))?;
        let pod = choose(&listed.items, avoid, options).map_err(|error| (None, error))?;
        let what = || format!("forwarding port {} of pod {pod}", options.port);
        let opened = timeout(ANSWER, pods.portforward(&pod, &[options.port])).await;
        let opened = opened.map_err(|_| late()).and_then(|opened| opened.map_err(|error| reason(&error)));
        let mut forwarder = opened.map_err(|reason| (Some(pod.clone()), failed(what(), reason)))?;
        let (Some(stream), Some(error)) =
            (forwarder.take_stream(options.port), forwarder.take_error(options.port))
        else {
            return Err((None, failed(what(), "the client has lost the port".to_owned())));
        };
        let forwarder = Arc::new(forwarder);
        if let Some(before) = lock(&self.shared.standing).replace(forwarder.clone()) {
            before.abort();
        }
        self.shared.opened.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(pod, port = options.port, "a port-forward is opened");
        Ok(ForwardStream { pod, stream, error: Some(error.boxed()), forwarder })
    }
}

/// A pod that is ready; not the one to avoid, if there is another.
fn choose(pods: &[Pod], avoid: Option<&str>, options: &ForwardOptions) -> Result<String, ForwardError> {
    let namespace = options.namespace.clone();
    if pods.is_empty() {
        return Err(ForwardError::NoServer { namespace, pods: options.pods.clone() });
    }
    let name = |pod: &Pod| pod.metadata.name.clone().unwrap_or_default();
    let ready: Vec<String> = pods.iter().filter(|pod| state(pod).is_none()).map(name).collect();
    let other = ready.iter().find(|name| Some(name.as_str()) != avoid).or(ready.first());
    other.cloned().ok_or_else(|| {
        let told = |pod: &Pod| Some(format!("{} is {}", name(pod), state(pod)?));
        ForwardError::NotReady { namespace, pods: pods.iter().filter_map(told).collect() }
    })
}

/// Why a pod is not ready; `None` for one that is.
fn state(pod: &Pod) -> Option<String> {
    if pod.metadata.deletion_timestamp.is_some() {
        return Some("being stopped".to_owned());
    }
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_ready =
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let phase = || status.and_then(|status| status.phase.clone()).unwrap_or_else(|| "new".to_owned());
    (!is_ready).then(|| format!("{}, not ready", phase()))
}

/// A connection to a server's port. What goes wrong in the pod (nothing listens there) is the error of the next read. A
/// laptop that slept does not notice that its connection is gone: who uses it must send pings of his own, as HTTP/2 can.
pub struct ForwardStream {
    pod: String,
    stream: DuplexStream,
    error: Option<BoxFuture<'static, Option<String>>>,
    forwarder: Arc<Portforwarder>,
}

impl ForwardStream {
    /// The pod it leads to.
    pub fn pod(&self) -> &str {
        &self.pod
    }
}

impl Drop for ForwardStream {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}

impl AsyncRead for ForwardStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        let ended =
            matches!(read, Poll::Ready(Ok(()))) && buffer.filled().len() == before && buffer.remaining() > 0;
        // Why it ended, or will never begin, is told before the end itself.
        if (read.is_pending() || ended)
            && let Some(error) = this.error.as_mut()
            && let Poll::Ready(told) = error.as_mut().poll(cx)
        {
            this.error = None;
            if let Some(why) = told {
                return Poll::Ready(Err(this.failure(&why)));
            }
        }
        read
    }
}

impl ForwardStream {
    fn failure(&self, why: &str) -> io::Error {
        io::Error::other(format!("the port-forward to pod {}: {}", self.pod, why.trim()))
    }
}

impl AsyncWrite for ForwardStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(10))
        .with_jitter()
        .without_max_times()
        .build()
}

fn late() -> String {
    format!("no answer within {} s", ANSWER.as_secs())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
