//! The handler of both protocol eras: lists tools from the catalogue, calls them through the fleet.
//!
//! It is written by hand rather than with the SDK's router, because the tools are data that changes while it runs,
//! and a list must not depend on the connection it is asked over. A clone is a handle to the same server: the HTTP
//! transport makes one for each request.

use std::sync::Arc;
use std::time::Duration;

use gadgetry_run::catalog::Catalog;
use gadgetry_run::fleet::Fleet;
use gadgetry_run::gadget::{Gadget, Tool};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestMethod,
    CompleteRequestParams, CompleteResult, DiscoverResult, Implementation, ListPromptsRequestMethod,
    ListPromptsResult, ListResourceTemplatesRequestMethod, ListResourceTemplatesResult,
    ListResourcesRequestMethod, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ProtocolVersion, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool as Listed,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Line, Outcome, cut};
use crate::caller::Caller;
use crate::listing::{listed, nearest};
use crate::peers::Peers;
use crate::reply::{failure, reply};

/// How long a client may keep the list of tools without asking again. Short, because gadgets come and go, and a
/// client that does not listen for changes has only this.
const LIST_TTL: Duration = Duration::from_secs(30);
/// The same for what the server says of itself, which changes with its version only.
const DISCOVER_TTL: Duration = Duration::from_secs(3600);
/// How long a stopping server waits for its runs to detach.
const DETACH: Duration = Duration::from_secs(3);

/// The MCP server.
pub struct Server<C = Fleet> {
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    catalog: Arc<Catalog>,
    caller: Arc<C>,
    read_only: bool,
    peers: Peers,
    calls: TaskTracker,
    stop: CancellationToken,
}

impl<C> Clone for Server<C> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<C: Caller> Server<C> {
    /// A server of `catalog`'s tools, called through `caller`. With `read_only`, tools that may change something are
    /// neither listed nor callable.
    pub fn new(catalog: Arc<Catalog>, caller: Arc<C>, read_only: bool) -> Self {
        let shared = Shared {
            catalog,
            caller,
            read_only,
            peers: Peers::default(),
            calls: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Tells sessions of each change of the catalogue, for as long as it is polled. A transport runs it beside its
    /// connections.
    pub(crate) async fn announce(&self) {
        let mut changes = self.shared.catalog.watch();
        while changes.changed().await.is_ok() {
            self.shared.peers.tell().await;
        }
    }

    /// Cancelled when the server stops; cancelling it cancels all runs.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.shared.stop
    }

    /// Cancels all runs and waits until they have detached, within reason.
    pub(crate) async fn stop(&self) {
        let Shared { calls, stop, .. } = &*self.shared;
        stop.cancel();
        calls.close();
        if timeout(DETACH, calls.wait()).await.is_err() {
            tracing::warn!(
                calls = calls.len(),
                "some calls did not end in time; their programs go with the process"
            );
        }
    }

    fn offers(&self, tool: &Tool) -> bool {
        !self.shared.read_only || tool.annotations.read_only
    }

    /// The tools on offer, in the catalogue's order.
    fn tools(&self) -> Vec<Listed> {
        let gadgets = self.shared.catalog.gadgets();
        gadgets.iter().flat_map(|gadget| &gadget.tools).filter(|tool| self.offers(tool)).map(listed).collect()
    }

    fn find(&self, name: &str) -> Result<(Arc<Gadget>, usize), ErrorData> {
        let why = match self.shared.catalog.find(name) {
            Some((gadget, at)) if gadget.tools.get(at).is_some_and(|tool| self.offers(tool)) => {
                return Ok((gadget, at));
            }
            Some(_) => "may change something, and this server runs with --read-only".to_owned(),
            None => {
                let gadgets = self.shared.catalog.gadgets();
                let tools = gadgets.iter().flat_map(|gadget| &gadget.tools).filter(|tool| self.offers(tool));
                match nearest(cut(name), tools.map(|tool| tool.name.as_str())) {
                    Some(name) => format!("is unknown: did you mean `{name}`?"),
                    None => "is unknown: tools/list names those there are".to_owned(),
                }
            }
        };
        Err(ErrorData::invalid_params(format!("the tool `{}` {why}", cut(name)), None))
    }

    /// Runs one call to its end. It runs in a task of its own: a panic below becomes an answer instead of a client
    /// that waits for ever, and a caller that goes away cannot drop a run half-way through detaching.
    async fn run(
        &self,
        gadget: Arc<Gadget>,
        tool: usize,
        arguments: Map<String, Value>,
        gone: &CancellationToken,
    ) -> (CallToolResult, Outcome) {
        let Shared { caller, calls, stop, .. } = &*self.shared;
        let cancel = stop.child_token();
        let _cancelled_when_dropped = cancel.clone().drop_guard();
        let mut call = calls.spawn({
            let (caller, gadget, cancel) = (caller.clone(), gadget.clone(), cancel.clone());
            async move { caller.call(gadget, tool, arguments, cancel).await }
        });
        let called = tokio::select! {
            called = &mut call => called,
            () = gone.cancelled() => {
                cancel.cancel();
                call.await
            }
        };
        let (result, outcome) = match called {
            Ok(called) => reply(&gadget, called),
            Err(error) => {
                tracing::error!(gadget = gadget.identity.name, %error, "a call panicked");
                let name = &gadget.identity.name;
                (
                    failure(format!("{name}: an internal error ended this call; the server's log has it")),
                    Outcome::Failed,
                )
            }
        };
        (result, if cancel.is_cancelled() { Outcome::Cancelled } else { outcome })
    }
}

impl<C: Caller> ServerHandler for Server<C> {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        ServerConfig::new(capabilities)
            .with_server_info(
                Implementation::new("gadgetry", env!("CARGO_PKG_VERSION"))
                    .with_title("gadgetry")
                    .with_description(
                        "Watches this machine from inside its kernel, one signed gadget at a time",
                    ),
            )
            .with_instructions(include_str!("instructions.md").trim_end())
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info()).with_ttl_ms(millis(DISCOVER_TTL)))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if request.and_then(|request| request.cursor).is_some_and(|cursor| !cursor.is_empty()) {
            let message = "`cursor` is not one of this server's: the list of tools has one page";
            return Err(ErrorData::invalid_params(message, None));
        }
        let mut list = ListToolsResult::with_all_items(self.tools());
        if context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28) {
            list.ttl_ms = Some(millis(LIST_TTL));
            list.cache_scope = Some(CacheScope::Private);
        }
        Ok(list)
    }

    fn get_tool(&self, name: &str) -> Option<Listed> {
        let (gadget, at) = self.find(name).ok()?;
        gadget.tools.get(at).map(listed)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let line = Line::start(&request.name, &arguments);
        let (gadget, tool) = match self.find(&request.name) {
            Ok(found) => found,
            Err(error) => {
                line.end(Outcome::Unknown);
                return Err(error);
            }
        };
        let (result, outcome) = self.run(gadget, tool, arguments, &context.ct).await;
        line.end(outcome);
        Ok(result.into())
    }

    // The SDK answers these with empty results, which would say that there is such a thing here.

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourcesRequestMethod>())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.shared.peers.add(context.peer);
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.shared.catalog.watch();
        loop {
            let changed = tokio::select! {
                changed = changes.changed() => changed.is_ok(),
                () = context.cancelled() => false,
                () = self.shared.stop.cancelled() => false,
            };
            if !changed {
                return Ok(());
            }
            if context.accepted().tools_list_changed == Some(true)
                && context.sink().notify_tool_list_changed().await.is_err()
            {
                return Ok(());
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
