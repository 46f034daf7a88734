//! The set of node agents a server can reach. On one machine that is one, in-process; the callers above never know.
//!
//! A call is checked here, and a tool answers here; streams and snapshots run on the nodes, and what several answer is
//! made one by [`crate::gather`].

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gadget_registry::descriptor::Kind;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::agent::{Agents, Local, Reach};
use crate::answer::{Answer, Loss, Summary};
use crate::gadget::Gadget;
pub use crate::gather::endpoint::{Endpoint, Endpoints};
use crate::guard::{Guard, Guarded};
use crate::log::Line;
use crate::node::Node;
use crate::request::{Allowed, Request};
use crate::stop::{Stop, StopOnDrop};
use crate::{execute, gather};

/// Where rows go while a run lasts. Called from the run's own thread; a slow sink makes the kernel's ring fill, and
/// what does not fit there is counted as lost.
pub trait Sink: Send {
    /// `lines`: `count` rows, JSON objects, each ended by a newline. `Break` ends the run.
    fn rows(&mut self, lines: &[u8], count: u64) -> ControlFlow<()>;

    /// As [`Self::rows`], for a gadget that merges: what it looks like now, in place of what was given here before. These
    /// rows are no part of the result, which comes by [`Self::rows`] when the run ends; a sink that only wants that
    /// does nothing.
    fn live(&mut self, lines: &[u8], count: u64) -> ControlFlow<()> {
        let _ = (lines, count);
        ControlFlow::Continue(())
    }

    /// Whether [`Self::rows`] would take rows without waiting. For those who must not wait: they ask again a little later.
    fn has_room(&mut self) -> bool {
        true
    }

    /// What the gadget logged. A sink that does not pass it on leaves it to this process's log.
    fn log(&mut self, line: &Line) {
        line.write();
    }

    /// About once a second, while a stream runs.
    fn progress(&mut self, progress: Progress) {
        let _ = progress;
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events that reached the host.
    pub seen: u64,
    /// Rows returned; of a run that groups or sorts its rows, those that passed the filter.
    pub rows: u64,
    /// Events lost.
    pub lost: u64,
    /// How long the programs have been attached.
    pub elapsed: Duration,
    /// How long they will be; `None` for as long as the caller stays.
    pub of: Option<Duration>,
}

/// Is told how far a call is; from the run's own thread, so it must not wait.
pub type OnProgress = Box<dyn FnMut(Progress) + Send>;

/// How a run of a stream or snapshot went; the rows went to its [`Sink`].
#[derive(Debug)]
pub struct Report {
    /// Counts and circumstances.
    pub summary: Summary,
    /// Events known to have been dropped.
    pub loss: Loss,
    /// From the request to the programs being attached.
    pub attach: Duration,
}

/// Why a run gave no answer. The message is for the caller, who may be a model: it says what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RunError {
    /// The caller's to mend: the argument at fault is named.
    #[error("argument `{field}`: {message}")]
    Argument {
        /// Name of the argument.
        field: String,
        /// What was wanted and what was found.
        message: String,
    },
    /// The gadget or the kernel failed.
    #[error("{gadget}: {message}")]
    Failed {
        /// Name of the gadget.
        gadget: String,
        /// What happened and what to do.
        message: String,
    },
}

/// The answer of a tool call.
#[derive(Debug)]
pub enum Called {
    /// A stream's or snapshot's.
    Rows(Box<Answer>),
    /// A tool gadget's own object, and what the operator's guard found in it.
    Answer(Box<RawValue>, Option<Guarded>),
}

/// The nodes that can be reached.
pub struct Fleet {
    /// Where calls are checked, tools run and rows of several nodes are merged.
    node: Arc<Node>,
    agents: Arc<dyn Agents>,
    endpoints: Option<Arc<dyn Endpoints>>,
    guard: Option<Arc<Guard>>,
}

