//! The same as tools for an assistant: what `gadgetry mcp` offers beside the gadgets.
//!
//! A model may say where and how much, but not what runs: image, policy and token are the operator's, from the file of
//! values that the server was started with.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use gadgetry_deploy::{Cluster, Given, Plan, Progress, Removal, Request};
use gadgetry_mcp::beside::Beside;
use gadgetry_mcp::lifecycle::{Action, Doing, Lifecycle, OnStep, Operator, Planned};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::{columns, counted};
use crate::cli::deploy::{Cluster as ClusterFlags, Lifecycle as Flags};

/// How long a call waits for readiness, when it is not said.
const PATIENCE: u64 = 120;
/// The longest it may wait.
const LONGEST: u64 = 600;

/// What `gadgetry mcp` offers beside the gadgets. `gadgetry_status` is there `always`, or with the tools that change something;
/// those only if that is allowed. The cluster is first asked when a tool is called.
pub(crate) fn lifecycle(flags: &Flags, always: bool) -> Result<Vec<Arc<dyn Beside>>> {
    let Flags { allow_destructive, deploy_values, cluster } = flags;
    if !always && !allow_destructive {
        return Ok(Vec::new());
    }
    let mut values = Given::default();
    for file in deploy_values {
        values.file(file)?;
    }
    let operator = OnCluster { flags: cluster.clone(), values, cluster: OnceCell::new() };
    Ok(vec![Arc::new(Lifecycle::new(operator, *allow_destructive))])
}

/// Works on the cluster that the flags name.
struct OnCluster {
    flags: ClusterFlags,
    values: Given,
    cluster: OnceCell<Cluster>,
}

/// What a model may say of an install.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Arguments {
    namespace: Option<String>,
    overlays: Vec<String>,
    node_selector: Option<Map<String, Value>>,
    replicas: Option<u16>,
    rotate_certificates: bool,
    wait_seconds: Option<u64>,
}

impl Arguments {
    /// Those of `action`: what another action takes is refused.
    fn read(action: Action, arguments: Map<String, Value>) -> Result<Self, String> {
        let takes = |name: &str| match name {
            "wait_seconds" => true,
            "namespace" => action == Action::Deploy,
            "rotate_certificates" => action == Action::Upgrade,
            _ => action != Action::Undeploy,
        };
        if let Some(name) = arguments.keys().find(|name| !takes(name)) {
            return Err(format!("argument `{name}`: there is none of this name"));
        }
        serde_json::from_value(Value::Object(arguments)).map_err(|error| format!("the arguments: {error}"))
    }

    fn wait(&self) -> Result<Option<Duration>, String> {
        match self.wait_seconds.unwrap_or(PATIENCE) {
            0 => Ok(None),
            seconds @ 1..=LONGEST => Ok(Some(Duration::from_secs(seconds))),
            _ => Err(format!("argument `wait_seconds`: at most {LONGEST}")),
        }
    }
}

impl OnCluster {
    async fn cluster(&self) -> Result<&Cluster, String> {
        let connect = || super::connect(&self.flags);
        self.cluster.get_or_try_init(connect).await.map_err(|error| format!("{error:#}"))
    }

    async fn planned(
        &self,
        action: Action,
        arguments: Map<String, Value>,
    ) -> Result<Box<dyn Planned>, String> {
        let arguments = Arguments::read(action, arguments)?;
        let wait = arguments.wait()?;
        let cluster = self.cluster().await?.clone();
        if action == Action::Undeploy {
            let removal = gadgetry_deploy::removal(&cluster).await.map_err(|error| error.to_string())?;
            return Ok(Box::new(Undeploy { cluster, removal, wait }));
        }
        let mut values = self.values.clone();
        let mut said = Map::new();
        if let Some(labels) = arguments.node_selector {
            said.insert("agent".to_owned(), json!({"nodeSelector": labels}));
        }
        if let Some(replicas) = arguments.replicas {
            said.insert("server".to_owned(), json!({"replicas": replicas}));
        }
        values.merge(said);
        let request = Request {
            upgrade: action == Action::Upgrade,
            namespace: arguments.namespace,
            overlays: arguments.overlays,
            values,
            rotate: arguments.rotate_certificates,
            wait,
        };
        let plan = gadgetry_deploy::plan(&cluster, request).await.map_err(|error| error.to_string())?;
        Ok(Box::new(Install { cluster, plan }))
    }
}

