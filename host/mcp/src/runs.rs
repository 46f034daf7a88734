//! The tools for runs that outlive a call, and for the rest of answers that had no room for all their rows.
//!
//! They are three tools and not one with a verb, so that each has true annotations: a client may let its model read
//! without asking a person, and stop nothing.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use gadget_registry::descriptor::Kind;
use gadgetry_run::arguments::Arguments;
use gadgetry_run::fleet::RunError;
use gadgetry_run::gadget::{Gadget, Tool};
use gadgetry_run::request::{DEFAULT_MAX_ROWS, MAX_MAX_ROWS};
use gadgetry_run::runs::{Ask, Asker, Listed as Told, MAX_WAIT, Run, Runner, RunsError};
use rmcp::model::{CallToolResult, ContentBlock, Tool as Listed, ToolAnnotations};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::audit::Outcome;
use crate::desk::Desk;
use crate::flame;
use crate::reply::failure;

/// The argument of a gadget's tool that starts it in the background.
pub(crate) const BACKGROUND: &str = "background";

/// One of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunTool {
    List,
    Get,
    Stop,
}

impl RunTool {
    const ALL: [Self; 3] = [Self::Get, Self::List, Self::Stop];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::List => "list_runs",
            Self::Get => "get_run",
            Self::Stop => "stop_run",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// What there is to do on a server on which nothing may be started: read on where an answer was cut, and what runs
    /// there are that nobody called for, if there are such (`standing`).
    pub(crate) fn offered(read_only: bool, standing: bool) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |it| match it {
            Self::Get => true,
            Self::List => !read_only || standing,
            Self::Stop => !read_only,
        })
    }

    /// As an entry of tools/list.
    pub(crate) fn listed(self, standing: bool) -> Listed {
        let (title, description, [read_only, idempotent]) = match self {
            Self::List if standing => (
                "List background runs",
                "Your background runs, and those of the cluster's Gadget objects if you may see all namespaces, the \
                 newest first: id, tool, status, and how many events, rows and lost there are so far.",
                [true, true],
            ),
            Self::List => (
                "List background runs",
                "Your background runs, the newest first: id, tool, status, and how many events, rows and lost there \
                 are so far.",
                [true, true],
            ),
            Self::Get => (
                "Read rows of a run",
                "Rows of a background run by its id, or what an answer had no room for by its cursor. Without a cursor \
                 it begins with the oldest row kept; go on with the cursor it returns. `wait`: seconds to wait for new \
                 rows when there are none.",
                [true, true],
            ),
            Self::Stop => (
                "Stop a background run",
                "Ends a background run: its programs are detached when this returns. Its rows can still be read.",
                [false, true],
            ),
        };
        let output = match self {
            Self::List => {
                let mut list = json!({"type": "object", "properties": {"runs": {"type": "array"}}, "required": ["runs"]});
                if standing {
                    list["properties"]["notes"] = json!({"type": "array"});
                }
                list
            }
            Self::Get => {
                json!({"type": "object", "properties": {"run": {}, "rows": {"type": "array"}, "missed": {},
                "left": {}, "cursor": {"type": "string"}, "summary": {}, "loss": {}}, "required": ["run", "rows", "cursor"]})
            }
            Self::Stop => {
                json!({"type": "object", "properties": {"run": {"type": "object"}}, "required": ["run"]})
            }
        };
        Listed::new(self.name(), description, Arc::new(self.takes().schema().clone()))
            .with_title(title)
            .with_raw_output_schema(Arc::new(object(output)))
            .with_annotations(ToolAnnotations::from_raw(
                None,
                Some(read_only),
                Some(false),
                Some(idempotent),
                Some(false),
            ))
    }

    fn takes(self) -> &'static Arguments {
        static LIST: LazyLock<Arguments> = LazyLock::new(|| arguments(json!({}), &[]));
        static GET: LazyLock<Arguments> = LazyLock::new(|| {
            let properties = json!({
                "id": {"type": "string"},
                "cursor": {"type": "string"},
                "wait": {"type": "number", "minimum": 0, "maximum": MAX_WAIT.as_secs()},
                "max_rows": {"type": "integer", "minimum": 1, "maximum": MAX_MAX_ROWS, "default": DEFAULT_MAX_ROWS},
            });
            arguments(properties, &[])
        });
        static STOP: LazyLock<Arguments> =
            LazyLock::new(|| arguments(json!({"id": {"type": "string"}}), &["id"]));
        match self {
            Self::List => &LIST,
            Self::Get => &GET,
            Self::Stop => &STOP,
        }
    }

    /// The run that a call with these arguments is about.
    pub(crate) fn named_in(self, given: &Map<String, Value>) -> Option<&str> {
        given.get("cursor").or_else(|| given.get("id")).and_then(Value::as_str)
    }

    /// Answers a call; of rows, as many as fit into `budget` bytes of text.
    pub(crate) async fn call<R: Runner>(
        self,
        desk: &Desk<R>,
        given: Map<String, Value>,
        asker: Asker<'_>,
        budget: usize,
    ) -> (CallToolResult, Outcome) {
        let given = match self.takes().check(given) {
            Ok(given) => given,
            Err(error) => return (failure(error.to_string()), Outcome::Argument),
        };
        let text = |name: &str| given.get(name).and_then(Value::as_str);
        match self {
            Self::List => {
                let Told { runs, notes } = desk.list(asker).await;
                let mut lines: Vec<String> = runs.iter().map(Run::text).collect();
                if lines.is_empty() {
                    lines.push("no runs".to_owned());
                }
                lines.extend(notes.iter().cloned());
                let mut told = json!({"runs": runs});
                if !notes.is_empty() {
                    told["notes"] = json!(notes);
                }
                (structured(lines.join("\n"), &told), Outcome::Ok)
            }
            Self::Get => {
                let wait = given.get("wait").and_then(Value::as_f64).unwrap_or(0.0);
                let most = given.get("max_rows").and_then(Value::as_u64).unwrap_or(DEFAULT_MAX_ROWS);
                let ask = Ask {
                    id: text("id"),
                    cursor: text("cursor"),
                    wait: Duration::from_secs_f64(wait.clamp(0.0, MAX_WAIT.as_secs_f64())),
                    max_rows: usize::try_from(most).unwrap_or(usize::MAX),
                    budget,
                };
                if ask.id.is_none() && ask.cursor.is_none() {
                    let message =
                        "argument `id`: the id of a run, or a `cursor`, is wanted; list_runs names runs";
                    return (failure(message.to_owned()), Outcome::Argument);
                }
                match desk.get(asker, ask).await {
                    Ok(page) => (structured(page.text(), &page), Outcome::Ok),
                    Err(error) => refused(&error),
                }
            }
            Self::Stop => match desk.stop(asker, text("id").unwrap_or_default()).await {
                Ok(run) => (structured(run.text(), &json!({"run": run})), Outcome::Ok),
                Err(error) => refused(&error),
            },
        }
    }
}

