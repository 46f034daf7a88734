//! The tools that change a cluster: nothing changes before somebody has agreed to what they were shown, in both eras, by
//! clients that can ask their user and by those that cannot.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gadgetry_mcp::lifecycle::{Action, Doing, Lifecycle, OnStep, Operator, Planned};
use gadgetry_mcp::{Options, Server, stdio};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientConfig,
    ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationCapability, FormElicitationCapability,
    Implementation, ProgressNotificationParam, ProtocolVersion,
};
use rmcp::service::{NotificationContext, RequestContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, ErrorData, RoleClient};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::stub::{Stub, catalog};
use crate::world::{COMBINATIONS, Era, Transport, listen, local};

/// A cluster of which only is known how often it was changed.
#[derive(Clone, Default)]
struct Cluster {
    changed: Arc<AtomicUsize>,
    /// What the next plan says; a cluster that changes between question and answer.
    shown: Arc<Mutex<String>>,
}

struct Plan(Cluster, Action, String);

impl Operator for Cluster {
    fn status(&self) -> Doing<'_, (Value, String)> {
        Box::pin(async {
            let deployed = self.changed.load(Ordering::SeqCst) > 0;
            let document = json!({"cluster": "c", "deployed": deployed, "client_version": "0"});
            Ok((document, format!("deployed: {deployed}")))
        })
    }

    fn plan(&self, action: Action, arguments: Map<String, Value>) -> Doing<'_, Box<dyn Planned>> {
        let plan = Plan(self.clone(), action, self.shown.lock().unwrap().clone());
        Box::pin(async move {
            match arguments.get("namespace") {
                Some(namespace) => Err(format!("argument `namespace`: {namespace} is no place")),
                None => Ok(Box::new(plan) as Box<dyn Planned>),
            }
        })
    }
}

impl Planned for Plan {
    fn text(&self) -> String {
        format!("{:?} will create Namespace n{}", self.1, self.2)
    }

    fn document(&self) -> Map<String, Value> {
        let objects = json!([{"action": "create", "kind": "Namespace", "name": "n"}]);
        Map::from_iter([("objects".to_owned(), objects)])
    }

    fn is_empty(&self) -> bool {
        false
    }

    fn carry_out(&self, step: OnStep, _: CancellationToken) -> Doing<'_, Map<String, Value>> {
        Box::pin(async move {
            for done in 0..3 {
                step(done, 2, format!("step {done}"));
                tokio::task::yield_now().await;
            }
            self.0.changed.fetch_add(1, Ordering::SeqCst);
            Ok(self.document())
        })
    }
}

/// A client with a user who answers; without an answer it cannot ask.
#[derive(Clone)]
struct User {
    answer: Option<(ElicitationAction, Value)>,
    asked: Arc<Mutex<Vec<String>>>,
    progress: Arc<Mutex<Vec<ProgressNotificationParam>>>,
}

impl ClientHandler for User {
    fn get_info(&self) -> ClientConfig {
        let mut can = ClientCapabilities::default();
        if self.answer.is_some() {
            can.elicitation =
                Some(ElicitationCapability::new().with_form(FormElicitationCapability::default()));
        }
        ClientConfig::new(can, Implementation::new("user", "0"))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams { message, .. } = request else {
            panic!("not a form")
        };
        self.asked.lock().unwrap().push(message);
        let (action, content) = self.answer.clone().expect("who cannot ask is not asked to");
        let mut result = ElicitResult::new(action);
        result.content = Some(content).filter(|it| !it.is_null());
        Ok(result)
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.progress.lock().unwrap().push(progress);
    }
}

struct World {
    cluster: Cluster,
    user: User,
    client: RunningService<RoleClient, User>,
    stop: CancellationToken,
}

