//! A client that listens while gadgets come, change and go, and gadgets in a registry that can be changed.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gadget_registry::descriptor::RESERVED_TOOLS;
use rmcp::service::{NotificationContext, RunningService};
use rmcp::transport::TokioChildProcess;
use rmcp::{ClientHandler, RoleClient, ServiceExt};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::host::Host;

/// Longer than a change takes to be seen, shorter than a person waits.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A client that listens.
#[derive(Clone, Default)]
pub struct Ear(Arc<Notify>);

impl ClientHandler for Ear {
    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.notify_one();
    }
}

/// A running server, and a client of the session era that is told of changes.
pub struct Listener {
    /// The client.
    pub client: RunningService<RoleClient, Ear>,
    pid: u32,
}

impl Listener {
    /// Starts `gadgetry mcp ARGUMENTS` with a client of the session era.
    pub async fn start(host: &Host, arguments: &[&str]) -> Self {
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

    /// The names of the gadgets' tools.
    pub async fn tools(&self) -> Vec<String> {
        let list = self.client.list_tools(None).await.expect("a list").tools;
        let gadgets = list.into_iter().map(|tool| tool.name.into_owned());
        gadgets.filter(|it| !RESERVED_TOOLS.contains(&it.as_str())).collect()
    }

    /// Waits until it is told of a change.
    pub async fn changed(&self, why: &str) {
        timeout(PATIENCE, self.client.service().0.notified())
            .await
            .unwrap_or_else(|_| panic!("not told: {why}"));
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.pid.to_string()]).status();
        assert!(sent.expect("kill starts").success());
    }

    /// The description of the tool `echo`.
    pub async fn description(&self) -> String {
        let list = self.client.list_tools(None).await.expect("a list").tools;
        let tool = list.into_iter().find(|tool| tool.name == "echo").expect("the tool is there");
        tool.description.expect("a description").into_owned()
    }
}

/// Builds `folder` as `image` and pushes it.
pub fn publish(host: &Host, folder: &Path, image: &str, insecure: &str) {
    let (sdk, folder) = (crate::root().display().to_string(), folder.display().to_string());
    host.ok(&["gadget", "build", &folder, "--sdk", &sdk, "--tag", image]);
    host.ok(&["gadget", "push", image, insecure]);
}

/// The gadget `echo`, in a folder where it can be changed.
pub fn copy_of_echo(host: &Host) -> std::path::PathBuf {
    let folder = host.folder().join("echo");
    let from = crate::root().join("tests/gadgets/echo");
    let copied = Command::new("cp").arg("-r").args([&from, &folder]).status();
    assert!(copied.expect("cp starts").success());
    let sdk = crate::root().join("sdk").display().to_string();
    rewrite(&folder.join("Cargo.toml"), "../../../sdk", &sdk);
    folder
}

/// Replaces a part of a file, which must be there.
pub fn rewrite(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).expect("the file");
    assert!(text.contains(from), "{from} is not in {}", file.display());
    std::fs::write(file, text.replace(from, to)).expect("the file");
}
