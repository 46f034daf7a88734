//! Servers and clients, in each combination of transport and era.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gadgetry_mcp::{Options, Server, http, stdio};
use gadgetry_run::catalog::Catalog;
use rmcp::model::{ProgressNotificationParam, ProtocolVersion};
use rmcp::service::{NotificationContext, RunningService};
use rmcp::transport::{IntoTransport, StreamableHttpClientTransport};
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::stub::{Stub, catalog};

/// Longer than anything here takes, shorter than a person waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    Pipes,
    Http,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Era {
    Sessions,
    Stateless,
}

pub(crate) const COMBINATIONS: [(Transport, Era); 4] = [
    (Transport::Pipes, Era::Sessions),
    (Transport::Pipes, Era::Stateless),
    (Transport::Http, Era::Sessions),
    (Transport::Http, Era::Stateless),
];

/// A client that counts what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Ear {
    /// A permit for each change of the list of tools.
    pub(crate) tools: Arc<Semaphore>,
    /// The same for prompts.
    pub(crate) prompts: Arc<Semaphore>,
    /// The same for resources.
    pub(crate) resources: Arc<Semaphore>,
    /// How far calls are.
    pub(crate) progress: Arc<Mutex<Vec<ProgressNotificationParam>>>,
}

impl ClientHandler for Ear {
    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.progress.lock().unwrap().push(progress);
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.tools.add_permits(1);
    }

    async fn on_prompt_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.prompts.add_permits(1);
    }

    async fn on_resource_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.resources.add_permits(1);
    }
}

/// A server with one client.
pub(crate) struct World {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) stub: Arc<Stub>,
    pub(crate) client: RunningService<RoleClient, Ear>,
    pub(crate) stop: CancellationToken,
    pub(crate) served: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new(transport: Transport, era: Era) -> Self {
        Self::with(transport, era, Options::default()).await
    }

    pub(crate) async fn with(transport: Transport, era: Era, options: Options) -> Self {
        let (catalog, stub, stop) = (catalog(), Stub::new(), CancellationToken::new());
        let server = Server::new(catalog.clone(), stub.clone(), vec![], options).unwrap();
        let (client, served) = match transport {
            Transport::Pipes => {
                let (near, far) = tokio::io::duplex(1 << 16);
                let (input, output) = tokio::io::split(far);
                let serve = stdio::serve_on(server, input, output, stop.clone());
                let served = tokio::spawn(async move { serve.await.unwrap() });
                (connect(era, near).await, served)
            }
            Transport::Http => {
                let (url, served) = listen(server, local(), stop.clone()).await;
                (connect(era, StreamableHttpClientTransport::from_uri(url)).await, served)
            }
        };
        Self { catalog, stub, client, stop, served }
    }
}

/// A server that offers everything.
pub(crate) fn serving(catalog: Arc<Catalog>, stub: Arc<Stub>) -> Server<Stub> {
    Server::new(catalog, stub, vec![], Options::default()).unwrap()
}

/// Connects a client.
pub(crate) async fn connect<T, E, A>(era: Era, transport: T) -> RunningService<RoleClient, Ear>
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let lifecycle = match era {
        Era::Sessions => ClientLifecycleMode::Initialize,
        Era::Stateless => {
            ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
        }
    };
    let none = || Arc::new(Semaphore::new(0));
    let ear = Ear { tools: none(), prompts: none(), resources: none(), progress: Arc::default() };
    ear.serve_with_lifecycle(transport, lifecycle).await.unwrap()
}

/// A configuration that listens on a free port of the loopback.
pub(crate) fn local() -> http::Config {
    http::Config { host: "127.0.0.1".into(), ..http::Config::default() }
}

/// Serves over HTTP; returns where.
pub(crate) async fn listen(
    server: Server<Stub>,
    config: http::Config,
    stop: CancellationToken,
) -> (String, JoinHandle<()>) {
    let listening = http::listen(config).await.unwrap();
    let url = format!("http://{}/mcp", listening.address());
    (url, tokio::spawn(listening.serve(server, stop)))
}

/// Waits for one permit.
pub(crate) async fn once(semaphore: &Semaphore, what: &str) {
    timeout(PATIENCE, semaphore.acquire()).await.expect(what).unwrap().forget();
}