impl Operator for OnCluster {
    fn status(&self) -> Doing<'_, (Value, String)> {
        Box::pin(async {
            let status = gadgetry_deploy::status(self.cluster().await?).await;
            let status = status.map_err(|error| error.to_string())?;
            let document = serde_json::to_value(&status).map_err(|error| error.to_string())?;
            Ok((document, status.text()))
        })
    }

    fn plan(&self, action: Action, arguments: Map<String, Value>) -> Doing<'_, Box<dyn Planned>> {
        Box::pin(self.planned(action, arguments))
    }
}

struct Install {
    cluster: Cluster,
    plan: Plan,
}

struct Undeploy {
    cluster: Cluster,
    removal: Removal,
    wait: Option<Duration>,
}

fn shown(head: &str, notes: &[String], list: &str) -> String {
    let notes: String = notes.iter().map(|note| format!("Note: {note}.\n")).collect();
    format!("{head}\n{notes}{list}")
}

fn on_step(step: OnStep) -> impl Fn(Progress) + Send + Sync {
    move |Progress { done, of, what }| step(done, of, what)
}

fn finished(
    done: Result<gadgetry_deploy::Done, gadgetry_deploy::InstallError>,
) -> Result<Map<String, Value>, String> {
    let done = done.map_err(|error| error.to_string())?;
    match serde_json::to_value(&done) {
        Ok(Value::Object(map)) => Ok(map),
        other => Err(format!("what was done cannot be told: {other:?}")),
    }
}

impl Planned for Install {
    fn text(&self) -> String {
        let Plan { cluster, namespace, overlays, from, notes, .. } = &self.plan;
        let from = from.as_deref().map(|it| format!(" in place of {it}")).unwrap_or_default();
        let head = format!(
            "Install gadgetry {}{from} into namespace {namespace} of the cluster {cluster} (overlay {}): agents that see \
             everything on their nodes, image {}.\n{}:",
            env!("CARGO_PKG_VERSION"),
            overlays.join(", "),
            self.plan.images().join(", "),
            counted(self.plan.counts(), true),
        );
        shown(&head, notes, &columns(&self.plan.lines(), ""))
    }

    fn document(&self) -> Map<String, Value> {
        Map::from_iter([
            ("objects".to_owned(), json!(self.plan.lines())),
            ("notes".to_owned(), json!(self.plan.notes)),
        ])
    }

    fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }

    fn carry_out(&self, step: OnStep, cancel: CancellationToken) -> Doing<'_, Map<String, Value>> {
        Box::pin(async move {
            let step = on_step(step);
            finished(gadgetry_deploy::install(&self.cluster, &self.plan, &step, &cancel).await)
        })
    }
}

impl Planned for Undeploy {
    fn text(&self) -> String {
        let lines = self.removal.lines();
        let head = match lines.len() {
            0 => format!("There is nothing of gadgetry in the cluster {}.", self.removal.cluster),
            count => format!("Remove gadgetry, {count} objects, from the cluster {}:", self.removal.cluster),
        };
        shown(&head, &self.removal.notes, &columns(&lines, ""))
    }

    fn document(&self) -> Map<String, Value> {
        Map::from_iter([
            ("objects".to_owned(), json!(self.removal.lines())),
            ("notes".to_owned(), json!(self.removal.notes)),
        ])
    }

    fn is_empty(&self) -> bool {
        self.removal.is_empty()
    }

    fn carry_out(&self, step: OnStep, cancel: CancellationToken) -> Doing<'_, Map<String, Value>> {
        Box::pin(async move {
            let step = on_step(step);
            let Self { cluster, removal, wait } = self;
            finished(gadgetry_deploy::undeploy(cluster, removal, *wait, &step, &cancel).await)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_cannot_say_what_runs() {
        for name in ["image", "values", "policy", "token", "gadget_images", "kubeconfig"] {
            let arguments = Map::from_iter([(name.to_owned(), json!("x"))]);
            let error = Arguments::read(Action::Deploy, arguments).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn arguments_are_those_of_the_action() {
        let read = |action, arguments: Value| {
            Arguments::read(action, arguments.as_object().unwrap().clone()).map(|it| it.wait().unwrap())
        };
        let minute = Some(Duration::from_secs(60));
        assert_eq!(read(Action::Undeploy, json!({"wait_seconds": 60})), Ok(minute));
        assert_eq!(read(Action::Upgrade, json!({"wait_seconds": 0, "rotate_certificates": true})), Ok(None));
        assert!(read(Action::Undeploy, json!({"replicas": 2})).is_err());
        assert!(read(Action::Upgrade, json!({"namespace": "a"})).is_err());
        assert!(read(Action::Deploy, json!({"replicas": "many"})).is_err());
        let long = Arguments { wait_seconds: Some(3600), ..Arguments::default() };
        assert!(long.wait().is_err());
    }
}