impl World {
    async fn new(
        (transport, era): (Transport, Era),
        answer: Option<(ElicitationAction, Value)>,
        destructive: bool,
        options: Options,
    ) -> Self {
        let (cluster, stop) = (Cluster::default(), CancellationToken::new());
        let beside = Arc::new(Lifecycle::new(cluster.clone(), destructive));
        let server = Server::new(catalog(), Stub::new(), vec![beside], options).unwrap();
        let user = User { answer, asked: Arc::default(), progress: Arc::default() };
        let mode = match era {
            Era::Sessions => ClientLifecycleMode::Initialize,
            Era::Stateless => {
                ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
            }
        };
        let client = match transport {
            Transport::Pipes => {
                let (near, far) = tokio::io::duplex(1 << 16);
                let (input, output) = tokio::io::split(far);
                let serve = stdio::serve_on(server, input, output, stop.clone());
                tokio::spawn(async move { serve.await.unwrap() });
                user.clone().serve_with_lifecycle(near, mode).await.unwrap()
            }
            Transport::Http => {
                let (url, _) = listen(server, local(), stop.clone()).await;
                let transport = StreamableHttpClientTransport::from_uri(url);
                user.clone().serve_with_lifecycle(transport, mode).await.unwrap()
            }
        };
        Self { cluster, user, client, stop }
    }

    async fn call(&self, tool: &'static str, arguments: Value) -> CallToolResult {
        self.client.call_tool(request(tool, arguments)).await.unwrap()
    }

    fn changed(&self) -> usize {
        self.cluster.changed.load(Ordering::SeqCst)
    }

