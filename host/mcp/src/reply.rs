//! What a call became, as MCP says it.
//!
//! A caller can only act on what it sees, and clients show protocol errors poorly; so everything the caller can mend
//! or should know is a tool result with `isError`, and protocol errors are left to requests that name no tool.

use std::sync::Arc;

use gadgetry_run::answer::Answer;
use gadgetry_run::fleet::{Called, RunError};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::runs::Fitted;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, MetaObject};
use serde_json::{Map, Value};

use crate::audit::Outcome;
use crate::flame;

/// Where the identity of a tool-shaped gadget's image stands in `_meta`: its structured content is its own, so there
/// is no room for it there.
const IDENTITY: &str = "gadgetry.dev/gadget";
/// Where what the operator's guard found in its answer stands.
const GUARD: &str = "gadgetry.dev/guard";

/// The tool result for `called`, and how the call ended. `fit` cuts an answer to what there is room for.
pub(crate) fn reply(
    gadget: &Arc<Gadget>,
    called: Result<Called, RunError>,
    fit: impl FnOnce(Answer) -> Fitted,
) -> (CallToolResult, Outcome) {
    let answer = match called {
        Ok(Called::Rows(answer)) => {
            let Fitted { answer, text, kept } = fit(*answer);
            serde_json::to_value(&answer).map(|json| {
                let mut content = vec![ContentBlock::text(text)];
                content.extend(kept.map(|id| ContentBlock::resource_link(flame::link(&id))));
                let mut result = CallToolResult::success(content);
                result.structured_content = Some(json);
                result
            })
        }
        Ok(Called::Answer(json, guarded)) => {
            serde_json::from_str(json.get()).and_then(|answer: Map<_, _>| {
                let mut result = CallToolResult::structured(Value::Object(answer));
                let identity = serde_json::to_value(&gadget.identity)?;
                let mut meta = Map::from_iter([(IDENTITY.to_owned(), identity)]);
                if let Some(guarded) = guarded {
                    meta.insert(GUARD.to_owned(), serde_json::to_value(guarded)?);
                }
                result.meta = Some(MetaObject(meta));
                Ok(result)
            })
        }
        Err(error @ RunError::Argument { .. }) => return (failure(error.to_string()), Outcome::Argument),
        Err(error @ RunError::Failed { .. }) => return (failure(error.to_string()), Outcome::Failed),
    };
    match answer {
        Ok(result) => (result, Outcome::Ok),
        Err(error) => {
            let name = &gadget.identity.name;
            let message =
                format!("{name}: its answer is not a JSON object ({error}); report this to its author");
            (failure(message), Outcome::Failed)
        }
    }
}

/// How a call of a tool that is no gadget's ended.
pub(crate) fn outcome_of(response: &CallToolResponse) -> Outcome {
    match response {
        CallToolResponse::Complete(result) if result.is_error == Some(true) => Outcome::Failed,
        _ => Outcome::Ok,
    }
}

/// A tool result that says what went wrong.
pub(crate) fn failure(message: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(message)])
}
