//! The service: calls of the API become runs of a fleet, be it of one node or of many.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::Stream;
use gadgetry_run::fleet::{Fleet, RunError};
use gadgetry_run::runs::{Ask, Runs, RunsError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};

use crate::link::{Link, WAITING};
use crate::source::Source;
use crate::v1::control_server::Control;
use crate::v1::node::State;
use crate::v1::run_event::Event;
use crate::v1::run_input::Input;
use crate::{MESSAGE, v1, version, wire};

/// Bytes of a page of a background run.
const PAGE: usize = 1 << 20;
/// How long a stopping service waits for its runs to detach.
const DETACH: Duration = Duration::from_secs(3);

/// What a service may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Runs at once.
    pub runs: usize,
    /// Bytes of kernel rings of all runs together.
    pub ring_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { runs: 64, ring_bytes: 256 << 20 }
    }
}

/// Counts since the start, for whoever looks after it.
#[derive(Debug, Default)]
pub struct Counts {
    /// Runs that were begun.
    pub runs: AtomicU64,
    /// Runs that failed.
    pub failed: AtomicU64,
    /// Runs that there was no room for.
    pub refused: AtomicU64,
    /// Rows that were sent.
    pub rows: AtomicU64,
    /// Events and rows that were lost.
    pub lost: AtomicU64,
}

/// Offers a fleet over the API.
pub struct Service<S> {
    name: String,
    fleet: Arc<Fleet>,
    source: Arc<S>,
    background: Arc<Runs>,
    places: Arc<Semaphore>,
    rings: Arc<Semaphore>,
    limits: Limits,
    counts: Arc<Counts>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl<S: Source> Service<S> {
    /// Offers `fleet`, whose gadgets come from `source`; `name` is the node's, or the server's.
    pub fn new(
        name: &str,
        fleet: Arc<Fleet>,
        source: Arc<S>,
        background: Arc<Runs>,
        limits: Limits,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            fleet,
            source,
            background,
            places: Arc::new(Semaphore::new(limits.runs)),
            rings: Arc::new(Semaphore::new(limits.ring_bytes >> KIB)),
            limits,
            counts: Arc::default(),
            tasks: TaskTracker::new(),
            stop,
        })
    }

    /// Counts since the start.
    pub fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }

    /// Runs that go on now.
    pub fn running(&self) -> usize {
        self.limits.runs - self.places.available_permits()
    }

    /// Ends all runs, and waits until they have detached, within reason.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        let (ended, ()) =
            tokio::join!(tokio::time::timeout(DETACH, self.tasks.wait()), self.background.shutdown());
        if ended.is_err() {
            tracing::warn!(
                runs = self.tasks.len(),
                "some runs did not end in time; their programs go with the process"
            );
        }
    }

    /// A place for a run, for as long as it is kept.
    fn admit(&self, ring_bytes: u32) -> Result<[OwnedSemaphorePermit; 2], RunError> {
        let kib = ring_bytes.max(gadgetry_run::request::DEFAULT_RING_BYTES) >> KIB;
        let place = self.places.clone().try_acquire_owned();
        let ring = self.rings.clone().try_acquire_many_owned(kib);
        place.ok().zip(ring.ok()).map(|(place, ring)| [place, ring]).ok_or_else(|| {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            let Limits { runs, ring_bytes } = self.limits;
            RunError::Failed {
                gadget: String::new(),
                message: format!(
                    "{} is full: {} of at most {runs} runs go on, with rings of at most {} MiB together; stop one, or ask again later",
                    self.name,
                    self.running(),
                    ring_bytes >> 20,
                ),
            }
        })
    }

    /// The gadget of a call, and the call as the fleet takes it.
    async fn prepared(&self, run: &v1::RunRequest) -> Result<Prepared, v1::Failure> {
        let plain = |message: String| v1::Failure { argument: String::new(), message };
        let found = self.source.find(&run.reference, &run.digest).await.map_err(plain)?;
        let gadget = found.gadget;
        if !run.tool.is_empty() && gadget.tools.first().is_none_or(|it| it.name != run.tool) {
            let message = format!("{} has no rows by the name `{}`", gadget.descriptor.name, run.tool);
            return Err(plain(message));
        }
        let arguments = wire::arguments(run).map_err(plain)?;
        let request = self.fleet.request(&gadget, arguments).map_err(|error| wire::failure(&error))?;
        let request = wire::apply(run, gadget.descriptor.merge, request);
        Ok(Prepared { gadget, request, note: found.note })
    }
}

