//! What a server offers beside the gadgets of its catalogue: tools, prompts and resources of its own making. Each such
//! part is a value of its own that says what it has and answers for it, so that the handler knows none of them.
//!
//! It speaks the protocol's own types, since a tool like this may do what no gadget can: ask the client something,
//! send it notifications, answer with pictures. The conformance suite's fixtures stand behind the shipping handler
//! this way.

#![expect(deprecated, reason = "clients of the session era may still set a level of logging")]

use std::pin::Pin;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, GetPromptRequestParams,
    GetPromptResponse, Prompt, ReadResourceRequestParams, ReadResourceResponse, Resource, ResourceTemplate,
    ServerCapabilities, SetLevelRequestParams, SubscribeRequestParams, Tool, UnsubscribeRequestParams,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};

/// An answer that takes a while.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ErrorData>> + Send + 'a>>;

/// A part of a server. Whatever is not offered is answered with `None`: the request is somebody else's.
pub trait Beside: Send + Sync + 'static {
    /// Adds to what the server says that it can do.
    fn capabilities(&self, capabilities: &mut ServerCapabilities) {
        let _ = capabilities;
    }

    /// Its tools.
    fn tools(&self) -> Vec<Tool> {
        Vec::new()
    }

    /// Calls one of [`Self::tools`].
    fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Answer<'_, CallToolResponse>;

    /// Its prompts.
    fn prompts(&self) -> Vec<Prompt> {
        Vec::new()
    }

    /// Gets one of [`Self::prompts`].
    fn get_prompt(
        &self,
        request: &GetPromptRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Option<Answer<'static, GetPromptResponse>> {
        let _ = (request, context);
        None
    }

    /// Its resources.
    fn resources(&self) -> Vec<Resource> {
        Vec::new()
    }

    /// Its resource templates.
    fn templates(&self) -> Vec<ResourceTemplate> {
        Vec::new()
    }

    /// Reads a resource.
    fn read_resource(
        &self,
        request: &ReadResourceRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Option<Answer<'static, ReadResourceResponse>> {
        let _ = (request, context);
        None
    }

    /// Completes an argument of one of its prompts or templates.
    fn complete(&self, request: &CompleteRequestParams) -> Option<Vec<String>> {
        let _ = request;
        None
    }

    /// A client of the session era chooses what is logged to it.
    fn set_level(&self, request: &SetLevelRequestParams) -> Option<()> {
        let _ = request;
        None
    }

    /// A client of the session era wants to hear of a resource.
    fn subscribe(&self, request: &SubscribeRequestParams) -> Option<()> {
        let _ = request;
        None
    }

    /// And no longer.
    fn unsubscribe(&self, request: &UnsubscribeRequestParams) -> Option<()> {
        let _ = request;
        None
    }
}
