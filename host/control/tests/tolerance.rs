//! What a node of another version says: the unknown is passed over, and one too far apart is not even asked to run
//! anything.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gadgetry_control::address::Address;
use gadgetry_control::client::Remote;
use gadgetry_control::dial::Dial;
use gadgetry_control::nodes::Connect as _;
use gadgetry_control::tls::Role;
use gadgetry_control::v1;
use gadgetry_control::v1::control_server::{Control, ControlServer};
use gadgetry_control::v1::run_event::Event;
use gadgetry_control::v1::run_input::Input;
use gadgetry_run::agent::Agent as _;
use gadgetry_run::answer::Identity;
use gadgetry_run::fleet::{Report, RunError, Sink};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::log::{Level, Line};
use gadgetry_run::request::Request as Wanted;
use serde_json::json;
use tokio::net::UnixListener;
use tokio_stream::Stream;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// A node of some version, which answers every run with the same events.
struct Node {
    version: &'static str,
    events: Vec<v1::RunEvent>,
    runs: Arc<AtomicU64>,
}

type Answers = Pin<Box<dyn Stream<Item = Result<v1::RunEvent, Status>> + Send>>;

#[tonic::async_trait]
impl Control for Node {
    type RunStream = Answers;

    async fn info(&self, _: Request<v1::InfoRequest>) -> Result<Response<v1::InfoResponse>, Status> {
        let version = self.version.to_owned();
        Ok(Response::new(v1::InfoResponse { version, ..v1::InfoResponse::default() }))
    }

    async fn run(&self, request: Request<Streaming<v1::RunInput>>) -> Result<Response<Answers>, Status> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let first = request.into_inner().message().await?.and_then(|it| it.input);
        let Some(Input::Run(run)) = first else { return Err(Status::invalid_argument("no run")) };
        // Without being asked no version sends what an older one does not know.
        let asked = |event: &v1::RunEvent| run.log || !matches!(event.event, Some(Event::Log(_)));
        let events: Vec<_> = self.events.iter().filter(|it| asked(it)).cloned().map(Ok).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(events))))
    }

    async fn list_gadgets(
        &self,
        _: Request<v1::ListGadgetsRequest>,
    ) -> Result<Response<v1::ListGadgetsResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn start_run(&self, _: Request<v1::RunRequest>) -> Result<Response<v1::RunState>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn list_runs(
        &self,
        _: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn get_run(&self, _: Request<v1::GetRunRequest>) -> Result<Response<v1::GetRunResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn stop_run(&self, _: Request<v1::StopRunRequest>) -> Result<Response<v1::RunState>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

impl Node {
    /// Serves it in `folder`; where.
    fn serve(self, folder: &Path) -> PathBuf {
        let path = folder.join("node.sock");
        let incoming = UnixListenerStream::new(UnixListener::bind(&path).unwrap());
        let server = tonic::transport::Server::builder().add_service(ControlServer::new(self));
        tokio::spawn(server.serve_with_incoming(incoming));
        path
    }
}

/// Keeps what comes.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<(Vec<u8>, Vec<Line>)>>);

impl Sink for Kept {
    fn rows(&mut self, lines: &[u8], _: u64) -> ControlFlow<()> {
        self.0.lock().unwrap().0.extend_from_slice(lines);
        ControlFlow::Continue(())
    }

    fn log(&mut self, line: &Line) {
        self.0.lock().unwrap().1.push(line.clone());
    }
}

fn gadget() -> Arc<Gadget> {
    let descriptor = json!({
        "descriptor": 1, "contract": "gadgetry:gadget@0.1.0", "name": "later", "version": "1.0.0", "title": "Later",
        "description": "", "kind": "stream", "tools": [], "permissions": {},
    });
    let identity = Identity {
        name: "later".into(),
        version: "1.0.0".into(),
        reference: "later".into(),
        digest: String::new(),
        signed_by: String::new(),
    };
    let descriptor = serde_json::from_value(descriptor).unwrap();
    Arc::new(Gadget { identity, descriptor, tools: Vec::new(), readme: None })
}

/// Runs something on a node of `version` that answers with `events`.
async fn run(
    version: &'static str,
    events: Vec<v1::RunEvent>,
) -> (Result<Report, RunError>, Vec<u8>, Vec<Line>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let runs = Arc::new(AtomicU64::new(0));
    let path = Node { version, events, runs: runs.clone() }.serve(folder.path());
    let channel = Dial::new(None, Role::Agent).channel(&Address::Unix(path));
    let (remote, kept) = (Remote::new("n1", channel), Kept::default());
    let wanted = Wanted { duration: Some(Duration::from_secs(1)), ..Wanted::default() };
    let ended = remote.run(gadget(), wanted, Box::new(kept.clone()), CancellationToken::new()).await;
    let (rows, log) = kept.0.lock().unwrap().clone();
    (ended, rows, log, runs.load(Ordering::Relaxed))
}

fn event(event: Option<Event>) -> v1::RunEvent {
    v1::RunEvent { node: "n1".into(), event }
}

#[tokio::test]
async fn what_a_later_version_adds_is_passed_over() {
    let log = |node: &str, message: &str| {
        let level = v1::log::Level::Warn.into();
        Event::Log(v1::Log { node: node.into(), level, message: message.into() })
    };
    let report = v1::Report {
        summary: json!({"seen": 3, "returned": 1, "later": [1]}).to_string().into_bytes(),
        loss: json!({"total": 2, "link": 2, "later": {"a": 1}}).to_string().into_bytes(),
        attach_micros: 5,
    };
    let events = vec![
        // What this version does not know is read as nothing.
        event(None),
        event(Some(Event::Rows(v1::Rows { lines: "{}\n".into(), count: 1 }))),
        event(Some(log("", "one\u{1b}[31m"))),
        event(Some(log("n2", "two"))),
        event(None),
        event(Some(Event::Report(report))),
    ];
    let (ended, rows, log, _) = run(env!("CARGO_PKG_VERSION"), events).await;
    let report = ended.unwrap();
    assert_eq!((report.summary.seen, report.loss.link, rows), (3, 2, b"{}\n".to_vec()));
    let told: Vec<_> = log.iter().map(|it| (it.node.as_deref(), it.level, it.message.as_str())).collect();
    assert_eq!(told, [(Some("n1"), Level::Warn, "one[31m"), (Some("n2"), Level::Warn, "two")]);
    assert!(log.iter().all(|it| it.gadget == "later"));
}

#[tokio::test]
async fn one_too_far_apart_is_not_asked_to_run_anything() {
    let (ended, _, _, runs) = run("99.0.0", Vec::new()).await;
    let why = ended.unwrap_err().to_string();
    assert!(why.contains("99.0.0") && why.contains(env!("CARGO_PKG_VERSION")), "{why}");
    assert!(why.contains("upgrade this end's gadgetry"), "{why}");
    assert_eq!(runs, 0);
}

#[tokio::test]
async fn an_end_without_a_report_is_no_answer() {
    let rows = Event::Rows(v1::Rows { lines: "{}\n".into(), count: 1 });
    let (ended, rows, _, runs) = run(env!("CARGO_PKG_VERSION"), vec![event(Some(rows))]).await;
    assert!(ended.unwrap_err().to_string().contains("n1 ended without a report"));
    assert_eq!((rows, runs), (b"{}\n".to_vec(), 1));
}