/// Rings are counted in KiB.
const KIB: u32 = 10;

struct Prepared {
    gadget: Arc<gadgetry_run::gadget::Gadget>,
    request: gadgetry_run::request::Request,
    note: Option<String>,
}

/// A clone is a handle to the same service.
pub struct Offered<S>(pub Arc<Service<S>>);

impl<S> Clone for Offered<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Source> Offered<S> {
    /// As tonic serves it.
    pub fn server(self) -> v1::control_server::ControlServer<Self> {
        v1::control_server::ControlServer::new(self)
            .max_decoding_message_size(MESSAGE)
            .max_encoding_message_size(MESSAGE)
    }
}

type Answers = Pin<Box<dyn Stream<Item = Result<v1::RunEvent, Status>> + Send>>;

#[tonic::async_trait]
impl<S: Source> Control for Offered<S> {
    type RunStream = Answers;

    async fn info(&self, _: Request<v1::InfoRequest>) -> Result<Response<v1::InfoResponse>, Status> {
        let Service { name, fleet, .. } = &*self.0;
        let reach = fleet.reach();
        let node = |name: &str, state: State, reason: &str| v1::Node {
            name: name.to_owned(),
            state: state.into(),
            reason: reason.to_owned(),
            version: String::new(),
        };
        let mut nodes: Vec<_> = reach.agents.iter().map(|it| node(it.name(), State::Ready, "")).collect();
        nodes.extend(reach.absent.iter().map(|it| node(&it.node, State::Gone, &it.reason)));
        for known in nodes.iter_mut().filter(|it| it.name == *name) {
            version::VERSION.clone_into(&mut known.version);
        }
        let containers = fleet.containers();
        Ok(Response::new(v1::InfoResponse { version: version::VERSION.to_owned(), nodes, containers }))
    }

    async fn list_gadgets(
        &self,
        _: Request<v1::ListGadgetsRequest>,
    ) -> Result<Response<v1::ListGadgetsResponse>, Status> {
        let gadgets = self.0.source.gadgets();
        let gadgets = gadgets.iter().map(|it| v1::Gadget {
            name: it.identity.name.clone(),
            version: it.identity.version.clone(),
            reference: it.identity.reference.clone(),
            digest: it.identity.digest.clone(),
            signed_by: it.identity.signed_by.clone(),
        });
        Ok(Response::new(v1::ListGadgetsResponse { gadgets: gadgets.collect() }))
    }

