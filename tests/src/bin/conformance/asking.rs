//! Tools that need something of the client: in the era of sessions by a request to it, in the stateless one by an
//! answer that says what is missing, with which the client calls again.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use rmcp::model::{CallToolRequestParams, CallToolResponse, GetPromptRequestParams, GetPromptResponse};
use rmcp::model::{InputRequiredResult, ServerRequest};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Map, Value, json};

use crate::content::{complete, of, text};

/// The states given out. One that is none of these was tampered with.
#[derive(Default)]
pub(crate) struct States(Mutex<HashSet<String>>);

impl States {
    fn give(&self, round: &str) -> String {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = format!("{round}-{}", given.len());
        given.insert(state.clone());
        state
    }

    /// The round that `state` was given out in.
    fn round(&self, state: &str) -> Result<String, ErrorData> {
        let given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (given.contains(state), state.rsplit_once('-')) {
            (true, Some((round, _))) => Ok(round.to_owned()),
            _ => Err(ErrorData::invalid_params("requestState is not one that this server gave out", None)),
        }
    }
}

/// Asks the client by a request of its own, and answers with what it said.
pub(crate) async fn by_request(
    name: &str,
    arguments: &Map<String, Value>,
    context: &RequestContext<RoleServer>,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let (request, says) = match name {
        "test_sampling" => (sampling(argument("prompt"), 100), "LLM response"),
        "test_elicitation" => {
            let fields = json!({
                "username": {"type": "string", "description": "User's response"},
                "email": {"type": "string", "description": "User's email address"},
            });
            (elicitation(argument("message"), fields, &["username", "email"]), "User response")
        }
        "test_elicitation_sep1034_defaults" => {
            (elicitation("Every field has a default", defaults(), &[]), "Elicitation completed")
        }
        "test_elicitation_sep1330_enums" => {
            (elicitation("Pick from each list", enums(), &[]), "Elicitation completed")
        }
        _ => return None,
    };
    let ask = async {
        let request: ServerRequest = of(request)?;
        let answered = match context.peer.send_request(request).await {
            Ok(result) => format!("{says}: {}", serde_json::to_value(&result).unwrap_or_default()),
            Err(error) => {
                let message = format!("the client does not answer: {error}");
                return complete(json!({"content": [{"type": "text", "text": message}], "isError": true}));
            }
        };
        text(answered)
    };
    Some(ask.await.map(Into::into))
}

/// What a call still needs, by the keys that its answers come under.
type Needs = BTreeMap<&'static str, Value>;

/// Asks the client by an answer, until all that the tool needs is there.
pub(crate) fn by_answer(
    states: &States,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let name = request
        .name
        .strip_prefix("test_input_required_result_")
        .or_else(|| (request.name == "test_streaming_elicitation").then_some("elicitation"))?;
    let given =
        |key: &str| request.input_responses.as_ref().and_then(|all| all.get(key)).filter(|it| it.is_object());
    let round = match request.request_state.as_deref().map(|state| states.round(state)) {
        Some(Err(error)) => return Some(Err(error)),
        Some(Ok(round)) => round,
        None => "first".to_owned(),
    };
    let who =
        || ("user_name", elicitation("What is your name?", json!({"name": {"type": "string"}}), &["name"]));
    let roots = || ("client_roots", json!({"method": "roots/list", "params": {}}));
    let confirm = || ("confirm", elicitation("Please confirm", json!({"ok": {"type": "boolean"}}), &["ok"]));
    // The needs, the state given out with them, and what is said when all are there.
    let (needs, state, says) = match name {
        "elicitation" => (Needs::from([who()]), None, "Hello!"),
        "sampling" => {
            let question = sampling("What is the capital of France?", 100);
            (Needs::from([("capital_question", question)]), None, "Thank you.")
        }
        "list_roots" => (Needs::from([roots()]), None, "These are your roots."),
        "request_state" | "tampered_state" => (Needs::from([confirm()]), Some("confirm"), "state-ok"),
        "multiple_inputs" => {
            let greeting = ("greeting", sampling("Generate a greeting", 50));
            (Needs::from([who(), greeting, roots()]), Some("all"), "All is there.")
        }
        "multi_round" if round == "first" || (round == "step1" && given("step1").is_none()) => {
            let step =
                elicitation("Step 1: What is your name?", json!({"name": {"type": "string"}}), &["name"]);
            (Needs::from([("step1", step)]), Some("step1"), "")
        }
        "multi_round" => {
            let ask = "Step 2: What is your favorite color?";
            let step = elicitation(ask, json!({"color": {"type": "string"}}), &["color"]);
            (Needs::from([("step2", step)]), Some("step2"), "Both steps are done.")
        }
        "capabilities" => {
            let can = serde_json::to_value(context.client_capabilities()).unwrap_or_default();
            let all = [("sampling", "greeting", sampling("Say hello", 50)), {
                let (key, request) = who();
                ("elicitation", key, request)
            }];
            let asked = all.into_iter().filter(|(what, ..)| can[*what].is_object());
            (asked.map(|(_, key, request)| (key, request)).collect(), None, "Nothing more is needed.")
        }
        _ => return None,
    };
    let missing: Needs = needs.into_iter().filter(|(key, _)| given(key).is_none()).collect();
    if missing.is_empty() {
        return Some(text(says).map(Into::into));
    }
    Some(input_required(missing, state.map(|round| states.give(round))).map(Into::into))
}

/// The same for the one prompt that asks.
pub(crate) fn prompt_by_answer(
    request: &GetPromptRequestParams,
) -> Option<Result<GetPromptResponse, ErrorData>> {
    if request.name != "test_input_required_result_prompt" {
        return None;
    }
    let given = request.input_responses.as_ref().and_then(|all| all.get("user_context"));
    Some(match given.and_then(|it| it["content"]["context"].as_str()) {
        Some(context) => {
            let content = json!({"type": "text", "text": format!("Use this context: {context}")});
            complete(json!({"messages": [{"role": "user", "content": content}]}))
                .map(GetPromptResponse::Complete)
        }
        None => {
            let fields = json!({"context": {"type": "string"}});
            let ask = elicitation("What context should the prompt use?", fields, &["context"]);
            input_required(Needs::from([("user_context", ask)]), None).map(Into::into)
        }
    })
}

fn input_required(needs: Needs, state: Option<String>) -> Result<InputRequiredResult, ErrorData> {
    Ok(InputRequiredResult::new(Some(of(json!(needs))?), state))
}

fn sampling(prompt: &str, tokens: u32) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": prompt}});
    json!({"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": tokens}})
}

fn elicitation(message: &str, fields: Value, required: &[&str]) -> Value {
    let mut schema = json!({"type": "object", "properties": fields});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    json!({"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": schema}})
}

fn defaults() -> Value {
    json!({
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": true},
    })
}

fn enums() -> Value {
    let options = json!(["option1", "option2", "option3"]);
    let titled = |what: &str| {
        json!([
            {"const": "value1", "title": format!("First {what}")},
            {"const": "value2", "title": format!("Second {what}")},
            {"const": "value3", "title": format!("Third {what}")},
        ])
    };
    json!({
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled("Option")},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}},
    })
}
