//! Background runs as tasks of the protocol's tasks extension, for clients that declare it: a start is answered with a
//! task whose id is the run's, so that the run tools and the tasks' methods speak of the same thing.
//!
//! A run that was stopped is a cancelled task, and its rows are read with `get_run`. One that failed is completed, by
//! a result that says what went wrong: to the protocol, only a request that could not be served has failed.

use std::time::Duration;

use gadgetry_run::runs::{Ask, Asker, Page, Run, Runner, RunsError, Status};
use rmcp::model::{
    CallToolResult, ContentBlock, CreateTaskResult, DetailedTask, GetTaskResult, JsonObject, Task,
    TaskPayload, TaskStatus,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::Value;

use crate::desk::Desk;

/// How often a client should ask.
const POLL: Duration = Duration::from_secs(1);

/// Whether the client of this request takes tasks.
pub(crate) fn wanted(context: &RequestContext<RoleServer>) -> bool {
    context.client_capabilities().is_some_and(|it| it.supports_tasks())
}

/// The answer to a start.
pub(crate) fn created(run: &Run, time_to_live: Duration) -> CreateTaskResult {
    CreateTaskResult::new(task(run, time_to_live))
}

/// Where a task stands; when it has ended, with its rows as far as they fit into `budget` bytes of text.
pub(crate) async fn get<R: Runner>(
    desk: &Desk<R>,
    id: &str,
    asker: Asker<'_>,
    budget: usize,
) -> Result<GetTaskResult, ErrorData> {
    let page = desk.get(asker, Ask::whole(id, budget)).await.map_err(unknown)?;
    let task = task(&page.run, desk.kept().runs().time_to_live());
    let payload = match page.run.status {
        Status::Running => TaskPayload::Working,
        Status::Stopped => TaskPayload::Cancelled,
        Status::Ended | Status::Expired | Status::Failed => TaskPayload::Completed { result: result(&page)? },
    };
    Ok(GetTaskResult::new(DetailedTask::new(task, payload)))
}

/// Stops a task's run.
pub(crate) async fn cancel<R: Runner>(desk: &Desk<R>, id: &str, asker: Asker<'_>) -> Result<(), ErrorData> {
    desk.stop(asker, id).await.map(drop).map_err(unknown)
}

fn unknown(error: RunsError) -> ErrorData {
    ErrorData::invalid_params(error.to_string(), None)
}

fn task(run: &Run, time_to_live: Duration) -> Task {
    let status = match run.status {
        Status::Running => TaskStatus::Working,
        Status::Stopped => TaskStatus::Cancelled,
        Status::Ended | Status::Expired | Status::Failed => TaskStatus::Completed,
    };
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Task::new(run.id.clone(), status, run.started.clone(), run.updated.clone())
        .with_status_message(run.text())
        .with_ttl_ms(millis(time_to_live))
        .with_poll_interval_ms(millis(POLL))
}

/// What the call would have been answered with.
fn result(page: &Page) -> Result<JsonObject, ErrorData> {
    let internal = |error: serde_json::Error| ErrorData::internal_error(error.to_string(), None);
    let content = vec![ContentBlock::text(page.text())];
    let result = match page.run.status {
        Status::Failed => CallToolResult::error(content),
        _ => {
            let mut result = CallToolResult::success(content);
            result.structured_content = Some(serde_json::to_value(page).map_err(internal)?);
            result
        }
    };
    match serde_json::to_value(result).map_err(internal)? {
        Value::Object(result) => Ok(result),
        _ => Err(ErrorData::internal_error("a result is no object", None)),
    }
}