    async fn run(&self, request: Request<Streaming<v1::RunInput>>) -> Result<Response<Answers>, Status> {
        let mut inputs = request.into_inner();
        let Some(Input::Run(run)) = inputs.message().await?.and_then(|it| it.input) else {
            return Err(Status::invalid_argument("the first message says which gadget to run"));
        };
        let (events, answers) = mpsc::channel(WAITING);
        let cancel = self.0.stop.child_token();
        let service = self.0.clone();
        self.0.tasks.spawn(async move {
            // Kept until the answer is handed over: what waits for one who does not read takes memory as well.
            let place = service.admit(run.ring_bytes);
            let ended = match &place {
                Ok(_) => service.run(run, events.clone(), cancel.clone(), inputs).await,
                Err(full) => Err(wire::failure(full)),
            };
            let event = match ended {
                Ok(report) => Event::Report(report),
                Err(failure) => {
                    service.counts.failed.fetch_add(1, Ordering::Relaxed);
                    Event::Failure(failure)
                }
            };
            // Whoever asked may be gone.
            let _ = events.send(Ok(v1::RunEvent { node: service.name.clone(), event: Some(event) })).await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn start_run(&self, request: Request<v1::RunRequest>) -> Result<Response<v1::RunState>, Status> {
        let run = request.into_inner();
        let arguments = wire::arguments(&run).map_err(Status::invalid_argument)?;
        let found = self.0.source.find(&run.reference, &run.digest).await;
        let gadget = found.map_err(Status::failed_precondition)?.gadget;
        let allowed = run.allowed.map(|it| it.names.into());
        let run = self
            .0
            .background
            .start(gadget, arguments, allowed, OWNER)
            .await
            .map_err(|error| status(&error))?;
        Ok(Response::new(state(&run)?))
    }

    async fn list_runs(
        &self,
        _: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        let runs = self.0.background.list(OWNER);
        let runs = runs.iter().map(state).collect::<Result<_, _>>()?;
        Ok(Response::new(v1::ListRunsResponse { runs }))
    }

    async fn get_run(
        &self,
        request: Request<v1::GetRunRequest>,
    ) -> Result<Response<v1::GetRunResponse>, Status> {
        let v1::GetRunRequest { id, cursor, wait_seconds, max_rows } = request.into_inner();
        let max_rows = if max_rows == 0 { usize::MAX } else { max_rows as usize };
        let wait = Duration::from_secs(wait_seconds.into());
        let ask = Ask { id: Some(id.as_str()), cursor: given(&cursor), wait, max_rows, budget: PAGE };
        let page = self.0.background.get(ask, OWNER).await.map_err(|error| status(&error))?;
        Ok(Response::new(v1::GetRunResponse { page: json(&page)? }))
    }

    async fn stop_run(&self, request: Request<v1::StopRunRequest>) -> Result<Response<v1::RunState>, Status> {
        let run = self.0.background.stop(&request.into_inner().id, OWNER).await;
        Ok(Response::new(state(&run.map_err(|error| status(&error))?)?))
    }
}

/// Whose the background runs are: all who may speak with the service are the operator's.
const OWNER: &str = "control";

fn state(run: &gadgetry_run::runs::Run) -> Result<v1::RunState, Status> {
    Ok(v1::RunState { run: json(run)? })
}

/// What goes over the wire as JSON, which grows without a new definition.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Status> {
    serde_json::to_vec(value).map_err(|error| Status::internal(error.to_string()))
}

/// A text that may be left out, which is empty then.
pub(crate) fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

pub(crate) fn status(error: &RunsError) -> Status {
    let message = error.to_string();
    match error {
        RunsError::Unknown(_) => Status::not_found(message),
        RunsError::Cursor(_) | RunsError::NotARun(_) => Status::invalid_argument(message),
        RunsError::TooMany { .. } => Status::resource_exhausted(message),
        RunsError::Closed(_) => Status::unavailable(message),
        RunsError::Unreached { .. } => Status::unavailable(message),
        RunsError::Object { .. } | RunsError::Said(_) | RunsError::Run(_) => {
            Status::failed_precondition(message)
        }
    }
}

impl<S: Source> Service<S> {
    /// One run, to its end: of itself, by a message that says stop, or as nobody reads any more.
    async fn run(
        &self,
        run: v1::RunRequest,
        events: mpsc::Sender<Result<v1::RunEvent, Status>>,
        cancel: CancellationToken,
        mut inputs: Streaming<v1::RunInput>,
    ) -> Result<v1::Report, v1::Failure> {
        self.counts.runs.fetch_add(1, Ordering::Relaxed);
        let Prepared { gadget, request, note } = self.prepared(&run).await?;
        let dropped = Arc::new(AtomicU64::new(0));
        let sink = Link::new(self.name.clone(), events.clone(), dropped.clone(), run.log);
        let running = self.fleet.run(gadget, request, Box::new(sink), cancel.clone());
        tokio::pin!(running);
        let mut listening = true;
        let ended = loop {
            tokio::select! {
                ended = &mut running => break ended,
                () = events.closed(), if !cancel.is_cancelled() => cancel.cancel(),
                input = inputs.message(), if listening => match input {
                    Ok(Some(v1::RunInput { input: Some(Input::Stop(_)) })) => cancel.cancel(),
                    // Something that a later version says.
                    Ok(Some(_)) => {}
                    // Nothing more will be said, which is no wish for the end.
                    Ok(None) => listening = false,
                    Err(_) => {
                        listening = false;
                        cancel.cancel();
                    }
                },
            }
        };
        let mut report = ended.map_err(|error| wire::failure(&error))?;
        report.loss = report.loss.with_link(dropped.load(Ordering::Relaxed));
        report.summary.notes.extend(note);
        self.counts.rows.fetch_add(report.summary.returned, Ordering::Relaxed);
        self.counts.lost.fetch_add(report.loss.total, Ordering::Relaxed);
        Ok(wire::report(&report))
    }
}