impl Fleet {
    /// A fleet of one: this machine.
    pub fn local(node: Arc<Node>) -> Self {
        Self { agents: Arc::new(Local::new(node.clone())), node, endpoints: None, guard: None }
    }

    /// The nodes of `agents`; `node`, which need not be one of them, is where everything else is done.
    pub const fn of(node: Arc<Node>, agents: Arc<dyn Agents>) -> Self {
        Self { node, agents, endpoints: None, guard: None }
    }

    /// Which nodes there are now.
    pub fn reach(&self) -> Reach {
        self.agents.reach()
    }

    /// The same, telling what the addresses in rows of several nodes are.
    pub fn knowing(self, endpoints: Arc<dyn Endpoints>) -> Self {
        Self { endpoints: Some(endpoints), ..self }
    }

    /// The same with a guard before every gadget.
    pub fn guarded(self, guard: Arc<Guard>) -> Self {
        Self { guard: Some(guard), ..self }
    }

    /// The guard that stands before `gadget`.
    fn guard_of(&self, gadget: &Gadget) -> Option<&Arc<Guard>> {
        self.guard.as_ref().filter(|it| !it.is(gadget))
    }

    /// Calls one tool: checks the arguments against its schema, runs the gadget, collects the rows.
    /// `allowed`: what the caller may see. Cancelling detaches the gadget's programs at once. `progress` is told how far a stream is.
    pub async fn call(
        &self,
        gadget: Arc<Gadget>,
        tool: usize,
        arguments: Map<String, Value>,
        allowed: Allowed,
        cancel: CancellationToken,
        progress: Option<OnProgress>,
    ) -> Result<Called, RunError> {
        let ready = self.node.ready(&gadget)?;
        let marked = match self.guard_of(&gadget) {
            Some(guard) => guard.arguments(&arguments)?,
            None => Vec::new(),
        };
        let arguments = ready.arguments[tool].check(arguments)?;
        if gadget.descriptor.kind == Kind::Tool {
            let arguments = Value::Object(arguments).to_string();
            let answer = on_a_thread(&gadget, cancel, move |stop| {
                execute::tool(&ready, tool, arguments.as_bytes(), stop)
            })
            .await?;
            let answer = raw(&gadget, answer)?;
            return match self.guard_of(&gadget) {
                Some(guard) => {
                    guard.answer(answer, &marked).map(|(answer, found)| Called::Answer(answer, found))
                }
                None => Ok(Called::Answer(answer, None)),
            };
        }
        let name = &gadget.tools[tool].name;
        let request = Request::from_checked(gadget.descriptor.kind, name, arguments, &ready.fields[tool])?;
        let request = Request { allowed, ..request };
        let collected = Collected::default();
        let sink = Told { rows: collected.clone(), progress };
        let report = self.run(gadget.clone(), request, Box::new(sink), cancel).await?;
        let rows = collected.rows().map_err(|message| failed(&gadget, message))?;
        let identity = gadget.identity.clone();
        let Report { mut summary, loss, .. } = report;
        if let Some(guard) = self.guard_of(&gadget) {
            guard.tell(&marked, &mut summary);
        }
        Ok(Called::Rows(Box::new(Answer { rows, summary, loss, gadget: identity, cursor: None })))
    }

    /// Names of the containers that run now, for whoever completes one as it is typed; without a name, the short id.
    pub fn containers(&self) -> Vec<String> {
        self.agents.containers()
    }

    /// Checks what `gadgetry run` was given against the tool's schema.
    pub fn request(&self, gadget: &Gadget, arguments: Map<String, Value>) -> Result<Request, RunError> {
        let ready = self.node.ready(gadget)?;
        if let Some(guard) = self.guard_of(gadget) {
            guard.arguments(&arguments)?;
        }
        let arguments = ready.arguments[0].check(arguments)?;
        Request::from_checked(gadget.descriptor.kind, &gadget.tools[0].name, arguments, &ready.fields[0])
    }

