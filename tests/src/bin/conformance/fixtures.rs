//! What the suite asks for by name, as one part beside the catalogue.

#![expect(deprecated, reason = "the suite of the session era sets a level of logging")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gadgetry_mcp::beside::{Answer, Beside};
use gadgetry_run::catalog::Catalog;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, GetPromptRequestParams,
    GetPromptResponse, ProgressNotificationParam, Prompt, PromptArgument, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResponse, Reference, Resource, ResourceTemplate,
    ServerCapabilities, ServerNotification, SetLevelRequestParams, SubscribeRequestParams, Tool,
    UnsubscribeRequestParams,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::asking::{self, States};
use crate::content::{self, of, text};

/// Between two notifications.
const PAUSE: Duration = Duration::from_millis(50);

/// Tools without arguments.
const TOOLS: [&str; 24] = [
    "test_audio_content",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_embedded_resource",
    "test_error_handling",
    "test_image_content",
    "test_input_required_result_capabilities",
    "test_input_required_result_elicitation",
    "test_input_required_result_list_roots",
    "test_input_required_result_multi_round",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_request_state",
    "test_input_required_result_sampling",
    "test_input_required_result_tampered_state",
    "test_logging_tool",
    "test_missing_capability",
    "test_multiple_content_types",
    "test_simple_text",
    "test_streaming_elicitation",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_trigger_prompt_change",
    "test_trigger_tool_change",
    "test_changed",
];

/// The fixtures.
pub(crate) struct Fixtures {
    catalog: Arc<Catalog>,
    states: States,
    /// Whether `test_changed` is listed, as a tool and as a prompt: what the triggers change.
    changed: AtomicBool,
}

impl Fixtures {
    /// Changes of lists are told as those of `catalog` are.
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, states: States::default(), changed: AtomicBool::new(false) }
    }

    async fn called(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.clone().unwrap_or_default();
        if let Some(answer) = content::tool(&request.name) {
            return Ok(answer?.into());
        }
        if let Some(answer) = asking::by_answer(&self.states, &request, &context) {
            return answer;
        }
        if let Some(answer) = asking::by_request(&request.name, &arguments, &context).await {
            return answer;
        }
        match &*request.name {
            "test_tool_with_logging" | "test_logging_tool" => log(&context).await?,
            "test_tool_with_progress" => progress(&context).await?,
            "test_trigger_tool_change" | "test_trigger_prompt_change" => {
                self.changed.fetch_xor(true, Ordering::SeqCst);
                self.catalog
                    .replace(Vec::new())
                    .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
            }
            "test_missing_capability" => {
                let can = serde_json::to_value(context.client_capabilities()).unwrap_or_default();
                if !can["sampling"].is_object() {
                    let needs = of(json!({"sampling": {}}))?;
                    return Err(ErrorData::missing_required_client_capability(needs));
                }
            }
            _ => {}
        }
        Ok(text(format!("{} is done", request.name))?.into())
    }
}

/// Three lines at level info: over a session, or when the request asks for lines.
async fn log(context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
    let session = context.protocol_version().is_none_or(|version| version < ProtocolVersion::V_2026_07_28);
    if !session && context.meta.log_level().is_none() {
        return Ok(());
    }
    for line in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        let params = json!({"level": "info", "logger": "conformance", "data": line});
        send(context, json!({"method": "notifications/message", "params": params})).await?;
        sleep(PAUSE).await;
    }
    Ok(())
}

