//! Calls of tools: of gadgets, in the foreground and the background, of the tools that read runs and find gadgets, and
//! what `run_gadget` stands for in compact mode.

use std::sync::Arc;

use gadgetry_run::gadget::Gadget;
use gadgetry_run::request::Allowed;
use gadgetry_run::runs::Asker;
use rmcp::model::{CallToolRequestParams, CallToolResponse, GetTaskResult};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Map, Value};

use crate::audit::Outcome;
use crate::caller::Caller;
use crate::owner::{owner, principal};
use crate::reply::{failure, outcome_of, reply};
use crate::server::{Ended, Found, Server, unknown};
use crate::{compact, flame, progress, runs, tasks};

impl<C: Caller> Server<C> {
    pub(super) async fn called(
        &self,
        found: Found,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Ended {
        let budget = self.shared.options.budget;
        match found {
            Found::Finder(finder) => {
                let gadgets = self.shared.catalog.gadgets();
                let arguments = request.arguments.unwrap_or_default();
                let response =
                    finder.call(&self.gadget_tools(&gadgets), &arguments, self.background()).into();
                let outcome = outcome_of(&response);
                Ok((response, outcome))
            }
            Found::Run(tool) => {
                let arguments = request.arguments.unwrap_or_default();
                let who = owner(&context);
                let called = async {
                    let asker = self.asker(&who, tool.named_in(&arguments), &context).await;
                    tool.call(&self.shared.desk, arguments, asker, budget).await
                };
                let (result, outcome) = tokio::select! {
                    called = called => called,
                    () = context.ct.cancelled() => (failure("cancelled".to_owned()), Outcome::Cancelled),
                    () = self.shared.stop.cancelled() => (failure("the server is stopping".to_owned()), Outcome::Cancelled),
                };
                Ok((result.into(), outcome))
            }
            Found::Gadget(gadget, tool) => self.called_gadget(gadget, tool, request, context).await,
            // In this task, so that what it asks of the client goes over this request's own stream.
            Found::Beside(part) => {
                // What is beside the gadgets is about all of the cluster.
                if let Err(message) = self.seen(&[], &context).await {
                    return Ok((failure(message).into(), Outcome::Refused));
                }
                let response = tokio::select! {
                    response = part.call_tool(request, context) => response?,
                    () = self.shared.stop.cancelled() => failure("the server is stopping".to_owned()).into(),
                };
                let outcome = outcome_of(&response);
                Ok((response, outcome))
            }
        }
    }

    async fn called_gadget(
        &self,
        gadget: Arc<Gadget>,
        tool: usize,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Ended {
        let mut arguments = request.arguments.unwrap_or_default();
        if gadget.tools.get(tool).is_some_and(runs::can_run_on) {
            match runs::in_background(&mut arguments) {
                Ok(false) => {}
                Ok(true) => return Ok(self.started(gadget, tool, arguments, &context).await),
                Err(message) => return Ok((failure(message).into(), Outcome::Argument)),
            }
        }
        let allowed = match self.allowed(&gadget, tool, &arguments, &context).await {
            Ok(allowed) => allowed,
            Err(message) => return Ok((failure(message).into(), Outcome::Refused)),
        };
        let (caller, runs) = (self.shared.caller.clone(), self.shared.runs.clone());
        let (owner, budget) = (owner(&context), self.shared.options.budget);
        let keep = flame::of(&gadget).is_some();
        let (progress, teller) = progress::teller(&context).unzip();
        let call = |cancel| async move {
            let called = caller.call(gadget.clone(), tool, arguments, allowed, cancel, progress).await;
            if let Some(teller) = teller {
                teller.finish().await;
            }
            let (result, outcome) = reply(&gadget, called, |answer| runs.fit(answer, &owner, budget, keep));
            Ok((result.into(), outcome))
        };
        self.run(&request.name, &context.ct, call).await
    }

    /// Starts a run that outlives this call.
    async fn started(
        &self,
        gadget: Arc<Gadget>,
        tool: usize,
        arguments: Map<String, Value>,
        context: &RequestContext<RoleServer>,
    ) -> (CallToolResponse, Outcome) {
        if !self.background() {
            let message = format!(
                "argument `{}`: this server runs with --read-only and starts nothing that outlives its call",
                runs::BACKGROUND
            );
            return (failure(message).into(), Outcome::Argument);
        }
        let allowed = match self.allowed(&gadget, tool, &arguments, context).await {
            Ok(allowed) => allowed,
            Err(message) => return (failure(message).into(), Outcome::Refused),
        };
        let runs = &self.shared.runs;
        match runs.start(gadget.clone(), arguments, allowed, &owner(context)).await {
            Ok(run) if tasks::wanted(context) => {
                (CallToolResponse::Task(tasks::created(&run, runs.time_to_live())), Outcome::Ok)
            }
            Ok(run) => (runs::started(&gadget, &run).into(), Outcome::Ok),
            Err(error) => {
                let (result, outcome) = runs::refused(&error);
                (result.into(), outcome)
            }
        }
    }

    /// The namespaces that the caller may see of those it asks for.
    async fn allowed(
        &self,
        gadget: &Gadget,
        tool: usize,
        arguments: &Map<String, Value>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Allowed, String> {
        let rows = gadget.tools.get(tool).is_some_and(runs::can_run_on);
        let named = arguments.get("namespace").filter(|_| rows);
        let text = |it: &Value| it.as_str().map(str::to_owned);
        let wanted: Vec<String> = match named {
            Some(Value::Array(all)) => all.iter().filter_map(text).collect(),
            Some(one) => text(one).into_iter().collect(),
            None => Vec::new(),
        };
        self.seen(&wanted, context).await
    }

    /// Who asks for the run `name`, or, without a name, for all runs. What the caller may see is found out only where the
    /// answer depends on it.
    pub(super) async fn asker<'a>(
        &self,
        owner: &'a str,
        name: Option<&str>,
        context: &RequestContext<RoleServer>,
    ) -> Asker<'a> {
        let beyond = self.shared.desk.is_beyond(owner, name);
        Asker { owner, all: beyond && matches!(self.seen(&[], context).await, Ok(None)) }
    }

    /// Where the task `id` stands.
    pub(super) async fn task(
        &self,
        id: &str,
        budget: usize,
        context: &RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let who = owner(context);
        let asker = self.asker(&who, Some(id), context).await;
        tasks::get(&self.shared.desk, id, asker, budget).await
    }

    /// What the caller may see of the namespaces `wanted`, or of everything if none is named.
    async fn seen(&self, wanted: &[String], context: &RequestContext<RoleServer>) -> Result<Allowed, String> {
        let Some(access) = &self.shared.options.access else { return Ok(None) };
        match principal(context) {
            Some(who) if who.operator => Ok(None),
            Some(who) => access.authorize(who, wanted).await,
            None => Err("this request proved to be from nobody: send a token".to_owned()),
        }
    }

    /// In compact mode, the call that a call of `run_gadget` stands for, and whether it was one: what follows, the
    /// log included, is about the gadget.
    pub(super) fn unwrapped(
        &self,
        request: CallToolRequestParams,
    ) -> Result<(CallToolRequestParams, bool), String> {
        if !self.is_compact() || request.name != compact::RUN {
            return Ok((request, false));
        }
        let (name, arguments) = compact::unwrapped(request.arguments.unwrap_or_default())?;
        Ok((CallToolRequestParams::new(name).with_arguments(arguments), true))
    }

    pub(super) fn run_target(&self, name: &str) -> Result<Found, ErrorData> {
        match self.gadget(name)? {
            Some(found) => Ok(found),
            None => Err(unknown(name, self.gadget_names().iter().map(String::as_str))),
        }
    }
}