    /// Runs a stream or snapshot, its rows going to `sink` as they come.
    pub async fn run(
        &self,
        gadget: Arc<Gadget>,
        request: Request,
        sink: Box<dyn Sink>,
        cancel: CancellationToken,
    ) -> Result<Report, RunError> {
        let ready = self.node.ready(&gadget)?;
        let reach = self.agents.reach();
        // Whoever asks for a part has chosen already.
        let reach = if request.part { reach } else { gather::chosen(reach, &request.nodes)? };
        let Some(guard) = self.guard_of(&gadget) else {
            return gather::run(ready, request, reach, sink, self.endpoints.clone(), cancel).await;
        };
        let (sink, seen) = guard.sink(sink)?;
        let mut report = gather::run(ready, request, reach, sink, self.endpoints.clone(), cancel).await?;
        guard.finish(&seen, &mut report.summary)?;
        Ok(report)
    }
}

/// A run waits for the kernel and computes in the guest, so it has a thread of its own; this waits for it, and ends
/// it when the caller cancels or goes away.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    gadget: &Gadget,
    cancel: CancellationToken,
    run: impl FnOnce(&Arc<Stop>) -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    let stop = Arc::new(Stop::default());
    let _stop_on_drop = StopOnDrop(stop.clone());
    let (sender, mut receiver) = oneshot::channel();
    let theirs = stop.clone();
    std::thread::Builder::new()
        .name(format!("run-{}", gadget.descriptor.name))
        .spawn(move || {
            // Whoever waited may be gone; there is nobody to tell then.
            let _ = sender.send(run(&theirs));
        })
        .map_err(|error| failed(gadget, format!("cannot start a thread: {error}")))?;
    let ended = tokio::select! {
        ended = &mut receiver => ended,
        () = cancel.cancelled() => {
            stop.stop();
            receiver.await
        }
    };
    ended.unwrap_or_else(|_| {
        Err(failed(gadget, "the run ended by a bug of gadgetry; its log says more".into()))
    })
}

/// Names of the containers that run on `node`; without a name, the short id.
pub(crate) fn container_names(node: &Node) -> Vec<String> {
    let all = node.containers().list();
    all.iter().map(|it| it.name.clone().unwrap_or_else(|| it.short_id().to_owned())).collect()
}

pub(crate) fn failed(gadget: &Gadget, message: String) -> RunError {
    RunError::Failed { gadget: gadget.descriptor.name.clone(), message }
}

fn raw(gadget: &Gadget, json: Vec<u8>) -> Result<Box<RawValue>, RunError> {
    let text = String::from_utf8(json).map_err(|error| failed(gadget, error.to_string()))?;
    RawValue::from_string(text).map_err(|error| failed(gadget, error.to_string()))
}

/// Keeps the rows of a call.
#[derive(Clone, Default)]
pub struct Collected(Arc<Mutex<Vec<u8>>>);

impl Collected {
    /// The rows, one by one, as the guest wrote them.
    pub fn rows(&self) -> Result<Vec<Box<RawValue>>, String> {
        let lines = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let lines = String::from_utf8(lines).map_err(|error| error.to_string())?;
        let row = |line: &str| RawValue::from_string(line.to_owned()).map_err(|error| error.to_string());
        lines.lines().map(row).collect()
    }
}

impl Sink for Collected {
    fn rows(&mut self, lines: &[u8], _count: u64) -> ControlFlow<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(lines);
        ControlFlow::Continue(())
    }
}

/// The sink of a call: keeps the rows, and tells its caller how far it is.
struct Told {
    rows: Collected,
    progress: Option<OnProgress>,
}

impl Sink for Told {
    fn rows(&mut self, lines: &[u8], count: u64) -> ControlFlow<()> {
        Sink::rows(&mut self.rows, lines, count)
    }

    fn progress(&mut self, progress: Progress) {
        if let Some(tell) = &mut self.progress {
            tell(progress);
        }
    }
}
