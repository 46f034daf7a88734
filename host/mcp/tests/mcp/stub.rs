//! A catalogue and a caller that stand in for gadgets: what the front makes of each kind of answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gadget_registry::descriptor::{
    Annotations, DESCRIPTOR_VERSION, Descriptor, Kind, Links, Permissions, Prompt, PromptArgument,
};
use gadgetry_mcp::Caller;
use gadgetry_run::answer::{Answer, Ended, Identity, Loss, Summary};
use gadgetry_run::catalog::Catalog;
use gadgetry_run::fleet::{Called, OnProgress, Progress, Report, RunError, Sink};
use gadgetry_run::gadget::{Gadget, Tool};
use gadgetry_run::request::{Allowed, Request};
use gadgetry_run::runs::Runner;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Answers by the tool's name, and counts the calls that wait.
#[derive(Debug)]
pub(crate) struct Stub {
    /// A permit for each call of `wait` that has begun.
    pub(crate) begun: Semaphore,
    /// A permit for each that was cancelled.
    pub(crate) cancelled: Semaphore,
}

impl Stub {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { begun: Semaphore::new(0), cancelled: Semaphore::new(0) })
    }
}

impl Runner for Stub {
    fn request(&self, _: &Gadget, arguments: Map<String, Value>) -> Result<Request, RunError> {
        let duration = arguments.get("duration").and_then(Value::as_f64).map(Duration::from_secs_f64);
        if arguments.contains_key("wrong") {
            return Err(RunError::Argument { field: "wrong".into(), message: "is not a parameter".into() });
        }
        Ok(Request { duration, ..Request::default() })
    }

    async fn run(
        &self,
        _: Arc<Gadget>,
        request: Request,
        mut sink: Box<dyn Sink>,
        cancel: CancellationToken,
    ) -> Result<Report, RunError> {
        let _ = sink.rows(b"{\"n\":1}\n{\"n\":2}\n", 2);
        tokio::select! {
            () = cancel.cancelled() => self.cancelled.add_permits(1),
            () = tokio::time::sleep(request.duration.unwrap_or(Duration::from_secs(600))) => {}
        }
        Ok(Report { summary: Summary::default(), loss: Loss::new(1, 0, 0), attach: Duration::ZERO })
    }
}

impl Caller for Stub {
    async fn call(
        &self,
        gadget: Arc<Gadget>,
        tool: usize,
        arguments: Map<String, Value>,
        _: Allowed,
        cancel: CancellationToken,
        progress: Option<OnProgress>,
    ) -> Result<Called, RunError> {
        if let Some(mut tell) = progress {
            for second in 1..=3 {
                let elapsed = Duration::from_secs(second);
                tell(Progress {
                    seen: 10 * second,
                    elapsed,
                    of: Some(Duration::from_secs(3)),
                    ..Progress::default()
                });
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let failed = |message: &str| RunError::Failed { gadget: "stub".into(), message: message.into() };
        match gadget.tools[tool].name.as_str() {
            "echo" => Ok(Called::Answer(raw(&Value::Object(arguments)), None)),
            "list" => Ok(Called::Answer(raw(&json!([1])), None)),
            "rows" => {
                let mut answer = rows(&gadget);
                if arguments.contains_key("stack") {
                    answer.rows.push(raw(&json!({"comm": "web", "stack": "main;work<a>", "samples": 7})));
                }
                let many = arguments.get("many").and_then(Value::as_u64).unwrap_or(0);
                answer.rows.extend((0..many).map(|it| raw(&json!({"n": it, "path": "x".repeat(100)}))));
                Ok(Called::Rows(Box::new(answer)))
            }
            "pick" => Err(RunError::Argument { field: "pid".into(), message: "wanted an integer".into() }),
            "panic" => panic!("as asked"),
            "wait" => {
                self.begun.add_permits(1);
                cancel.cancelled().await;
                // A run needs a moment to detach, and must be given it.
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.cancelled.add_permits(1);
                Ok(Called::Rows(Box::new(rows(&gadget))))
            }
            _ => Err(failed("the kernel said no")),
        }
    }

    fn containers(&self) -> Vec<String> {
        vec!["web".into(), "database".into(), "webhook".into()]
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

fn rows(gadget: &Gadget) -> Answer {
    Answer {
        rows: vec![raw(&json!({"z": 1, "a": "é"}))],
        summary: Summary { ended: Ended::Complete, by_node: BTreeMap::new(), ..Summary::default() },
        loss: Loss::new(1, 2, 3),
        gadget: gadget.identity.clone(),
        cursor: None,
    }
}

/// A gadget with one tool for each of `tools`; a name that starts with `write` may change something.
pub(crate) fn gadget(name: &str, kind: Kind, tools: &[&str]) -> Arc<Gadget> {
    let object: Map<String, Value> = [("type".to_owned(), json!("object"))].into_iter().collect();
    let tool = |name: &&str| Tool {
        name: (*name).into(),
        title: format!("Title of {name}"),
        description: format!("Description of {name}"),
        input_schema: Arc::new(object.clone()),
        output_schema: Arc::new(object.clone()),
        brief_input: Arc::new(object.clone()),
        brief_output: Arc::new(object.clone()),
        annotations: Annotations { read_only: !name.starts_with("write"), ..Annotations::default() },
        kind,
    };
    Arc::new(Gadget {
        identity: Identity {
            name: name.into(),
            version: "1.0.0".into(),
            reference: name.into(),
            digest: "sha256:00".into(),
            signed_by: "nobody".into(),
        },
        descriptor: Descriptor {
            descriptor: DESCRIPTOR_VERSION,
            contract: "gadgetry:gadget@0.1.0".into(),
            name: name.into(),
            version: "1.0.0".into(),
            title: name.into(),
            description: name.into(),
            kind,
            merge: false,
            tools: vec![],
            hooks: vec![],
            views: vec![],
            permissions: Permissions::default(),
            prompts: vec![prompt(&format!("{name}_ask"))],
            links: Links::default(),
        },
        tools: tools.iter().map(tool).collect(),
        readme: Some(format!("# {name}\n")),
    })
}

/// A prompt that asks of a container.
pub(crate) fn prompt(name: &str) -> Prompt {
    Prompt {
        name: name.into(),
        title: format!("Title of {name}"),
        description: format!("Description of {name}"),
        arguments: vec![
            PromptArgument { name: "container".into(), description: "Which".into(), required: true },
            PromptArgument { name: "tool".into(), description: "By what".into(), required: false },
        ],
        text: "Look at {{container}} with {{tool}} and `trace_open`.".into(),
    }
}

/// The catalogue most tests use, given in no order.
pub(crate) fn catalog() -> Arc<Catalog> {
    let gadgets = vec![
        gadget("slow", Kind::Stream, &["wait"]),
        gadget("stream", Kind::Stream, &["rows"]),
        gadget("tools", Kind::Tool, &["echo", "list", "panic", "pick", "write"]),
        gadget("broken", Kind::Snapshot, &["fail"]),
    ];
    Arc::new(Catalog::new(gadgets).unwrap())
}
