//! Removes what is ours, by its labels and by nothing else: the last things first, the namespace last of all, and only if
//! nothing of others is in it.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::api::{Cluster, ClusterError};
use crate::install::{Done, InstallError, OnProgress, Progress};
use crate::kind::{KINDS, Kind, resource};
use crate::object::{Id, Object};
use crate::plan::{Action, Line, counts, is_root, line};
use crate::wait;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// What would be removed.
pub struct Removal {
    /// The cluster's name.
    pub cluster: String,
    /// What a person should know before they agree.
    pub notes: Vec<String>,
    ids: Vec<Id>,
}

impl Removal {
    /// Its lines, in the order in which they are done.
    pub fn lines(&self) -> Vec<Line> {
        self.ids.iter().map(|id| line(Action::Remove, id.clone())).collect()
    }

    /// As [`crate::Plan::counts`].
    pub fn counts(&self) -> [usize; 4] {
        counts(&self.lines())
    }

    /// Whether there is anything to remove.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// Finds what is ours.
pub async fn removal(cluster: &Cluster) -> Result<Removal, ClusterError> {
    let (mut ids, mut notes) = (Vec::new(), Vec::new());
    for kind in KINDS.iter().rev() {
        for object in cluster.ours(kind).await?.into_iter().filter(is_root) {
            match object.kind() {
                "Namespace" => {
                    let others = strangers(cluster, object.name()).await?;
                    if others.is_empty() {
                        ids.push(object.id());
                    } else {
                        notes.push(format!(
                            "the namespace {} stays: it has what is not ours ({})",
                            object.name(),
                            others.join(", ")
                        ));
                    }
                }
                "CustomResourceDefinition" => {
                    let count = gadgets(cluster, &object).await?;
                    if count > 0 {
                        notes.push(format!("{count} Gadget objects go with their definition"));
                    }
                    ids.push(object.id());
                }
                _ => ids.push(object.id()),
            }
        }
    }
    Ok(Removal { cluster: cluster.name().to_owned(), notes, ids })
}

async fn gadgets(cluster: &Cluster, definition: &Object) -> Result<usize, ClusterError> {
    let text = |pointer: &str| definition.0.pointer(pointer).and_then(|it| it.as_str()).unwrap_or_default();
    let (group, version) = (text("/spec/group"), text("/spec/versions/0/name"));
    let api_version = format!("{group}/{version}");
    let resource = resource(&api_version, text("/spec/names/kind"), text("/spec/names/plural"));
    match cluster.list(&resource, None, "").await {
        Ok(all) => Ok(all.len()),
        // Defined a moment ago, and not served yet.
        Err(error) if error.is_not_found() => Ok(0),
        Err(error) => Err(error),
    }
}

/// What in a namespace is not ours, a few of it. What every namespace has, or what follows from other objects, is nobody's.
async fn strangers(cluster: &Cluster, namespace: &str) -> Result<Vec<String>, ClusterError> {
    let mut found = Vec::new();
    let kinds = KINDS.iter().filter(|kind| kind.namespaced).map(|kind| kind.resource.clone());
    let more = [
        wait::pods(),
        resource("apps/v1", "StatefulSet", "statefulsets"),
        resource("batch/v1", "Job", "jobs"),
        resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ];
    for resource in kinds.chain(more) {
        let all = cluster.list(&resource, Some(namespace), "").await?;
        let others = all.iter().filter(|it| !it.is_ours() && is_root(it) && !is_of_every_namespace(it));
        found.extend(others.map(|it| format!("{} {}", it.kind(), it.name())));
        if found.len() > 3 {
            break;
        }
    }
    found.truncate(3);
    Ok(found)
}

fn is_of_every_namespace(object: &Object) -> bool {
    match object.kind() {
        "ServiceAccount" => object.name() == "default",
        "ConfigMap" => ["kube-root-ca.crt", "openshift-service-ca.crt"].contains(&object.name()),
        // Made by the cluster for a service account.
        "Secret" => object.annotation("kubernetes.io/service-account.name").is_some(),
        _ => false,
    }
}

/// Removes what `removal` found; with `within` it waits until all of it is gone.
pub async fn undeploy(
    cluster: &Cluster,
    removal: &Removal,
    within: Option<Duration>,
    progress: OnProgress<'_>,
    cancel: &CancellationToken,
) -> Result<Done, InstallError> {
    let started = Instant::now();
    let of = removal.ids.len();
    for (done, id) in removal.ids.iter().enumerate() {
        if cancel.is_cancelled() {
            return Err(InstallError::Cancelled { done, of });
        }
        progress(Progress { done, of, what: format!("remove {id}") });
        // What is ours by its labels now, and not only when it was looked at.
        let removed = match cluster.get(id).await {
            Ok(Some(object)) if object.is_ours() => cluster.delete(id).await.map(drop),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(|source| InstallError::Cluster { done, of, source })?;
    }
    let Some(within) = within else { return Ok(Done { objects: removal.lines(), ready: None }) };
    for id in &removal.ids {
        while Kind::named(&id.kind).is_some() && cluster.get(id).await?.is_some_and(|it| it.is_ours()) {
            if started.elapsed() >= within {
                return Err(InstallError::Remains { after: within, what: id.to_string() });
            }
            progress(Progress { done: of, of, what: format!("waiting for {id} to be gone") });
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = cancel.cancelled() => return Err(InstallError::Cancelled { done: of, of }),
            }
        }
    }
    progress(Progress { done: of, of, what: "gone".to_owned() });
    Ok(Done { objects: removal.lines(), ready: Some(true) })
}