async fn progress(context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
    let token = context.meta.get_progress_token();
    for done in [0.0, 50.0, 100.0] {
        if let Some(token) = &token {
            let told = ProgressNotificationParam::new(token.clone(), done).with_total(100.0);
            context.peer.notify_progress(told).await.map_err(gone)?;
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

async fn send(context: &RequestContext<RoleServer>, notification: Value) -> Result<(), ErrorData> {
    let notification: ServerNotification = of(notification)?;
    context.peer.send_notification(notification).await.map_err(gone)
}

fn gone(error: impl std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(format!("the client cannot be told: {error}"), None)
}

fn schema(properties: Value) -> Map<String, Value> {
    let required: Vec<_> = properties.as_object().into_iter().flat_map(|it| it.keys().cloned()).collect();
    let mut schema =
        Map::from_iter([("type".to_owned(), json!("object")), ("properties".to_owned(), properties)]);
    if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    schema
}

impl Beside for Fixtures {
    fn capabilities(&self, capabilities: &mut ServerCapabilities) {
        capabilities.logging = Some(Map::new());
        if let Some(resources) = &mut capabilities.resources {
            resources.subscribe = Some(true);
        }
    }

    fn tools(&self) -> Vec<Tool> {
        let changed = self.changed.load(Ordering::SeqCst);
        let tool = |name: &'static str, properties: Value| {
            Tool::new(name, format!("Fixture {name}"), Arc::new(schema(properties)))
        };
        let plain = TOOLS.iter().filter(|name| changed || **name != "test_changed");
        let mut tools: Vec<_> = plain.map(|name| tool(name, json!({}))).collect();
        tools.push(tool("test_sampling", json!({"prompt": {"type": "string"}})));
        tools.push(tool("test_elicitation", json!({"message": {"type": "string"}})));
        tools
    }

    fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Answer<'_, CallToolResponse> {
        Box::pin(self.called(request, context))
    }

    fn prompts(&self) -> Vec<Prompt> {
        let argument = |name: &str| PromptArgument::new(name).with_description(name).with_required(true);
        let prompt = |name: &str, arguments: &[&str]| {
            let arguments = arguments.iter().map(|name| argument(name)).collect();
            Prompt::new(name, Some(format!("Fixture {name}")), Some(arguments))
        };
        let mut prompts = vec![
            prompt("test_simple_prompt", &[]),
            prompt("test_prompt_with_arguments", &["arg1", "arg2"]),
            prompt("test_prompt_with_embedded_resource", &["resourceUri"]),
            prompt("test_prompt_with_image", &[]),
            prompt("test_input_required_result_prompt", &[]),
        ];
        if self.changed.load(Ordering::SeqCst) {
            prompts.push(prompt("test_changed", &[]));
        }
        prompts
    }

    fn get_prompt(
        &self,
        request: &GetPromptRequestParams,
        _: &RequestContext<RoleServer>,
    ) -> Option<Answer<'static, GetPromptResponse>> {
        let answer = asking::prompt_by_answer(request).or_else(|| {
            let none = Map::new();
            let arguments = request.arguments.as_ref().unwrap_or(&none);
            Some(content::prompt(&request.name, arguments)?.map(Into::into))
        })?;
        Some(Box::pin(std::future::ready(answer)))
    }

    fn resources(&self) -> Vec<Resource> {
        let resource = |uri: &str, mime: &str| {
            Resource::new(uri, uri).with_description(format!("Fixture {uri}")).with_mime_type(mime)
        };
        vec![
            resource("test://static-text", "text/plain"),
            resource("test://static-binary", "image/png"),
            resource("test://watched-resource", "text/plain"),
        ]
    }

    fn templates(&self) -> Vec<ResourceTemplate> {
        let template = ResourceTemplate::new("test://template/{id}/data", "template");
        vec![template.with_description("Fixture template").with_mime_type("application/json")]
    }

    fn read_resource(
        &self,
        request: &ReadResourceRequestParams,
        _: &RequestContext<RoleServer>,
    ) -> Option<Answer<'static, ReadResourceResponse>> {
        let answer = content::resource(&request.uri)?.map(Into::into);
        Some(Box::pin(std::future::ready(answer)))
    }

    fn complete(&self, request: &CompleteRequestParams) -> Option<Vec<String>> {
        match &request.r#ref {
            Reference::Prompt(prompt) if prompt.name.starts_with("test_") => Some(vec!["testValue".into()]),
            Reference::Resource(resource) if resource.uri.starts_with("test://") => Some(vec!["123".into()]),
            _ => None,
        }
    }

    fn set_level(&self, _: &SetLevelRequestParams) -> Option<()> {
        Some(())
    }

    fn subscribe(&self, _: &SubscribeRequestParams) -> Option<()> {
        Some(())
    }

    fn unsubscribe(&self, _: &UnsubscribeRequestParams) -> Option<()> {
        Some(())
    }
}
