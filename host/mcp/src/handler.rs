//! What the server answers to the requests of both protocol eras.
//!
//! It is written by hand rather than with the SDK's router, because tools, prompts and resources are data that changes
//! while it runs, and a list must not depend on the connection it is asked over.

#![expect(deprecated, reason = "clients of the session era may still set a level of logging")]

mod calls;

use std::time::Duration;

use gadgetry_run::schema::COMMON_HELP;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams,
    CompleteResult, DiscoverResult, GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult,
    Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, Reference,
    ServerCapabilities, ServerConfig, SetLevelRequestMethod, SetLevelRequestParams, SubscribeRequestMethod,
    SubscribeRequestParams, SubscriptionFilter, Tool as Listed, UnsubscribeRequestMethod,
    UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};

use crate::audit::{Line, Outcome};
use crate::caller::Caller;
use crate::complete::{Values, complete};
use crate::listing::listed;
use crate::owner::owner;
use crate::reply::failure;
use crate::server::{Found, Server};
use crate::{compact, flame, prompts, resources, tasks};

/// How long a client may keep a list without asking again. Short, because gadgets come and go, and a client that does
/// not listen for changes has only this.
const LIST_TTL: Duration = Duration::from_secs(30);
/// The same for what the server says of itself, which changes with its version only.
const DISCOVER_TTL: Duration = Duration::from_secs(3600);

impl<C: Caller> Server<C> {
    /// What stands below a prompt's text: which of its tools this server does not offer.
    fn notes(&self, prompt: &gadget_registry::descriptor::Prompt) -> Vec<String> {
        let offered = self.gadget_names();
        let missing = prompts::missing(prompt, |tool| offered.iter().any(|it| it == tool));
        let mut notes = Vec::new();
        if self.is_compact() {
            notes.push(format!(
                "Gadgets are not tools of their own here: run each through `{}`.",
                compact::RUN
            ));
        }
        if !missing.is_empty() {
            let list = missing.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
            notes.push(format!(
                "Not offered by this server: {list}. Skip what needs them, do not look for replacements elsewhere, \
                 and say in the report what could therefore not be looked at."
            ));
        }
        notes
    }

    fn instructions(&self) -> String {
        let mut text = include_str!("instructions.md").trim_end().to_owned();
        let mut add = |more: &str| {
            text.push_str("\n\n");
            text.push_str(more.trim_end());
        };
        if self.describes() {
            add(include_str!("brief.md"));
        }
        add(COMMON_HELP);
        if self.background() {
            add(include_str!("background.md"));
        }
        if self.is_compact() {
            add(include_str!("compact.md"));
        }
        text
    }

    fn completed(&self, request: &CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
        let typed = &request.argument.value;
        if let Some(values) = self.shared.beside.iter().find_map(|it| it.complete(request)) {
            return complete(values, typed);
        }
        let name = &request.argument.name;
        let gadgets = self.gadgets();
        match &request.r#ref {
            Reference::Prompt(prompt) => {
                prompts::argument(prompts::find(&prompts::all(&gadgets), &prompt.name)?, name)?;
                match Values::of(name) {
                    // Whom they are shown to may not be someone who may see them all.
                    Values::Containers if self.shared.options.access.is_some() => complete([], typed),
                    Values::Containers => complete(self.shared.caller.containers(), typed),
                    Values::Tools => complete(self.gadget_names(), typed),
                    Values::Anything => complete([], typed),
                }
            }
            Reference::Resource(resource) if resource.uri == resources::README_TEMPLATE && name == "name" => {
                complete(gadgets.iter().map(|it| it.descriptor.name.clone()), typed)
            }
            _ => Err(ErrorData::invalid_params(
                format!("nothing to complete there: `name` of `{}` is", resources::README_TEMPLATE),
                None,
            )),
        }
    }
}