    fn asked(&self) -> Vec<String> {
        self.user.asked.lock().unwrap().clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn request(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    CallToolRequestParams::new(tool).with_arguments(arguments)
}

fn text(result: &CallToolResult) -> String {
    serde_json::to_value(&result.content).unwrap()[0]["text"].as_str().unwrap().to_owned()
}

fn yes() -> Option<(ElicitationAction, Value)> {
    Some((ElicitationAction::Accept, json!({"confirm": true})))
}

#[tokio::test]
async fn a_user_who_agrees_is_asked_once() {
    for combination in COMBINATIONS {
        let world = World::new(combination, yes(), true, Options::default()).await;
        let result = world.call("gadgetry_deploy", json!({})).await;
        assert_ne!(result.is_error, Some(true), "{combination:?}: {result:?}");
        assert_eq!(result.structured_content.as_ref().unwrap()["done"], json!(true));
        assert_eq!(world.asked(), ["Deploy will create Namespace n"], "{combination:?}");
        assert_eq!(world.changed(), 1);
        let progress: Vec<f64> = world.user.progress.lock().unwrap().iter().map(|it| it.progress).collect();
        assert!(progress.windows(2).all(|it| it[0] < it[1]), "{combination:?}: {progress:?}");
        assert!(!progress.is_empty(), "{combination:?}");
    }
}

/// Whatever the model says, the user's word counts.
#[tokio::test]
async fn a_user_who_does_not_agree_is_not_overruled() {
    let answers = [
        (ElicitationAction::Decline, Value::Null),
        (ElicitationAction::Cancel, Value::Null),
        (ElicitationAction::Accept, json!({"confirm": false})),
        (ElicitationAction::Accept, json!({"confirm": "true"})),
        (ElicitationAction::Accept, Value::Null),
    ];
    for (combination, answer) in
        COMBINATIONS.into_iter().flat_map(|it| answers.clone().map(|answer| (it, answer)))
    {
        let world = World::new(combination, Some(answer.clone()), true, Options::default()).await;
        let result = world.call("gadgetry_undeploy", json!({"confirm": true})).await;
        assert_eq!(result.is_error, Some(true), "{combination:?} {answer:?}");
        assert!(text(&result).contains("Nothing was changed"), "{}", text(&result));
        assert_eq!((world.changed(), world.asked().len()), (0, 1), "{combination:?} {answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_cannot_ask_says_it_by_an_argument() {
    for combination in COMBINATIONS {
        let world = World::new(combination, None, true, Options::default()).await;
        let result = world.call("gadgetry_upgrade", json!({})).await;
        assert_eq!(result.is_error, Some(true));
        let told = text(&result);
        assert!(told.contains("confirm: true") && told.contains("Upgrade will create Namespace n"), "{told}");
        assert_eq!(result.structured_content.as_ref().unwrap()["done"], json!(false));
        assert_eq!(world.changed(), 0, "{combination:?}");
        let result = world.call("gadgetry_upgrade", json!({"confirm": true})).await;
        assert_ne!(result.is_error, Some(true));
        assert_eq!(world.changed(), 1);
    }
}

#[tokio::test]
async fn a_dry_run_asks_nobody() {
    for combination in COMBINATIONS {
        let world = World::new(combination, yes(), true, Options::default()).await;
        let result = world.call("gadgetry_deploy", json!({"dry_run": true, "confirm": true})).await;
        assert_ne!(result.is_error, Some(true));
        let document = result.structured_content.unwrap();
        assert_eq!((&document["done"], &document["dry_run"]), (&json!(false), &json!(true)));
        assert_eq!(document["objects"][0]["kind"], json!("Namespace"));
        assert_eq!((world.changed(), world.asked().len()), (0, 0));
        let wrong = world.call("gadgetry_deploy", json!({"dry_run": "yes"})).await;
        assert_eq!(text(&wrong), "argument `dry_run`: \"yes\" is neither true nor false");
        let wrong = world.call("gadgetry_deploy", json!({"namespace": "x"})).await;
        assert_eq!(text(&wrong), "argument `namespace`: \"x\" is no place");
    }
}

/// In the stateless era the answer comes in a call of its own, with whatever a client likes in it.
#[tokio::test]
async fn an_answer_is_to_the_question_that_was_put() {
    let world = World::new((Transport::Http, Era::Stateless), yes(), true, Options::default()).await;
    let ask = async |request: CallToolRequestParams| match world.client.call_tool_once(request).await.unwrap()
    {
        CallToolResponse::InputRequired(asked) => asked.request_state.unwrap(),
        other => panic!("no question: {other:?}"),
    };
    let answered = |tool, state: &str| {
        let mut request = request(tool, json!({}));
        request.request_state = Some(state.to_owned());
        let answer = json!({"action": "accept", "content": {"confirm": true}});
        request.input_responses = Some([("confirm".to_owned(), answer)].into());
        request
    };
    // Made up; for another tool; without a state at all.
    let state = ask(request("gadgetry_deploy", json!({}))).await;
    ask(answered("gadgetry_deploy", "0123456789abcdef")).await;
    ask(answered("gadgetry_undeploy", &state)).await;
    let mut without = answered("gadgetry_deploy", "");
    without.request_state = None;
    ask(without).await;
    assert_eq!(world.changed(), 0);
    // Another cluster than the one that was shown.
    let state = ask(request("gadgetry_deploy", json!({}))).await;
    *world.cluster.shown.lock().unwrap() = " and remove everything else".to_owned();
    let state = ask(answered("gadgetry_deploy", &state)).await;
    assert_eq!(world.changed(), 0);
    // The question as it was put; and not twice.
    let done = world.client.call_tool_once(answered("gadgetry_deploy", &state)).await.unwrap();
    assert!(matches!(done, CallToolResponse::Complete(_)));
    assert_eq!(world.changed(), 1);
    ask(answered("gadgetry_deploy", &state)).await;
    assert_eq!(world.changed(), 1);
}

#[tokio::test]
async fn what_changes_something_is_listed_where_it_is_allowed() {
    let all = ["gadgetry_status", "gadgetry_deploy", "gadgetry_upgrade", "gadgetry_undeploy"];
    let read_only = || Options { read_only: true, ..Options::default() };
    for (destructive, options, expected) in [
        (true, Options::default(), &all[..]),
        (false, Options::default(), &all[..1]),
        (true, read_only(), &all[..1]),
    ] {
        let world = World::new((Transport::Pipes, Era::Sessions), yes(), destructive, options).await;
        let tools = world.client.list_tools(None).await.unwrap().tools;
        let ours: Vec<_> = tools.iter().filter(|it| it.name.starts_with("gadgetry_")).collect();
        assert_eq!(ours.iter().map(|it| &*it.name).collect::<Vec<_>>(), expected);
        for tool in ours {
            let hints = serde_json::to_value(tool.annotations.as_ref().unwrap()).unwrap();
            let looks = tool.name == "gadgetry_status";
            assert_eq!(
                hints,
                json!({"readOnlyHint": looks, "destructiveHint": !looks, "idempotentHint": true, "openWorldHint": false})
            );
            let properties = &tool.input_schema["properties"];
            for no in ["image", "policy", "token", "values"] {
                assert_eq!(properties.get(no), None, "a model does not say what runs");
            }
        }
        let status = world.call("gadgetry_status", json!({})).await;
        assert_eq!(status.structured_content.unwrap()["deployed"], json!(false));
        if expected.len() == 1 {
            assert!(
                world.client.call_tool(request("gadgetry_undeploy", json!({"confirm": true}))).await.is_err()
            );
            assert_eq!(world.changed(), 0);
        }
    }
}
