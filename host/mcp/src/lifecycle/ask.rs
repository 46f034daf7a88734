//! Asks the user, through the client, whether a plan is to be carried out.

use std::collections::BTreeMap;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, InputRequest, InputRequiredResult, ServerRequest,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Under which key the answer to our question comes, and which field of the form is the word itself.
const CONFIRM: &str = "confirm";

/// What came of the question.
pub(super) enum Answered {
    Yes,
    /// And why not, for whoever called.
    No(String),
    /// The question itself: the call comes again with the answer to it.
    Later(Box<CallToolResponse>),
}

/// Whether the client can show its user a form.
pub(super) fn can_ask(context: &RequestContext<RoleServer>) -> bool {
    let can = context.client_capabilities().and_then(|it| it.elicitation);
    // A client of the first revision with this says no modes, and has forms.
    can.is_some_and(|it| it.form.is_some() || it.url.is_none())
}

fn question(plan: &str) -> Value {
    let field = json!({"type": "boolean", "title": "Do this", "description": "Nothing is changed otherwise.", "default": false});
    let schema = json!({"type": "object", "properties": {CONFIRM: field}, "required": [CONFIRM]});
    let params = json!({"mode": "form", "message": plan, "requestedSchema": schema});
    json!({"method": "elicitation/create", "params": params})
}

fn of<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value)
        .map_err(|error| ErrorData::internal_error(format!("a question of ours is none: {error}"), None))
}

/// Asks by a request of ours, in the era of sessions.
pub(super) async fn by_request(
    plan: &str,
    context: &RequestContext<RoleServer>,
) -> Result<Answered, ErrorData> {
    let request: ServerRequest = of(question(plan))?;
    let answered = tokio::select! {
        answered = context.peer.send_request(request) => answered,
        () = context.ct.cancelled() => return Ok(Answered::No("cancelled; nothing was changed".to_owned())),
    };
    match answered {
        Ok(result) => Ok(said(&serde_json::to_value(&result).unwrap_or_default())),
        Err(error) => {
            Ok(Answered::No(format!("The client did not ask its user ({error}). Nothing was changed.")))
        }
    }
}

/// Asks by an answer that wants input, in the stateless era.
pub(super) fn by_answer(plan: &str, state: String) -> Result<CallToolResponse, ErrorData> {
    let question: InputRequest = of(question(plan))?;
    let asked = BTreeMap::from([(CONFIRM.to_owned(), question)]);
    Ok(InputRequiredResult::new(Some(asked), Some(state)).into())
}

/// The user's answer in `request`, if it has one.
pub(super) fn answer(request: &CallToolRequestParams) -> Option<Answered> {
    request.input_responses.as_ref()?.get(CONFIRM).map(said)
}

fn said(answer: &Value) -> Answered {
    if answer["action"] == "accept" && answer["content"][CONFIRM] == true {
        return Answered::Yes;
    }
    Answered::No(match answer["action"].as_str() {
        Some("cancel") => "The user closed the question. Nothing was changed.".to_owned(),
        _ => "The user does not want this. Nothing was changed; do not try again unless they ask for it."
            .to_owned(),
    })
}
