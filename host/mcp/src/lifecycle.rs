//! Tools that install, upgrade and remove gadgetry in a cluster, and say how it is. They stand beside the catalogue, so they
//! are there before any gadget is.
//!
//! What they do is the [`Operator`]'s; what is here is how a person agrees to it. First a plan is made, which reads only.
//! Then whoever decides is shown it: a client that can ask its user is asked to, by a request of ours in the era of
//! sessions and by an answer that wants input in the stateless one; a model cannot answer in the user's place, whatever
//! arguments it sends. Only where the client cannot ask does `confirm: true` stand for the user's word. A plan is carried
//! out as it was shown: if the cluster has changed since, the question is put again.

mod ask;
mod pending;
mod progress;
mod tools;

use std::pin::Pin;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ProtocolVersion, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use self::ask::Answered;
use self::pending::Pending;
use crate::beside::{Answer, Beside};
use crate::owner::owner;
use crate::reply::failure;

/// Something that takes a while, and fails with a message that says what to do.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Hears how far it is: steps done, of how many, and what is being done. Must not wait.
pub type OnStep = Box<dyn Fn(usize, usize, String) + Send + Sync>;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Install, or make what is installed as the arguments say.
    Deploy,
    /// Bring what is installed to this version.
    Upgrade,
    /// Remove.
    Undeploy,
}

/// Who does it. The product's works on a cluster; tests stand in their own.
pub trait Operator: Send + Sync + 'static {
    /// What is installed, and how it is: a document, and the same for people.
    fn status(&self) -> Doing<'_, (Value, String)>;

    /// Plans `action`; `arguments` are the tool's without `dry_run` and `confirm`. It changes nothing.
    fn plan(&self, action: Action, arguments: Map<String, Value>) -> Doing<'_, Box<dyn Planned>>;
}

/// What would be done.
pub trait Planned: Send + Sync {
    /// It, for people, with all that it touches: what they agree to.
    fn text(&self) -> String;

    /// The same as a document: `objects`, `notes`.
    fn document(&self) -> Map<String, Value>;

    /// Whether there is nothing to be done.
    fn is_empty(&self) -> bool;

    /// Does it; cancelling stops it where it is.
    fn carry_out(&self, step: OnStep, cancel: CancellationToken) -> Doing<'_, Map<String, Value>>;
}

/// The tools.
pub struct Lifecycle<O> {
    operator: O,
    destructive: bool,
    pending: Pending,
}

impl<O: Operator> Lifecycle<O> {
    /// The tools of `operator`; those that change something only if that is allowed (`destructive`).
    pub fn new(operator: O, destructive: bool) -> Self {
        Self { operator, destructive, pending: Pending::default() }
    }

    async fn called(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(action) = tools::action(&request.name) else {
            return Ok(match self.operator.status().await {
                Ok((document, text)) => told(document, text, false),
                Err(message) => failure(message),
            }
            .into());
        };
        let mut arguments = request.arguments.clone().unwrap_or_default();
        let (dry_run, confirm) = match (flag(&mut arguments, "dry_run"), flag(&mut arguments, "confirm")) {
            (Ok(dry_run), Ok(confirm)) => (dry_run, confirm),
            (Err(message), _) | (_, Err(message)) => return Ok(failure(message).into()),
        };
        let plan = tokio::select! {
            plan = self.operator.plan(action, arguments) => plan,
            () = context.ct.cancelled() => Err("cancelled; nothing was changed".to_owned()),
        };
        let plan = match plan {
            Ok(plan) => plan,
            Err(message) => return Ok(failure(message).into()),
        };
        if dry_run || plan.is_empty() {
            return Ok(not_done(plan.as_ref(), dry_run, None).into());
        }
        match self.agreed(&request, plan.as_ref(), confirm, &context).await? {
            Answered::Yes => Ok(self.done(plan.as_ref(), &context).await.into()),
            Answered::No(why) => Ok(not_done(plan.as_ref(), false, Some(why)).into()),
            Answered::Later(response) => Ok(*response),
        }
    }

    /// Whether the user agrees to `plan`.
    async fn agreed(
        &self,
        request: &CallToolRequestParams,
        plan: &dyn Planned,
        confirm: bool,
        context: &RequestContext<RoleServer>,
    ) -> Result<Answered, ErrorData> {
        if !ask::can_ask(context) {
            return Ok(if confirm {
                Answered::Yes
            } else {
                Answered::No(
                    "Nothing was changed. Show this to the user, and call again with confirm: true once they agree."
                        .to_owned(),
                )
            });
        }
        let shown = plan.text();
        let stateless = context.protocol_version().is_some_and(|it| it >= ProtocolVersion::V_2026_07_28);
        if !stateless {
            return ask::by_request(&shown, context).await;
        }
        let about =
            (owner(context), request.name.to_string(), json!(request.arguments).to_string(), shown.clone());
        if let Some(state) = &request.request_state
            && self.pending.take(state, &about)
            && let Some(answer) = ask::answer(request)
        {
            return Ok(answer);
        }
        let state = self.pending.give(about).map_err(|error| {
            ErrorData::internal_error(format!("no random numbers to be had: {error}"), None)
        })?;
        Ok(Answered::Later(Box::new(ask::by_answer(&shown, state)?)))
    }

    async fn done(&self, plan: &dyn Planned, context: &RequestContext<RoleServer>) -> CallToolResult {
        let (step, teller) = progress::teller(context);
        let done = plan.carry_out(step, context.ct.clone()).await;
        if let Some(teller) = teller {
            teller.finish().await;
        }
        match done {
            Ok(mut document) => {
                document.insert("done".to_owned(), json!(true));
                let text = Value::Object(document.clone()).to_string();
                told(Value::Object(document), text, false)
            }
            Err(message) => failure(message),
        }
    }
}

/// The answer of a call that has changed nothing: asked for, or because nobody agreed.
fn not_done(plan: &dyn Planned, dry_run: bool, why: Option<String>) -> CallToolResult {
    let mut document = plan.document();
    document.insert("done".to_owned(), json!(plan.is_empty()));
    document.insert("dry_run".to_owned(), json!(dry_run));
    let text = match &why {
        Some(why) => format!("{why}\n\n{}", plan.text()),
        None => plan.text(),
    };
    told(Value::Object(document), text, why.is_some())
}

fn told(document: Value, text: String, is_error: bool) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(document);
    result.is_error = Some(is_error);
    result
}

/// Takes the argument `name`, which is true or false, out of `arguments`.
fn flag(arguments: &mut Map<String, Value>, name: &str) -> Result<bool, String> {
    match arguments.remove(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(it)) => Ok(it),
        Some(other) => Err(format!("argument `{name}`: {other} is neither true nor false")),
    }
}

impl<O: Operator> Beside for Lifecycle<O> {
    fn tools(&self) -> Vec<Tool> {
        tools::all(self.destructive)
    }

    fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Answer<'_, CallToolResponse> {
        Box::pin(self.called(request, context))
    }
}