/// Takes the argument that wants a run in the background out of `arguments`.
pub(crate) fn in_background(arguments: &mut Map<String, Value>) -> Result<bool, String> {
    match arguments.remove(BACKGROUND) {
        None => Ok(false),
        Some(Value::Bool(wanted)) => Ok(wanted),
        Some(_) => Err(format!("argument `{BACKGROUND}`: true or false is wanted")),
    }
}

/// Whether `tool` can run in the background.
pub(crate) fn can_run_on(tool: &Tool) -> bool {
    tool.kind != Kind::Tool
}

/// What a start is answered with: the run, by which its rows are asked for later.
pub(crate) fn started(gadget: &Gadget, run: &Run) -> CallToolResult {
    let id = &run.id;
    let mut text = format!(
        "{}\nrows: get_run with id {id} (and `wait` for new ones); end it with stop_run\ngadget: {} {}, signed by {}\n",
        run.text(),
        gadget.identity.reference,
        gadget.identity.digest.get(..19).unwrap_or(&gadget.identity.digest),
        gadget.identity.signed_by,
    );
    if flame::of(gadget).is_some() {
        text.push_str(&format!("as a flame graph: resource {}\n", flame::uri(id)));
    }
    structured(text, &json!({"run": run, "gadget": gadget.identity}))
}

/// What a refusal is answered with.
pub(crate) fn refused(error: &RunsError) -> (CallToolResult, Outcome) {
    let outcome = match error {
        RunsError::Run(RunError::Failed { .. })
        | RunsError::Closed(_)
        | RunsError::Unreached { .. }
        | RunsError::Said(_) => Outcome::Failed,
        _ => Outcome::Argument,
    };
    (failure(error.to_string()), outcome)
}

/// An answer as text for a model to read, and as JSON.
fn structured(text: String, json: &impl Serialize) -> CallToolResult {
    match serde_json::to_value(json) {
        Ok(json) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(json);
            result
        }
        Err(error) => failure(format!("the answer is no JSON ({error}): a bug of gadgetry")),
    }
}

fn arguments(properties: Value, required: &[&str]) -> Arguments {
    let schema = object(json!({"type": "object", "properties": properties, "required": required,
                               "additionalProperties": false}));
    Arguments::compile(&schema).expect("a valid schema: it is a literal")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => unreachable!("a literal object"),
    }
}
