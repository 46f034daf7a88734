//! Gadgets that come, change and go while the server runs, each told to a client that did nothing but listen: by the
//! file of images, by a tag that moved in a real registry, and by SIGHUP; and a call that outlives its gadget.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gadget_registry::descriptor::RESERVED_TOOLS;
use gadgetry_tests::host::Host;
use gadgetry_tests::registry::Registry;
use rmcp::model::CallToolRequestParams;
use rmcp::service::{NotificationContext, RunningService};
use rmcp::transport::TokioChildProcess;
use rmcp::{ClientHandler, RoleClient, ServiceExt};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Longer than a change takes to be seen, shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client that listens.
#[derive(Clone, Default)]
struct Ear(Arc<Notify>);

impl ClientHandler for Ear {
    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.notify_one();
    }
}

struct World {
    client: RunningService<RoleClient, Ear>,
    pid: u32,
}

impl World {
    /// Starts `gadgetry mcp ARGUMENTS` with a client of the session era.
    async fn start(host: &Host, arguments: &[&str]) -> Self {
        let mut command = vec!["mcp"];
        command.extend_from_slice(arguments);
        let command = tokio::process::Command::from(host.command(&command));
        let process = TokioChildProcess::new(command).expect("gadgetry starts");
        let pid = process.id().expect("a process");
        let client = Ear::default().serve(process).await.expect("a session");
        // The server learns of the session by a notification, which nothing answers.
        sleep(Duration::from_millis(300)).await;
        Self { client, pid }
    }

    async fn tools(&self) -> Vec<String> {
        let list = self.client.list_tools(None).await.expect("a list").tools;
        let gadgets = list.into_iter().map(|tool| tool.name.into_owned());
        gadgets.filter(|it| !RESERVED_TOOLS.contains(&it.as_str())).collect()
    }

    async fn changed(&self, why: &str) {
        timeout(PATIENCE, self.client.service().0.notified())
            .await
            .unwrap_or_else(|_| panic!("not told: {why}"));
    }

    fn hang_up(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.pid.to_string()]).status();
        assert!(sent.expect("kill starts").success());
    }

    /// The description of the tool `echo`.
    async fn description(&self) -> String {
        let list = self.client.list_tools(None).await.expect("a list").tools;
        let tool = list.into_iter().find(|tool| tool.name == "echo").expect("the tool is there");
        tool.description.expect("a description").into_owned()
    }
}

/// Builds `folder` as `image` and pushes it.
fn publish(host: &Host, folder: &Path, image: &str, insecure: &str) {
    let (sdk, folder) = (gadgetry_tests::root().display().to_string(), folder.display().to_string());
    host.ok(&["gadget", "build", &folder, "--sdk", &sdk, "--tag", image]);
    host.ok(&["gadget", "push", image, insecure]);
}

/// The gadget `echo`, in a folder where it can be changed.
fn copy_of_echo(host: &Host) -> std::path::PathBuf {
    let folder = host.folder().join("echo");
    let from = gadgetry_tests::root().join("tests/gadgets/echo");
    let copied = Command::new("cp").arg("-r").args([&from, &folder]).status();
    assert!(copied.expect("cp starts").success());
    let sdk = gadgetry_tests::root().join("sdk").display().to_string();
    rewrite(&folder.join("Cargo.toml"), "../../../sdk", &sdk);
    folder
}

fn rewrite(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).expect("the file");
    assert!(text.contains(from), "{from} is not in {}", file.display());
    std::fs::write(file, text.replace(from, to)).expect("the file");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_images_adds_and_removes_gadgets_and_never_mid_run() {
    let host = Host::new();
    let file = host.folder().join("images");
    std::fs::write(&file, "snapshot_process\n").expect("the file");
    let flag = format!("--gadget-images-file={}", file.display());
    let world = World::start(&host, &[&flag]).await;
    assert_eq!(world.tools().await, ["snapshot_process"]);

    std::fs::write(&file, "snapshot_process\ntrace_open # and this\n").expect("the file");
    world.changed("a gadget was added").await;
    assert_eq!(world.tools().await, ["snapshot_process", "trace_open"]);

    // A call begins, and its gadget goes while it runs.
    let arguments = json!({"duration": 4, "comm": "nobody-here"});
    let call =
        CallToolRequestParams::new("trace_open").with_arguments(arguments.as_object().expect("one").clone());
    let peer = world.client.peer().clone();
    let running = tokio::spawn(async move { peer.call_tool(call).await });
    sleep(Duration::from_millis(500)).await;
    std::fs::write(&file, "snapshot_process\n").expect("the file");
    world.changed("a gadget was removed").await;
    assert_eq!(world.tools().await, ["snapshot_process"]);
    assert!(!running.is_finished(), "the run ended with its gadget");
    let answer = timeout(PATIENCE, running).await.expect("an answer").expect("no panic").expect("no error");
    assert_eq!(answer.is_error, Some(false), "{answer:?}");
    let structured = answer.structured_content.expect("an answer");
    assert!(structured["summary"]["duration_ms"].as_u64() >= Some(4000), "{structured}");

    // A name that is nowhere takes nothing away.
    std::fs::write(&file, "snapshot_process\ntrace_exec\nlocalhost:1/no/such:v1\n").expect("the file");
    world.changed("a gadget was added beside a wrong one").await;
    assert_eq!(world.tools().await, ["snapshot_process", "trace_exec"]);
    world.client.cancel().await.expect("the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moved_is_found_on_the_interval_and_on_sighup() {
    let host = Host::new();
    let registry = Registry::start();
    let image = format!("{}/test/echo:v1", registry.host());
    let insecure = format!("--insecure-registry={}", registry.host());
    let folder = copy_of_echo(&host);
    publish(&host, &folder, &image, &insecure);
    // The server has a store of its own, as on another machine.
    let other = Host::new();
    let images = format!("--gadget-images={image}");
    let often = [images.as_str(), insecure.as_str(), "--allow-unsigned", "--refresh=1s"];
    let world = World::start(&other, &often).await;
    assert_eq!(
        world.description().await,
        "Returns its text, repeated. For testing that a call reaches a gadget and comes back."
    );
    assert_eq!(world.tools().await, ["echo", "nothing"]);

    let source = folder.join("src/lib.rs");
    rewrite(&source, "Returns its text, repeated.", "Returns its text, changed.");
    publish(&host, &folder, &image, &insecure);
    world.changed("the tag moved").await;
    assert!(world.description().await.starts_with("Returns its text, changed."));
    world.client.cancel().await.expect("the end");

    // Without an interval, a signal is what it takes.
    let seldom = [images.as_str(), insecure.as_str(), "--allow-unsigned"];
    let world = World::start(&other, &seldom).await;
    assert!(world.description().await.starts_with("Returns its text, changed."));
    rewrite(&source, "Returns its text, changed.", "Returns its text, again.");
    publish(&host, &folder, &image, &insecure);
    sleep(Duration::from_secs(2)).await;
    assert!(world.description().await.starts_with("Returns its text, changed."));
    world.hang_up();
    world.changed("SIGHUP").await;
    assert!(world.description().await.starts_with("Returns its text, again."));

    // A registry that is gone takes nothing away.
    drop(registry);
    world.hang_up();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(world.tools().await, ["echo", "nothing"]);
    world.client.cancel().await.expect("the end");
}