impl<C: Caller> ServerHandler for Server<C> {
    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_completions()
            .enable_tasks()
            .build();
        for part in &self.shared.beside {
            part.capabilities(&mut capabilities);
        }
        ServerConfig::new(capabilities)
            .with_server_info(
                Implementation::new("gadgetry", env!("CARGO_PKG_VERSION"))
                    .with_title("gadgetry")
                    .with_description(
                        "Watches this machine from inside its kernel, one signed gadget at a time",
                    ),
            )
            .with_instructions(self.instructions())
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
        one_page(request)?;
        let mut list = ListToolsResult::with_all_items(self.tools());
        (list.ttl_ms, list.cache_scope) = hints(&context);
        Ok(list)
    }

    fn get_tool(&self, name: &str) -> Option<Listed> {
        match self.find(name).ok()? {
            Found::Gadget(gadget, at) => {
                gadget.tools.get(at).map(|tool| listed(tool, self.background(), self.describes()))
            }
            Found::Finder(_) => self.tools().into_iter().find(|tool| tool.name == name),
            Found::Run(tool) => Some(tool.listed(self.shared.desk.has_objects())),
            Found::Beside(part) => part.tools().into_iter().find(|tool| tool.name == name),
        }
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (request, through) = match self.unwrapped(request) {
            Ok(unwrapped) => unwrapped,
            Err(message) => return Ok(failure(message).into()),
        };
        let line = Line::start(&request.name, owner(&context), request.arguments.as_ref());
        let found = if through { self.run_target(&request.name) } else { self.find(&request.name) };
        let ended = match found {
            Ok(found) => self.called(found, request, context).await,
            Err(error) if through => Ok((failure(error.message.into_owned()).into(), Outcome::Argument)),
            Err(error) => Err(error),
        };
        match ended {
            Ok((response, outcome)) => {
                line.end(outcome);
                Ok(response)
            }
            Err(error) => {
                line.end(Outcome::Refused);
                Err(error)
            }
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.task(&request.task_id, self.shared.options.budget, &context).await
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        // No task of ours asks for anything, so there is nothing that an answer could be to.
        self.task(&request.task_id, 0, &context).await.map(drop)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let who = owner(&context);
        let asker = self.asker(&who, Some(&request.task_id), &context).await;
        tasks::cancel(&self.shared.desk, &request.task_id, asker).await
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        one_page(request)?;
        let gadgets = self.gadgets();
        let own = prompts::all(&gadgets).into_iter().map(|(name, prompt)| prompts::listed(name, prompt));
        let all = own.chain(self.shared.beside.iter().flat_map(|it| it.prompts())).collect();
        let mut list = ListPromptsResult::with_all_items(all);
        (list.ttl_ms, list.cache_scope) = hints(&context);
        Ok(list)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if let Some(answer) = self.shared.beside.iter().find_map(|it| it.get_prompt(&request, &context)) {
            return answer.await;
        }
        let gadgets = self.gadgets();
        let prompt = prompts::find(&prompts::all(&gadgets), &request.name)?;
        let given = request.arguments.unwrap_or_default();
        Ok(prompts::get(prompt, &given, &self.notes(prompt))?.into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        one_page(request)?;
        let mut all = resources::all(&self.gadgets());
        all.extend(self.shared.beside.iter().flat_map(|it| it.resources()));
        let mut list = ListResourcesResult::with_all_items(all);
        (list.ttl_ms, list.cache_scope) = hints(&context);
        Ok(list)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        one_page(request)?;
        let mut all = resources::templates();
        all.extend(flame::template(&self.gadgets()));
        all.extend(self.shared.beside.iter().flat_map(|it| it.templates()));
        let mut list = ListResourceTemplatesResult::with_all_items(all);
        (list.ttl_ms, list.cache_scope) = hints(&context);
        Ok(list)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if let Some(answer) = self.shared.beside.iter().find_map(|it| it.read_resource(&request, &context)) {
            return answer.await;
        }
        let gadgets = self.gadgets();
        let mut read = match flame::run_of(&request.uri) {
            Some(id) => {
                let who = owner(&context);
                let asker = self.asker(&who, Some(id), &context).await;
                flame::read(&self.shared.desk, &gadgets, &request.uri, id, asker).await?
            }
            None => resources::read(&gadgets, &request.uri)?,
        };
        (read.ttl_ms, read.cache_scope) = hints(&context);
        Ok(read.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.completed(&request)
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let set = self.shared.beside.iter().find_map(|it| it.set_level(&request));
        set.ok_or_else(ErrorData::method_not_found::<SetLevelRequestMethod>)
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let done = self.shared.beside.iter().find_map(|it| it.subscribe(&request));
        done.ok_or_else(ErrorData::method_not_found::<SubscribeRequestMethod>)
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let done = self.shared.beside.iter().find_map(|it| it.unsubscribe(&request));
        done.ok_or_else(ErrorData::method_not_found::<UnsubscribeRequestMethod>)
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
            if !changed || tell(&context).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Tells a subscription of the lists it asked for.
async fn tell(context: &SubscriptionContext) -> Result<(), rmcp::service::SubscriptionSendError> {
    let (accepted, sink) = (context.accepted(), context.sink());
    if accepted.tools_list_changed == Some(true) {
        sink.notify_tool_list_changed().await?;
    }
    if accepted.prompts_list_changed == Some(true) {
        sink.notify_prompt_list_changed().await?;
    }
    if accepted.resources_list_changed == Some(true) {
        sink.notify_resource_list_changed().await?;
    }
    Ok(())
}

/// All lists have one page: what there is fits, and a client that pages would see a list change between two pages.
fn one_page(request: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|request| request.cursor) {
        Some(cursor) if !cursor.is_empty() => Err(ErrorData::invalid_params(
            "`cursor` is not one of this server's: the list has one page",
            None,
        )),
        _ => Ok(()),
    }
}

/// How long a list may be kept, and by whom; the era of sessions does not know of it.
fn hints(context: &RequestContext<RoleServer>) -> (Option<u64>, Option<CacheScope>) {
    match context.protocol_version() {
        Some(version) if version >= ProtocolVersion::V_2026_07_28 => {
            (Some(millis(LIST_TTL)), Some(CacheScope::Private))
        }
        _ => (None, None),
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
